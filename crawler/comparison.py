"""The values of a comparison: runs, what they come to, and a file that holds them. Pure.

    runs ──► summaries (one for each engine and concurrency)
         └─► differences (URLs that did not give every engine the same)

Read beside it: comparing.py (makes runs), doubts.py, tables.py and report_page.py (show them).
"""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from crawler.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crawler.model import Request

SCHEMA = 1  # of the file
_MOST = 2.0**53  # of any number in it: where JSON readers begin to differ (RFC 8259, 6)
NOT_ASKED = "it was not asked for (--syscalls)"  # why system calls were not counted
ENOUGH = 0.9  # share of the best throughput beyond which more at once is of no use


@dataclass(frozen=True, slots=True)
class Stretch:
    """One fetch on the time axis of its run; seconds."""

    number: int  # of the request, from 1
    began: float  # since the clock began
    queue: float = 0.0  # before that
    dns: float = 0.0
    connect: float = 0.0
    tls: float = 0.0
    wait: float = 0.0  # from the request sent to the first byte
    receive: float = 0.0  # from the first byte to the last
    code: str = ""  # what went wrong; "" for nothing


@dataclass(frozen=True, slots=True)
class Run:
    """One engine's measured pass over the requests."""

    engine: str
    concurrency: int
    wall: float  # seconds
    cpu: float  # seconds, user and system, of the client alone
    rss_bytes: int  # peak resident memory of the client, worker processes included
    ok: int
    failed: int
    body_bytes: int  # of all bodies, content decoded
    user: float = 0.0  # seconds
    system: float = 0.0  # seconds
    voluntary: int = 0  # context switches: it waited
    involuntary: int = 0  # context switches: it was made to stop
    start_up: float = 0.0  # seconds to open the engine, before the clock
    latency: tuple[float, float, float] = (0.0, 0.0, 0.0)  # seconds: p50, p90, p99 of a fetch
    syscalls: int | None = None  # in a run apart; None where they were not counted
    syscalls_by: tuple[tuple[str, int], ...] = ()  # the commonest
    repetition: int = 1  # of this engine, from 1
    codes: tuple[tuple[str, int], ...] = ()  # what failed, and how often; the commonest first
    load_before: float = 0.0  # processors that others kept busy just before; 0 where unknown
    load_beside: float = 0.0  # ... and while it ran, a server on this machine included
    timeline: tuple[Stretch, ...] = field(default=(), repr=False)  # of the first fetches
    digests: tuple[str, ...] = field(
        default=(), repr=False
    )  # per request: status and hash, or code

    @property
    def switches(self) -> int:
        """Context switches of both kinds."""
        return self.voluntary + self.involuntary


@dataclass(frozen=True, slots=True)
class Summary:
    """All runs of one engine at one concurrency; medians where nothing else is said."""

    engine: str
    concurrency: int
    runs: int
    wall: float  # seconds
    fastest: float
    slowest: float
    cpu: float  # seconds
    cpu_low: float
    cpu_high: float
    user: float
    system: float
    rss_bytes: int  # of the peaks
    rss_low: int
    rss_high: int
    voluntary: int
    involuntary: int
    syscalls: int | None
    start_up: float
    latency: tuple[float, float, float]
    ok: int  # fewest of any run
    failed: int  # most of any run
    throughput: float  # fetches that went well, per second
    speedup: float  # against the median of the first sequential engine; 0.0 without one


@dataclass(frozen=True, slots=True)
class Difference:
    """A URL that did not give every engine the same answer."""

    url: str
    answers: tuple[tuple[str, str], ...]  # engine, and its status and hash, or its error code
    volatile: bool  # one and the same engine got different answers, so the page itself changes


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that is known after a comparison."""

    what: str  # was fetched, in a few words
    requests: int
    runs: tuple[Run, ...]
    command: str = ""
    machine: str = ""
    versions: tuple[tuple[str, str], ...] = ()
    when: str = ""  # ISO 8601, UTC
    hosts: tuple[str, ...] = ()
    disturbed: tuple[Run, ...] = ()  # set aside and repeated: others kept the machine busy
    absent: tuple[tuple[str, str], ...] = ()  # engines that cannot run here, and why
    differences: tuple[Difference, ...] = ()
    counted_by: str = ""  # what counted system calls
    uncounted: str = ""  # why they were not counted
    seed: int = 0  # of the order of the runs

    @property
    def is_sweep(self) -> bool:
        """Whether engines ran at several concurrencies."""
        return len({run.concurrency for run in self.runs if not is_sequential(run.engine)}) > 1

    def summaries(self) -> list[Summary]:
        """One for each engine and concurrency, in the order of their first runs."""
        return summarise(self.runs)


def is_sequential(engine: str) -> bool:
    """Whether that engine is the line all others are measured against."""
    return engine.partition("+")[0] == "sequential"


def summarise(runs: Sequence[Run]) -> list[Summary]:
    """One line for each engine and concurrency, in the order of their first runs."""
    grouped: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        grouped.setdefault((run.engine, run.concurrency), []).append(run)
    base = next(
        (_median(of, "wall") for (engine, _), of in grouped.items() if is_sequential(engine)), 0.0
    )
    return [_summary(of, base) for of in grouped.values()]


def _summary(of: list[Run], base: float) -> Summary:
    wall = _median(of, "wall")
    counts = [run.syscalls for run in of if run.syscalls is not None]
    ok = min(run.ok for run in of)
    p50, p90, p99 = (statistics.median(run.latency[place] for run in of) for place in range(3))
    return Summary(
        engine=of[0].engine,
        concurrency=of[0].concurrency,
        runs=len(of),
        wall=wall,
        fastest=min(run.wall for run in of),
        slowest=max(run.wall for run in of),
        cpu=_median(of, "cpu"),
        cpu_low=min(run.cpu for run in of),
        cpu_high=max(run.cpu for run in of),
        user=_median(of, "user"),
        system=_median(of, "system"),
        rss_bytes=int(_median(of, "rss_bytes")),
        rss_low=min(run.rss_bytes for run in of),
        rss_high=max(run.rss_bytes for run in of),
        voluntary=int(_median(of, "voluntary")),
        involuntary=int(_median(of, "involuntary")),
        syscalls=int(statistics.median(counts)) if counts else None,
        start_up=_median(of, "start_up"),
        latency=(p50, p90, p99),
        ok=ok,
        failed=max(run.failed for run in of),
        throughput=ok / wall if wall else 0.0,
        speedup=base / wall if wall else 0.0,
    )


def _median(of: list[Run], name: str) -> float:
    return float(statistics.median(getattr(run, name) for run in of))


def enough(points: Sequence[Summary]) -> int:
    """The least concurrency that reaches `ENOUGH` of the best throughput of these."""
    best = max(point.throughput for point in points)
    return min(point.concurrency for point in points if point.throughput >= ENOUGH * best)


def differences(runs: Sequence[Run], requests: Sequence[str | Request]) -> list[Difference]:
    """The requests whose answers were not the same in all runs, in the order of the list."""
    found = []
    for place, request in enumerate(requests):
        if len({run.digests[place] for run in runs}) > 1:
            answers = dict.fromkeys((run.engine, run.digests[place]) for run in runs)
            found.append(
                Difference(
                    request if isinstance(request, str) else request.url,
                    tuple(answers),
                    volatile=len(answers) > len({engine for engine, _ in answers}),
                )
            )
    return found


def slimmed(runs: Sequence[Run]) -> tuple[Run, ...]:
    """The runs without digests, and with one timeline for each engine: of its median run."""
    kept = set()
    for summary in summarise(runs):
        same = [
            run
            for run in runs
            if (run.engine, run.concurrency) == (summary.engine, summary.concurrency)
        ]
        kept.add(id(sorted(same, key=lambda run: run.wall)[len(same) // 2]))
    return tuple(
        replace(run, digests=(), timeline=run.timeline if id(run) in kept else ()) for run in runs
    )


def dump(comparison: Comparison) -> str:
    """The comparison as JSON, with its summaries for other programs."""
    document = asdict(comparison)
    document["runs"] = [_told(run) for run in slimmed(comparison.runs)]
    document["disturbed"] = [
        _told(replace(run, digests=(), timeline=())) for run in comparison.disturbed
    ]
    document["summaries"] = [asdict(summary) for summary in comparison.summaries()]
    return json.dumps({"schema": SCHEMA, **document}, indent=1) + "\n"


def _told(run: Run) -> dict[str, Any]:
    told = asdict(run)
    told.pop("digests")
    told["timeline"] = [
        [round(value, 6) if isinstance(value, float) else value for value in stretch.values()]
        for stretch in told["timeline"]
    ]
    return told


def load(text: str) -> Comparison:
    """The comparison that `dump` wrote.

    Raises:
        InputError: the text is none, is damaged, or of another version.
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"no comparison: it is not JSON ({error})") from error
    if not isinstance(told, dict) or not isinstance(told.get("runs"), list):
        raise InputError("no comparison: `crawl compare --export FILE.json` writes one")
    if told.get("schema") != SCHEMA:
        raise InputError(
            f"a comparison of schema {told.get('schema')!r}, and this program reads {SCHEMA}"
        )
    try:
        loaded = Comparison(**_fields(Comparison, told))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"a damaged comparison: {error}") from error
    if not loaded.runs:
        raise InputError("a comparison without runs")
    return loaded


def _fields(kind: type, told: object) -> dict[str, Any]:
    """The fields of a dataclass from what a file says; what it does not know is left out."""
    if not isinstance(told, dict):
        raise TypeError(f"{kind.__name__} is {told!r:.40}")
    types = _types(kind)
    unwritten = {"digests"} if kind is Run else set()
    missing = types.keys() - told.keys() - unwritten
    if missing:
        raise ValueError(f"{kind.__name__} has no {min(missing)}")
    return {name: _value(told[name], types[name], name) for name in types.keys() - unwritten}


@cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(told: Any, kind: Any, name: str) -> Any:
    """What the file says, when it is of that type. Raises TypeError, ValueError."""
    if kind is Stretch and isinstance(told, list):
        told = dict(zip(_types(Stretch), told, strict=True))
    if is_dataclass(kind):
        assert isinstance(kind, type)
        return kind(**_fields(kind, told))
    if get_origin(kind) is tuple:
        of = get_args(kind)
        if not isinstance(told, list):
            raise TypeError(f"{name} is {told!r:.40}")
        each = [of[0]] * len(told) if of[-1] is ... else of
        return tuple(_value(one, its, name) for one, its in zip(told, each, strict=True))
    allowed = get_args(kind) or ((int, float) if kind is float else (kind,))
    if type(told) not in allowed:
        raise TypeError(f"{name} is {told!r:.40}")
    if isinstance(told, int | float) and not (0 <= told < _MOST or name == "seed"):
        raise ValueError(f"{name} is {told!r:.40}")
    return float(told) if kind is float else told
