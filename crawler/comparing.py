"""compare: the same fetches through several engines, and what each cost.

    for every round                          child: python -m crawler measure
        for every engine, rotated ── job ──►   warm-up, then the clock runs
            Run  ◄───────────────── result ──  wall, CPU, memory, a digest per URL

Every run has an interpreter of its own, because gevent's patch is for a whole process and memory
once taken is rarely given back. Engines take turns, so that a slow minute of the machine or the
server falls on all of them, and each round starts with another one. Digests show whether the
engines brought the same bodies: if not, their times compare different work.
Read beside it: measuring.py (the child), doubts.py (when not to believe it), tables.py.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import __version__, measuring
from crawler import engines as known
from crawler.errors import EngineUnavailable
from crawler.model import Limits, Network

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crawler.model import Request

ONCE = 10.0  # seconds; a sequential run that takes longer is not repeated
_START_UP = 120.0  # seconds a child may take beyond its fetches


@dataclass(frozen=True, slots=True)
class Run:
    """One engine's measured pass over the requests."""

    engine: str
    concurrency: int
    wall: float  # seconds
    cpu: float  # seconds, user and system, of the client alone
    rss_bytes: int  # peak resident memory of the whole process
    ok: int
    failed: int
    body_bytes: int  # of all bodies, content decoded
    user: float = 0.0  # seconds
    system: float = 0.0  # seconds
    switches: int = 0  # context switches, voluntary or not
    repetition: int = 1  # of this engine, from 1
    codes: tuple[tuple[str, int], ...] = ()  # what failed, and how often; the commonest first
    load_before: float = 0.0  # processors that others kept busy just before; 0 where unknown
    load_beside: float = 0.0  # ... and while it ran, a server on this machine included
    digests: tuple[str, ...] = field(
        default=(), repr=False
    )  # per request: status and hash, or code


@dataclass(frozen=True, slots=True)
class Summary:
    """All runs of one engine."""

    engine: str
    runs: int
    wall: float  # seconds, median
    fastest: float  # seconds
    slowest: float  # seconds
    cpu: float  # seconds, median
    rss_bytes: int  # median of the peaks
    ok: int  # fewest of any run
    failed: int  # most of any run
    speedup: float  # against the median of the first sequential engine; 0.0 without one


@dataclass(frozen=True, slots=True)
class Difference:
    """A URL that did not give every engine the same answer."""

    url: str
    answers: tuple[tuple[str, str], ...]  # engine, and its status and hash, or its error code
    volatile: bool  # one and the same engine got different answers, so the page itself changes


def compare(
    requests: Sequence[str | Request],
    *,
    engines: Sequence[str] = ("sequential", "gevent"),
    concurrency: int = 50,
    repeat: int = 5,
    limits: Limits = Limits(),
    network: Network = Network(),
) -> list[Run]:
    """Every engine's runs, in the order they were made.

    Blocks until all are done. A sequential engine that takes longer than 10 s is run once only.

    Args:
        requests: what every run fetches, in full.
        engines: names as `fetch_all` takes them; `gevent` gets the patched process it needs.
        concurrency: most exchanges under way at once; a sequential engine has one.
        repeat: runs of each engine.
        limits: what one exchange may cost.
        network: proxy, certificates, addresses.

    Raises:
        EngineUnavailable: an engine does not exist, cannot run here, or its run broke off.
        ValueError: there is nothing to fetch, no engine, or a number below 1.
    """
    return list(
        comparison(
            requests,
            engines=engines,
            concurrency=concurrency,
            repeat=repeat,
            limits=limits,
            network=network,
        )
    )


def comparison(
    requests: Sequence[str | Request],
    *,
    engines: Sequence[str],
    concurrency: int,
    repeat: int,
    limits: Limits,
    network: Network,
) -> Iterator[Run]:
    """As `compare`, but each run as it ends. What is wrong with the arguments is raised at once."""
    if not requests or not engines:
        raise ValueError("a comparison needs at least one URL and one engine")
    if concurrency < 1 or repeat < 1:
        raise ValueError(f"concurrency {concurrency} and repeat {repeat} must be at least 1")
    engines = list(dict.fromkeys(engines))
    for engine in engines:
        known.needs_patch(engine)  # raises for a name that does not exist
    return _comparison(requests, engines, concurrency, repeat, limits, network)


def _comparison(
    requests: Sequence[str | Request],
    engines: list[str],
    concurrency: int,
    repeat: int,
    limits: Limits,
    network: Network,
) -> Iterator[Run]:
    once: set[str] = set()
    for repetition in range(1, repeat + 1):
        for engine in engines:
            if engine in once:
                continue
            job = measuring.job(
                requests, engine=engine, concurrency=concurrency, limits=limits, network=network
            )
            width = 1 if is_sequential(engine) else concurrency
            most = _START_UP + limits.total * ceil((len(requests) + 1) / width)
            run = _run(job, engine, width, repetition, most)
            if is_sequential(engine) and run.wall > ONCE:
                once.add(engine)
            yield run
        engines = [*engines[1:], engines[0]]


def is_sequential(engine: str) -> bool:
    """Whether that engine is the line all others are measured against."""
    return engine.partition("+")[0] == "sequential"


def _run(job: str, engine: str, concurrency: int, repetition: int, most: float) -> Run:
    """One child, from start to result."""
    result = _child(job, engine, most)
    codes, digests = result["codes"], result["digests"]
    assert isinstance(codes, dict)
    assert isinstance(digests, list)
    user, system = _number(result, "user"), _number(result, "system")
    return Run(
        engine=engine,
        concurrency=concurrency,
        wall=_number(result, "wall"),
        cpu=user + system,
        rss_bytes=int(_number(result, "rss_bytes")),
        ok=int(_number(result, "ok")),
        failed=int(_number(result, "failed")),
        body_bytes=int(_number(result, "body_bytes")),
        user=user,
        system=system,
        switches=int(_number(result, "switches")),
        repetition=repetition,
        codes=tuple(Counter(codes).most_common()),
        load_before=_number(result, "load_before"),
        load_beside=_number(result, "load_beside"),
        digests=tuple(digests),
    )


def _number(result: dict[str, object], name: str) -> float:
    value = result[name]
    assert isinstance(value, int | float)
    return float(value)


def _child(job: str, engine: str, most: float) -> dict[str, object]:
    """What a fresh interpreter made of the job."""
    entry = "crawler.patched" if known.needs_patch(engine) else "crawler"
    package = str(Path(__file__).parent.parent)
    path = os.environ.get("PYTHONPATH", "")
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", entry, "measure"],
            input=job,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=most,
            check=False,
            env={
                **os.environ,
                "PYTHONPATH": f"{package}{os.pathsep}{path}" if path else package,
                "PYTHONIOENCODING": "utf-8",
            },
        )
    except subprocess.TimeoutExpired:
        raise EngineUnavailable(f"engine '{engine}' did not end within {most:.0f} s") from None
    try:
        result = json.loads(ended.stdout)
    except ValueError:
        said = ended.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise EngineUnavailable(
            f"engine '{engine}' broke off with exit code {ended.returncode}: {said[0]}"
        ) from None
    if "unavailable" in result:
        raise EngineUnavailable(result["unavailable"])
    assert isinstance(result, dict)
    return result


def machine() -> str:
    """Where this runs, in one line: figures without it mean little."""
    system = platform.uname()
    return (
        f"{system.system} {system.release} {system.machine}, {os.cpu_count()} processors,"
        f" {platform.python_implementation()} {platform.python_version()}, crawler {__version__}"
    )


def summarise(runs: Sequence[Run]) -> list[Summary]:
    """One line for each engine, in the order of their first runs."""
    by_engine: dict[str, list[Run]] = {}
    for run in runs:
        by_engine.setdefault(run.engine, []).append(run)
    walls = {engine: statistics.median(run.wall for run in of) for engine, of in by_engine.items()}
    base = next((wall for engine, wall in walls.items() if is_sequential(engine)), 0.0)
    return [
        Summary(
            engine=engine,
            runs=len(of),
            wall=walls[engine],
            fastest=min(run.wall for run in of),
            slowest=max(run.wall for run in of),
            cpu=statistics.median(run.cpu for run in of),
            rss_bytes=int(statistics.median(run.rss_bytes for run in of)),
            ok=min(run.ok for run in of),
            failed=max(run.failed for run in of),
            speedup=base / walls[engine] if walls[engine] else 0.0,
        )
        for engine, of in by_engine.items()
    ]


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
