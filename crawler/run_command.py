"""What `crawl urls.txt` does, from settings to exit code.

    settings ──► plan, inputs ──► (patched process) ──► outputs ──► crawl_list ──► summary, code

Exit codes: 0 every URL was fetched; 1 some failed (`fail_on`); 2 usage; 3 an input cannot be read
or an output written; 4 stopped by a limit; 130 and 143 stopped by a signal.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import time
from typing import TYPE_CHECKING

from crawler import descriptors, engines, handover, logs, options, reading, report, sharding, why
from crawler.console import Console, is_terminal
from crawler.contracts import State as Became
from crawler.crawling import WINDOW, crawled, discovery_of
from crawler.ending import FAILED, NO_MEMORY, Ended, complain, leave
from crawler.errors import (
    CrawlerError,
    EngineUnavailable,
    FrontierError,
    InputError,
    SinkError,
)
from crawler.manners_file import MannersFile
from crawler.model import Failure
from crawler.outputs import Outputs, mode_of, refuse_clashes
from crawler.planning import (
    columns_of,
    frontier_of,
    inputs_of,
    plan_of,
    reading_of,
    scope_of,
    template_of,
)
from crawler.sinks import OutputClosed
from crawler.state import INPUT, State
from crawler.stats import INVALID, Stats
from crawler.stopping import LIMIT_REACHED, LOCAL_FAULT, Stop
from crawler.watching import TICK
from crawler.why import Spent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from crawler.config import Settings
    from crawler.model import Final, Response
    from crawler.plan import Plan
    from crawler.scope import Scope
    from crawler.stats import Snapshot

_FINISHED = (
    "crawl: this crawl is finished, and its input says nothing new: `crawl resume {0}"
    " --if-modified` fetches it anew, `crawl export {0}` writes what it knows"
)


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
    scope = scope_of(settings)
    read = (*settings.texts("retry_failed"), *inputs)
    reading.check(read)
    refuse_clashes(settings, read)
    is_here = plan.processes == 1  # else it is others that are patched
    if is_here and engines.needs_patch(plan.engine) and not engines.is_patched():
        handover.give(settings, arguments=arguments, environ=environ)
    reason = sharding.refusal(plan.engine, plan.processes)
    if reason:
        raise EngineUnavailable(reason)
    console = Console(
        quiet=settings.count("quiet") > 0, progress=settings.flag("progress"), environ=environ
    )
    log_file, log_format = settings.text("log_file"), settings.text("log_format")
    logs.begin(settings.count("verbose"), log_file, log_format, console.say)
    plan = descriptors.within(plan, console.say)
    with contextlib.closing(frontier_of(settings, template)) as frontier:
        state = State(frontier, settings, read)
        entries = reading_of(settings, inputs, template)
        columns = columns_of(settings, inputs)
        with Outputs(
            settings, plan.engine, environ,
            columns=columns, marks=state.marks, goes_on=state.goes_on,
        ) as outputs:  # fmt: skip
            return _Run(settings, plan, entries, scope, state, outputs, console).perform()


def handed_over() -> NoReturn:
    """Go on with `run` in the patched process, and end it."""
    descriptor, *arguments = sys.argv[2:]
    # What a log or an error shows of the command line is what the user typed.
    sys.argv[1:] = arguments
    settings = handover.take(int(descriptor))
    try:
        leave(run(settings, arguments=arguments, environ=os.environ))
    except (CrawlerError, MemoryError) as error:
        sys.exit(complain(error))


class _Run:
    """One run: the record of the loop, what is shown, and how it ends."""

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        entries: reading.Reading,
        scope: Scope | None,
        state: State,
        outputs: Outputs,
        console: Console,
    ) -> None:
        self._plan = plan
        self._entries = entries
        self._scope = scope
        self._discovery = discovery_of(plan, state.frontier, scope)
        self._state = state
        self._frontier = state.frontier
        self._outputs = outputs
        self._console = console
        self._path = settings.text("state")
        self._most_failed = settings.count("max_errors")
        self._fail_on = options.share(settings.text("fail_on"))
        self._stats = Stats()
        self._spent = Spent()
        mode = mode_of(settings, resumable=False)
        self._manners = MannersFile(
            state.frontier.lines,
            settings.text("manners"),
            # As the summary: that of a crawl that goes on replaces the one it had.
            mode="overwrite" if state.goes_on and mode == "new" else mode,
        )
        self._stop = Stop(
            grace=settings.number("grace"), max_run_time=settings.number("max_run_time")
        )
        self._grace = settings.number("grace")
        self._shown = 0.0  # when everything was last flushed and drawn
        self._said = False  # that the run is stopping

    def perform(self) -> Ended:
        """Run to the end and report it."""
        fault: Exception | None = None
        with self._stop.signals():
            try:
                self._crawl()
            except (SinkError, InputError, FrontierError, MemoryError) as error:
                fault = error
            self._console.erase()
            closing = self._outputs.close()
            closing = self._closed_manners() or closing
            if fault is None or isinstance(fault, OutputClosed):
                fault = closing or fault
        code = self._code(fault)
        snapshot = self._snapshot()
        if fault is None:
            left = self._frontier.waiting
            assert snapshot.unfinished == left, f"accounts: {snapshot} but {left} left"
        if not isinstance(fault, OutputClosed):
            self._show(snapshot)
            self._show_what_is_left(code)
        self._save(snapshot, code)
        return Ended(code, at_once=self._stop.over or fault is not None)

    def _crawl(self) -> None:
        state = self._state
        state.widen(self._scope)
        if self._frontier.durable:
            self._frontier.commit(self.marks(), synced=False)
        for _ in crawled(
            state.unread(self._entries),
            self._plan,
            self._frontier,
            self,
            self._stop,
            discovery=self._discovery,
            before=state.read,
            missing=state.missing() if self._plan.ordered else (),
            spent=self._spent,
            tick=self._tick,
            window=0 if self._frontier.durable else WINDOW,
        ):
            pass
        if not self._frontier.waiting and not self._stop.asked:
            state.finished()
            self._frontier.commit(self.marks(), synced=True)

    def _closed_manners(self) -> SinkError | None:
        try:
            self._manners.close()
        except SinkError as error:
            return error
        return None

    def write(self, final: Final, /) -> None:
        """Take one outcome: see `crawling.Record`."""
        self._outputs.write(final)
        self._stats.add(final)
        if self._most_failed and self._stats.failed >= self._most_failed:
            self._stop.ask(LIMIT_REACHED, f"{report.counted(self._stats.failed, 'URL')} failed")
        if isinstance(final, Failure) and final.code == INVALID:
            self._console.bad_line(str(final.error))

    def passed(self, response: Response, /) -> None:
        """Take what was no page's last answer: see `crawling.Record`."""
        self._outputs.passed(response)

    def marks(self) -> dict[str, str]:
        """How much of outputs and input is done: see `crawling.Record`."""
        return {**self._outputs.marks(), INPUT: self._state.place(self._entries)}

    def sync(self) -> None:
        """Have the outputs on the disk: see `crawling.Record`."""
        self._outputs.sync()

    def _snapshot(self) -> Snapshot:
        lines = self._state.lines(self._entries)
        seeds = lines - self._stats.duplicate - self._stats.invalid
        return self._stats.snapshot(
            lines, found=self._frontier.added - seeds, resumed=self._state.queued
        )

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
        self._state.point()
        if self._console.progress:
            self._console.draw(self._progress(under_way))
        elif self._console.wants_line():
            self._console.say(f"crawl: {self._progress(under_way)}")

    def _progress(self, under_way: int) -> str:
        lines = self._frontier.lines
        reason, _ = lines.waits_for()
        return report.progress(
            self._snapshot(),
            under_way=under_way,
            read=self._entries.share,
            resting=lines.resting,
            why=reason.value.rpartition(": ")[2] if lines.resting else "",
        )

    def _code(self, fault: Exception | None) -> int:
        if isinstance(fault, OutputClosed):
            return 0
        if fault is not None:
            said = NO_MEMORY if isinstance(fault, MemoryError) else fault
            self._console.error(f"crawl: {said}")
            return LOCAL_FAULT
        if self._stop.asked:
            return self._stop.code
        if self._frontier.waiting:
            return LIMIT_REACHED
        bad = self._stats.failed + self._stats.invalid
        asked = bad + self._stats.fetched
        return FAILED if bad and bad / asked >= self._fail_on else 0

    def _show(self, snapshot: Snapshot) -> None:
        """The summary, for people."""
        nothing = not snapshot.lines and not snapshot.resumed
        if nothing and self._state.is_finished:
            self._console.say(_FINISHED.format(shlex.quote(self._path)))
        elif nothing:
            self._console.say("crawl: the input has no URLs")
        if is_terminal(1) and is_terminal(2):
            self._console.say("")
        self._console.say(report.summary(snapshot))
        reasons = why.explain(self._spent, snapshot.elapsed, self._plan.concurrency)
        for number, line in enumerate(() if nothing else reasons):
            self._console.say(f"{'' if number else 'why':<9} {line}")
        worked = sharding.busy(self._plan.processes, snapshot.elapsed)
        if worked:
            self._console.say(f"{'':<9} {worked}")
        table = self._manners.table()
        if table:
            self._console.say("\n".join(["", *table]))
        if self._discovery.left_out:
            self._console.say(report.left_out(self._discovery.left_out.most_common()))

    def _show_what_is_left(self, code: int) -> None:
        if not self._path:
            return
        counts = self._frontier.counts
        left, failed = self._frontier.waiting, counts[Became.FAILED]
        name = shlex.quote(self._path)
        if left or code == LOCAL_FAULT:
            self._console.say(f"crawl: {left:,} left: `crawl resume {name}` goes on")
        elif failed:
            self._console.say(
                f"crawl: {counts[Became.DONE]:,} done, {failed:,} failed in all:"
                f" `crawl retry {name}` tries these again"
            )

    def _save(self, snapshot: Snapshot, code: int) -> None:
        """The summary, for programs. Raises SinkError."""
        if self._outputs.summary is None:
            return
        record = report.summary_record(
            snapshot,
            engine=self._plan.engine,
            concurrency=self._plan.concurrency,
            code=code,
            stopped=self._stop.reason,
        )
        self._outputs.summary.add(json.dumps(record).encode() + b"\n")
        self._outputs.summary.close()
