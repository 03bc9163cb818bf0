"""What `crawl compare` does: finds the work, asks, measures, shows the table, writes the files.

    words ──► sources and engines ──► URLs, or the embedded site ──► Plan ──► Comparison ──► text
                                                                     └─ or --load FILE ──┘    files

Exit codes: 0 every engine fetched every URL alike; 1 some URL failed or differed; 2 usage; 3 the
input cannot be read or a file not written. Read beside it: comparing.py, tables.py, embedded.py.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import (
    command_line,
    compared_files,
    compared_urls,
    comparing,
    comparison,
    config,
    embedded,
    engines,
    syscalls,
    tables,
)
from crawler.comparison import NOT_ASKED, Comparison
from crawler.console import Console, is_terminal
from crawler.ending import FAILED
from crawler.errors import ConfigError, EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crawler.comparison import Run
    from crawler.config import Settings
    from crawler.model import Request

ENGINES = ("sequential", "gevent", "selectors")
ALL = "all"
_COUNT, _LATENCY = 200, 0.1  # pages, seconds: what is fetched when nothing else is named


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for besides the settings."""

    engines: tuple[str, ...] = ()
    repeat: int = 5
    sweep: tuple[int, ...] = ()  # concurrencies
    count: int = 0  # pages of the embedded site; 0 = 200
    latency: float | None = None  # seconds, of each
    size: int = 0  # bytes, of each
    yes: bool = False
    load: str = ""
    export: tuple[str, ...] = ()
    syscalls: bool = False
    seed: int = 0

    @property
    def embedded(self) -> bool:
        """Whether the embedded site was asked for."""
        return bool(self.count or self.size or self.latency is not None)


def show(settings: Settings, asked: Asked) -> int:
    """Compare, print, export; the exit code.

    Raises:
        ConfigError, EngineUnavailable: exit code 2.
        InputError, SinkError: exit code 3.
    """
    exports = tuple(dict.fromkeys(asked.export))
    compared_files.refuse_inputs(exports, settings.texts("input"))
    files = [compared_files.opened(name) for name in exports]
    found = compared_files.read(asked.load) if asked.load else _compared(settings, asked)
    encoding = (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "")
    sys.stdout.write(
        tables.text(
            found,
            columns=shutil.get_terminal_size().columns if is_terminal(1) else 0,
            ascii_only=not encoding.startswith("utf"),
        )
    )
    sys.stdout.flush()
    compared_files.write(files, found)
    clean = not any(run.failed for run in found.runs) and not found.differences
    return 0 if clean else FAILED


def sort_words(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words that name URLs, and the engines; a file named like an engine is ``./gevent``.

    Raises:
        ConfigError: a word is no file, and looks like an engine that was misspelt.
    """
    sources: list[str] = []
    chosen: list[str] = []
    for word in words:
        if word == ALL:
            chosen += engines.names()
        elif "://" in word or word == "-" or "/" in word or Path(word).exists():
            (chosen if _is_engine(word) else sources).append(word)
        elif _is_engine(word):
            chosen.append(word)
        elif near := get_close_matches(word, [ALL, *engines.names()], n=1, cutoff=0.7):
            raise ConfigError(f"{word!r} is no file and no engine; did you mean {near[0]!r}?")
        else:
            sources.append(word)  # whoever reads it says what is wrong
    return tuple(sources), tuple(dict.fromkeys(chosen))


def sweep_of(text: str) -> tuple[int, ...]:
    """The concurrencies in ``concurrency=1,2,5``. Raises ConfigError."""
    name, _, values = text.partition("=")
    words = [word.strip() for word in values.split(",")]
    if name.strip() != "concurrency" or not all(w.isascii() and w.isdigit() for w in words):
        raise ConfigError(f"--sweep: write concurrency=1,2,5,10, not {text!r}")
    numbers = tuple(dict.fromkeys(map(int, words)))
    if min(numbers) < 1 or max(numbers) > 100_000:
        raise ConfigError("--sweep: a concurrency is a number from 1 to 100000")
    return tuple(sorted(numbers))


def _is_engine(word: str) -> bool:
    with contextlib.suppress(EngineUnavailable):
        engines.needs_patch(word)
        return True
    return False


def _compared(settings: Settings, asked: Asked) -> Comparison:
    if asked.repeat < 1:
        raise ConfigError("--repeat: must be at least 1")
    if settings.count("concurrency") < 1:
        raise settings.error("concurrency", "must be at least 1")
    if asked.count < 0:
        raise ConfigError("--count: must be at least 1")
    milliseconds = round((asked.latency or 0.0) * 1000, 6)
    if milliseconds != int(milliseconds) or milliseconds > embedded.SLOWEST:
        raise ConfigError("--latency: whole milliseconds, at most a minute")
    if asked.size > embedded.LARGEST:
        raise ConfigError("--size: a page has at most 1Gi")
    if settings.texts("input") and asked.embedded:
        raise ConfigError("--count, --latency and --size are for the embedded site: name no URLs")
    console = Console(
        quiet=settings.count("quiet") > 0, progress=settings.flag("progress"), environ=os.environ
    )
    chosen, absent = _present(asked.engines or ENGINES)
    with _work(settings, asked, console) as (requests, what):
        repeated = asked.repeat * len(chosen) * max(1, len(asked.sweep))
        compared_urls.ask(requests, settings, times=repeated, yes=asked.yes)
        return _measured(settings, asked, console, chosen, absent, requests, what)


def _measured(
    settings: Settings,
    asked: Asked,
    console: Console,
    chosen: Sequence[str],
    absent: Sequence[tuple[str, str]],
    requests: Sequence[Request | str],
    what: str,
) -> Comparison:
    limits, network = config.limits(settings), config.network(settings)
    concurrency = settings.count("concurrency")
    plan = comparing.Plan(
        requests,
        chosen,
        asked.sweep or (concurrency,),
        asked.repeat,
        limits,
        network,
        seed=asked.seed,
        keep_going=True,
    )
    good: list[Run] = []
    disturbed: list[Run] = []
    for run, is_good in plan.runs():
        (good if is_good else disturbed).append(run)
        at = f" at {run.concurrency}" if asked.sweep else ""
        console.say(
            f"{run.engine}{at}: run {run.repetition} of {asked.repeat}: {run.wall:.2f} s,"
            f" {run.ok} ok, {run.failed} failed"
            + ("" if is_good else "; the machine was busy: again")
        )
    # In the order that was asked for; the sort is stable, so the first run of each stays its first.
    good.sort(key=lambda run: (chosen.index(run.engine), run.concurrency))
    if plan.broken:
        good = [run for run in good if run.engine not in plan.broken]
        absent = [*absent, *plan.broken.items()]
    if not good:
        raise EngineUnavailable("; ".join(plan.broken.values()))
    counted_by, uncounted = "", NOT_ASKED
    if asked.syscalls:
        counted_by, uncounted = syscalls.counter()
        if counted_by:
            good = _counted(good, requests, settings, console)
            without = dict.fromkeys(run.engine for run in good if run.syscalls is None)
            if without:
                uncounted = f"strace could not follow {', '.join(without)}"
    runs = tuple(good)
    differing = tuple(comparison.differences(runs, requests))
    return Comparison(
        what=what,
        requests=len(requests),
        runs=comparison.slimmed(runs),
        command=command_line.shown(sys.argv[1:]),
        machine=comparing.machine(),
        versions=comparing.versions(),
        when=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        hosts=compared_urls.hosts(requests),
        disturbed=tuple(replace(run, digests=(), timeline=()) for run in disturbed),
        absent=tuple(absent),
        differences=differing,
        counted_by=counted_by,
        uncounted=uncounted,
        seed=asked.seed,
    )


def _counted(
    runs: list[Run], requests: Sequence[Request | str], settings: Settings, console: Console
) -> list[Run]:
    """The runs with the system calls of their engine, counted in a run apart for each."""
    counts: dict[tuple[str, int], tuple[int, tuple[tuple[str, int], ...]] | None] = {}
    for run in runs:
        pair = (run.engine, run.concurrency)
        if pair not in counts:
            console.say(f"{run.engine}: counting system calls")
            counts[pair] = syscalls.count(
                requests,
                engine=run.engine,
                concurrency=run.concurrency,
                limits=config.limits(settings),
                network=config.network(settings),
            )
    return [
        replace(run, syscalls=found[0], syscalls_by=found[1])
        if (found := counts[run.engine, run.concurrency])
        else run
        for run in runs
    ]


def _present(chosen: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """The engines that can run here, and why the others cannot. Raises EngineUnavailable."""
    present: list[str] = []
    absent: list[tuple[str, str]] = []
    for name in chosen:
        patched = engines.needs_patch(name)  # raises for a name that does not exist
        reason = engines.unavailable("gevent+socket" if patched else name)
        if reason:
            absent.append((name, reason.partition("\n")[0]))
        else:
            present.append(name)
    if not present:
        raise EngineUnavailable("; ".join(reason for _, reason in absent))
    return present, absent


@contextlib.contextmanager
def _work(
    settings: Settings, asked: Asked, console: Console
) -> Iterator[tuple[Sequence[Request | str], str]]:
    """What is fetched, and a few words for it."""
    if settings.texts("input"):
        requests = compared_urls.read(settings, console)
        hosts = compared_urls.hosts(requests)
        shown = ", ".join(hosts[:3]) + (", ..." if len(hosts) > 3 else "")
        yield requests, f"{len(requests)} URLs of {shown}"
        return
    count = asked.count or _COUNT
    latency = _LATENCY if asked.latency is None else asked.latency
    with embedded.site() as base:
        size = f"of {asked.size} bytes" if asked.size else "of some 250 bytes"
        yield (
            embedded.targets(base, count, latency=latency, size=asked.size),
            f"{count} pages {size}, each after {latency * 1000:g} ms, from a site on this machine",
        )
