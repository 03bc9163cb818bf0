"""What `crawl urls.txt` does, from settings to exit code.

    settings ──► plan, inputs ──► (patched process) ──► outputs ──► crawl_list ──► summary, code

Exit codes: 0 every URL was fetched; 1 some failed (`fail_on`); 2 usage; 3 an input cannot be read
or an output written; 4 stopped by a limit; 130 and 143 stopped by a signal.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import crawler
from crawler import config, engines, handover, options, reading, report
from crawler.console import Console, is_terminal, start_logging
from crawler.crawling import TICK, Plan, crawl_list
from crawler.errors import CrawlerError, EngineUnavailable, InputError, SinkError
from crawler.frontier.seen import Seen
from crawler.outputs import Outputs
from crawler.safety import safe_text
from crawler.sinks import OutputClosed
from crawler.stats import INVALID, Stats
from crawler.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from crawler.config import Settings
    from crawler.model import Outcome

FAILED = 1
USAGE = 2
LOCAL_FAULT = 3
_SPARE_FILES = 64  # descriptors for ourselves: outputs, shards, the engine's own


@dataclass(slots=True)
class Ended:
    """How a run ended."""

    code: int
    at_once: bool = False  # leave without closing the engine, which may wait for its exchanges


def run(settings: Settings, *, arguments: Sequence[str], environ: Mapping[str, str]) -> Ended:
    """Fetch the list the settings name.

    Replaces this process by a patched one when the engine needs that; nothing was read from stdin
    or written by then.

    Args:
        settings: the effective settings.
        arguments: the command line, for the process that replaces this one.
        environ: the environment.

    Raises:
        ConfigError, EngineUnavailable: exit code 2.
        InputError, SinkError: exit code 3.
    """
    plan = plan_of(settings)
    inputs = inputs_of(settings)
    template = template_of(settings)
    reading.check(inputs)
    if engines.needs_patch(plan.engine) and not engines.is_patched():
        handover.give(settings, arguments=arguments, environ=environ)
    reason = engines.unavailable(plan.engine)
    if reason:
        raise EngineUnavailable(reason)
    console = Console(
        quiet=settings.count("quiet") > 0, progress=settings.flag("progress"), environ=environ
    )
    start_logging(settings.count("verbose"))
    plan = _within_descriptors(plan, console)
    entries = reading.Reading(inputs, template=template, seen=Seen())
    with Outputs(settings, inputs, plan.engine, environ) as outputs:
        return _Run(settings, plan, entries, outputs, console).perform()


def handed_over() -> NoReturn:
    """Go on with `run` in the patched process, and end it."""
    descriptor, *arguments = sys.argv[2:]
    # What a log or an error shows of the command line is what the user typed.
    sys.argv[1:] = arguments
    settings = handover.take(int(descriptor))
    try:
        leave(run(settings, arguments=arguments, environ=os.environ))
    except CrawlerError as error:
        sys.exit(complain(error))


def complain(error: CrawlerError) -> int:
    """Say on stderr what went wrong; the exit code for it."""
    message = "\n".join(safe_text(line) for line in str(error).split("\n"))
    with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr may be gone
        sys.stderr.write(f"crawl: {message}\n")
    return LOCAL_FAULT if isinstance(error, SinkError | InputError) else USAGE


def leave(ended: Ended) -> NoReturn:
    """End the process, without waiting for what was abandoned."""
    if not ended.at_once:
        sys.exit(ended.code)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(ended.code)


def plan_of(settings: Settings) -> Plan:
    """How to fetch, as the settings say. Raises ConfigError."""
    if settings.count("concurrency") < 1:
        raise settings.error("concurrency", "must be at least 1")
    engine = settings.text("engine")
    return Plan(
        engine=engine,
        # One after the other: what would wait inside the engine had better wait in the input.
        concurrency=1 if is_sequential(engine) else settings.count("concurrency"),
        limits=config.limits(settings),
        network=config.network(settings),
        follow=settings.count("max_redirects") if settings.flag("redirects") else 0,
        retry_on=options.retry_words(settings.text("retry_on")),
        per_host=settings.count("per_host"),
        delay=settings.number("delay"),
        rate=settings.number("rate"),
    )


def template_of(settings: Settings) -> reading.Template:
    """What all requests have in common. Raises ConfigError, InputError."""
    data = settings.text("data")
    body = data.encode()
    if data.startswith("@"):
        try:
            body = Path(data[1:]).read_bytes()
        except OSError as error:
            raise InputError(f"cannot read {data[1:]!r} for --data: {error.strerror}") from error
    method = settings.text("method").upper()
    if settings.flag("head"):
        if body or method not in {"", "HEAD"}:
            raise settings.error("head", "not together with --data or another --method")
        method = "HEAD"
    method = method or ("POST" if body else "GET")
    return reading.Template(method, config.headers(settings, crawler.__version__), body)


def is_sequential(engine: str) -> bool:
    """Whether the engine has one exchange under way at most."""
    return engine.partition("+")[0] == "sequential"


def inputs_of(settings: Settings) -> tuple[str, ...]:
    """The inputs; stdin when none is named and it is no terminal. Raises ConfigError."""
    inputs = settings.texts("input")
    if inputs:
        return inputs
    if is_terminal(0):
        raise settings.error("input", "name a file of URLs, a URL, or - for stdin")
    return ("-",)


def _within_descriptors(plan: Plan, console: Console) -> Plan:
    """The plan with no more concurrency than descriptors can be had for."""
    needed = 2 * plan.concurrency + _SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    infinite = resource.RLIM_INFINITY
    if soft == infinite or soft >= needed:
        return plan
    with contextlib.suppress(ValueError, OSError):
        soft = needed if hard == infinite else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft >= needed:
        return plan
    fitting = max(1, min(plan.concurrency, (soft - _SPARE_FILES // 2) // 2))
    if fitting < plan.concurrency:
        console.say(
            f"crawl: concurrency {fitting} instead of {plan.concurrency}: only {soft} files may be"
            f" open (ulimit -n {needed} allows it)"
        )
    return replace(plan, concurrency=fitting)


class _Run:
    """One run: the loop's observers, and how it ends."""

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        entries: reading.Reading,
        outputs: Outputs,
        console: Console,
    ) -> None:
        self._plan = plan
        self._entries = entries
        self._outputs = outputs
        self._console = console
        self._fail_on = options.share(settings.text("fail_on"))
        self._stats = Stats()
        self._stop = Stop(
            grace=settings.number("grace"), max_run_time=settings.number("max_run_time")
        )
        self._grace = settings.number("grace")
        self._shown = 0.0  # when everything was last flushed and drawn
        self._said = False  # that the run is stopping

    def perform(self) -> Ended:
        """Run to the end and report it."""
        left = 0
        fault: Exception | None = None
        with self._stop.signals():
            try:
                left = crawl_list(
                    self._entries, self._plan, self._stop, write=self._write, tick=self._tick
                )
            except (SinkError, InputError) as error:
                fault = error
            self._console.erase()
            closing = self._outputs.close()
            if fault is None or isinstance(fault, OutputClosed):
                fault = closing or fault
        code = self._code(fault)
        if fault is None:
            snapshot = self._stats.snapshot(self._entries.lines)
            assert snapshot.unfinished == left, f"accounts: {snapshot} but {left} left"
        if not isinstance(fault, OutputClosed):
            self._show()
        self._save(code)
        return Ended(code, at_once=self._stop.over or fault is not None)

    def _write(self, outcome: Outcome) -> None:
        self._outputs.write(outcome)
        self._stats.add(outcome)
        if not outcome.ok and not hasattr(outcome, "status") and outcome.error.code == INVALID:
            self._console.bad_line(str(outcome.error))

    def _tick(self, under_way: int) -> None:
        self._outputs.flush(everything=False)
        now = time.monotonic()
        if now - self._shown < TICK:
            return
        self._shown = now
        if self._stop.asked and not self._said:
            self._said = True
            self._console.say(
                f"crawl: {self._stop.reason}: finishing what is under way, {self._grace:g} s at"
                " most (a second signal leaves at once)"
            )
        if self._console.progress:
            self._console.erase()
        self._outputs.flush(everything=True)
        if self._console.progress:
            size = self._entries.size
            read = min(1.0, self._entries.position / size) if size else None
            snapshot = self._stats.snapshot(self._entries.lines)
            self._console.draw(report.progress(snapshot, under_way=under_way, read=read))

    def _code(self, fault: Exception | None) -> int:
        if isinstance(fault, OutputClosed):
            return 0
        if fault is not None:
            self._console.error(f"crawl: {fault}")
            return LOCAL_FAULT
        if self._stop.asked:
            return self._stop.code
        bad = self._stats.failed + self._stats.invalid
        asked = bad + self._stats.fetched
        return FAILED if bad and bad / asked >= self._fail_on else 0

    def _show(self) -> None:
        """The summary, for people."""
        snapshot = self._stats.snapshot(self._entries.lines)
        if not snapshot.lines:
            self._console.say("crawl: the input has no URLs")
        if is_terminal(1) and is_terminal(2):
            self._console.say("")
        self._console.say(report.summary(snapshot))

    def _save(self, code: int) -> None:
        """The summary, for programs. Raises SinkError."""
        if self._outputs.summary is None:
            return
        record = report.summary_record(
            self._stats.snapshot(self._entries.lines),
            engine=self._plan.engine,
            concurrency=self._plan.concurrency,
            code=code,
            stopped=self._stop.reason,
        )
        self._outputs.summary.add(json.dumps(record).encode() + b"\n")
        self._outputs.summary.close()
