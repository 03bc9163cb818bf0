"""What `crawl status`, `resume`, `retry` and `export` do with a state file.

Read beside it: frontier/state_file.py (what is read), state.py (what a run remembers).
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import config, report
from crawler.contracts import State
from crawler.errors import ConfigError, FrontierError, SinkError
from crawler.frontier import damage
from crawler.frontier.state_file import StateFile
from crawler.safety import safe_text
from crawler.settings import BY_NAME
from crawler.sinks import choose
from crawler.sinks._file import RecordFile
from crawler.sinks.csv_file import line as csv_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from crawler.config import Settings
    from crawler.frontier.state_file import Host, Overview
    from crawler.settings import Value

_RECENT = 60.0  # seconds that the rate is taken from
_STATES = ("queued", "done", "failed", "skipped", "reached")


def status(path: Path, *, hosts: int, now: float) -> str:
    """How the crawl of that state stands, for people.

    Args:
        path: the state file.
        hosts: so many hosts are shown, those with the most left to do first.
        now: Unix time.

    Raises:
        FrontierError: the file cannot be read.
    """
    with StateFile(path) as file:
        overview = file.overview(hosts=hosts)
    counts = overview.counts
    total = sum(counts.values())
    pages, hosted = report.counted(total, "page"), report.counted(overview.hosts, "host")
    accounts = (
        f"{pages} of {hosted} = {counts[State.DONE]:,} done"
        f" + {counts[State.FAILED]:,} failed + {counts[State.SKIPPED]:,} skipped"
        f" + {counts[State.QUEUED]:,} queued"
    )
    lines = [accounts, _state(overview, path)]
    lines += _pace(overview, now)
    for name, codes in (("failed", overview.failed), ("skipped", overview.skipped)):
        if codes:
            lines.append(f"{name:<9} " + report.counts(list(codes)))
    if overview.busiest:
        lines.append("")
        lines.append(f"{'queued':>9} {'done':>9} {'failed':>9} {'skipped':>9}  host")
        lines += [_host(host, now) for host in overview.busiest]
        more = overview.hosts - len(overview.busiest)
        if more > 0:
            lines.append(f"{'':>39}  and {more:,} more (--hosts N shows more)")
    return "\n".join(lines) + "\n"


def status_record(path: Path, *, hosts: int) -> dict[str, object]:
    """The same as a value for JSON."""
    with StateFile(path) as file:
        overview = file.overview(hosts=hosts)
    return {
        **{state.name.lower(): number for state, number in overview.counts.items()},
        "hosts": overview.hosts,
        "process": overview.process or None,
        "finished": overview.finished,
        "round": overview.round,
        "pages_per_second": round(_rate(overview), 3),
        "failed_by": dict(overview.failed),
        "skipped_by": dict(overview.skipped),
        "busiest": [
            {
                "origin": host.origin,
                "queued": host.queued,
                "done": host.done,
                "failed": host.failed,
                "skipped": host.skipped,
            }
            for host in overview.busiest
        ],
    }


def remembered(path: Path, given: Mapping[str, object]) -> Settings:
    """The settings a crawl began with, and what is typed now over them.

    Raises:
        FrontierError: the file cannot be read, or no crawl began with it.
        ConfigError: what is typed cannot be used.
    """
    with StateFile(path) as file, damage.as_error():
        written = file.noted("settings")
        inputs = json.loads(file.noted("inputs") or "[]")
        values, origins = json.loads(written or "[{}, {}]")
    if not written:
        raise FrontierError(f"{str(path)!r} remembers no command: give it with --state once more")
    known: dict[str, Value] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
        if name in BY_NAME
    }
    fresh = config.resolve(given, environ={})
    for name in BY_NAME:
        if given.get(name) is not None or name not in known:
            known[name] = fresh.values[name]
            origins[name] = fresh.origins[name]
    if inputs == ["-"] and given.get("input") is None:
        known["input"] = (os.devnull,)  # what stdin said is in the state; the rest is gone with it
    known["state"] = str(path)
    return config.Settings(known, {name: origins[name] for name in known})


def queue_failed(path: Path, codes: Iterable[str]) -> int:
    """Queue again what failed with one of `codes` or their families; all of it when there is none.

    Raises:
        FrontierError: the file is in use or cannot be written.
        ConfigError: nothing can fail with that code.
    """
    from crawler.frontier.sqlite import Sqlite
    from crawler.pace import Pace
    from crawler.politeness import Politeness

    wanted = frozenset(codes)
    if not path.is_file():
        raise FrontierError(f"no such state: {str(path)!r}")
    frontier = Sqlite(path, lambda _: Pace(Politeness(), is_public=True))
    with contextlib.closing(frontier):
        number = frontier.queue_failed(wanted)
        if wanted and not number:
            known = ", ".join(code for code, _ in frontier.failed_codes())
            raise ConfigError(
                f"--failed: nothing failed with {', '.join(sorted(wanted))}"
                f" (there is {known or 'nothing that failed'})"
            )
        frontier.commit(frontier.marks)
    return number


def export(path: Path, target: str, *, states: Iterable[str] = (), mode: str = "new") -> int:
    """Write what the state knows of every page; how many records that are.

    Args:
        path: the state file.
        target: .jsonl or .csv, or - for JSON Lines on stdout.
        states: only pages in these; all when empty.
        mode: ``new``, ``overwrite`` or ``append``.

    Raises:
        FrontierError: the file cannot be read.
        SinkError: the output cannot be written.
        ConfigError: there is no such state or format.
    """
    wanted = frozenset(word for words in states for word in words.split(","))
    if not wanted <= frozenset(_STATES):
        unknown = ", ".join(sorted(wanted.difference(_STATES)))
        raise ConfigError(f"--only: one of {', '.join(_STATES)}, not {unknown}")
    name, form = choose(target)
    if form not in {"jsonl", "csv"}:
        raise ConfigError(f"--output: a state is exported as .jsonl or .csv, not as {form}")
    if path.exists() and Path(name).exists() and path.samefile(name):
        raise SinkError(f"{name!r} is the state itself: it would be written over")
    if mode == "new" and name != "-" and (found := Path(name)).is_file() and found.stat().st_size:
        raise SinkError(f"{name!r} exists: give --overwrite, or another name")
    encode, heading = _encoder(form)
    written = 0
    with StateFile(path) as file, RecordFile(name, mode=mode, heading=heading) as out:
        for record in file.rows():
            if not wanted or record["state"] in wanted:
                out.add(encode(record))
                written += 1
    return written


_FIELDS = (
    "id", "n", "input", "url", "state", "status", "error", "depth", "parent", "attempts", "etag",
    "last_modified", "carried",
)  # fmt: skip


def _encoder(form: str) -> tuple[Callable[[dict[str, object]], bytes], bytes]:
    if form == "jsonl":
        return lambda record: json.dumps(record, separators=(",", ":")).encode() + b"\n", b""
    return lambda record: csv_line([record[name] for name in _FIELDS]), csv_line(_FIELDS)


def _state(overview: Overview, path: Path) -> str:
    if overview.process:
        return f"state     process {overview.process} is crawling"
    if overview.counts[State.QUEUED]:
        return f"state     interrupted: `crawl resume {safe_text(str(path))}` goes on"
    if not overview.finished and not any(overview.counts.values()):
        return "state     not begun: nothing was taken from the input yet"
    again = f", fetched {overview.round} times" if overview.round > 1 else ""
    return f"state     finished{again}"


def _rate(overview: Overview) -> float:
    """Pages that ended per second, lately."""
    points = overview.progress
    if len(points) < 2:
        return 0.0
    last, ended = points[-1]
    since, before = next(point for point in points if point[0] >= last - _RECENT)
    return (ended - before) / (last - since) if last > since else 0.0


def _pace(overview: Overview, now: float) -> list[str]:
    rate = _rate(overview)
    if not rate:
        return []
    line = f"pace      {rate:,.1f} pages/s lately"
    left = overview.counts[State.QUEUED]
    if overview.process and left:
        line += f"   ETA {report.human_time(left / rate)} for what is queued now"
    elif overview.progress:
        line += f"   {report.human_time(max(0.0, now - overview.progress[-1][0]))} ago"
    return [line]


def _host(host: Host, now: float) -> str:
    rest = ""
    if host.not_before > now:
        rest = f"  rests {report.human_time(host.not_before - now)} more"
    return (
        f"{host.queued:>9,} {host.done:>9,} {host.failed:>9,} {host.skipped:>9,}"
        f"  {safe_text(host.origin)}{rest}"
    )


def unix_time() -> float:
    """Now, as state files write it."""
    return time.time()  # noqa: TID251 - compared with instants of another process
