"""compare: the same fetches through several engines, and what each cost.

    for every round                          child: python -m crawler measure
        for every engine, shuffled ── job ──►  warm-up, engine opened, then the clock runs
            Run  ◄───────────────── result ──  wall, CPU, memory, a digest per URL

Every run has an interpreter of its own, because gevent's patch is for a whole process and memory
once taken is rarely given back. Engines take turns in an order that is drawn anew for every round,
so that a slow minute of the machine or the server falls on all of them. A run before or beside
which others kept the machine busy is set aside and repeated. Digests show whether the engines
brought the same bodies: if not, their times compare different work.
Read beside it: measuring.py (the child), comparison.py (the values), doubts.py.
"""

from __future__ import annotations

import json
import os
import platform
import random
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import __version__, measuring
from crawler import engines as known
from crawler.comparison import Run, Stretch, is_sequential
from crawler.errors import EngineUnavailable
from crawler.fetching import refuse_one
from crawler.model import Limits, Network

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crawler.model import Request

ONCE = 10.0  # seconds; a sequential run that takes longer is not repeated
BUSY = 0.3  # processors others kept busy before a run, from which on it is repeated
_KNOWN = 2  # runs after which the usual load beside an engine, a server's on this machine, is known
_MORE = 0.5  # processors beyond that, from which on it was someone else's
_TICKS = 0.05  # seconds of them: the kernel counts in 10 ms, on each processor
_AGAIN = 2  # times that one run is repeated at most
_PACKAGES = ("gevent", "greenlet", "requests", "urllib3", "can_ada", "Brotli")
_START_UP = 120.0  # seconds a child may take beyond its fetches


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
        TypeError: `requests` or `engines` is one instead of several.
        ValueError: there is nothing to fetch, no engine, or a number below 1.
    """
    refuse_one(requests)
    refuse_one(engines, "name")
    plan = Plan(requests, engines, (concurrency,), repeat, limits, network)
    return [run for run, is_good in plan.runs() if is_good]


class Plan:
    """Which runs a comparison has.

    Args:
        requests: what every run fetches.
        engines: names; each is taken once.
        concurrencies: each engine runs at each of them.
        repeat: rounds.
        limits: what one exchange may cost.
        network: proxy, certificates, addresses.
        seed: of the order in each round.
        keep_going: an engine whose run breaks off is in `broken`, and the others go on.

    Raises:
        EngineUnavailable: there is no engine of a name.
        ValueError: there is nothing to fetch, no engine, or a number below 1.
    """

    def __init__(
        self,
        requests: Sequence[str | Request],
        engines: Sequence[str],
        concurrencies: Sequence[int],
        repeat: int,
        limits: Limits,
        network: Network,
        *,
        seed: int = 0,
        keep_going: bool = False,
    ) -> None:
        if not requests or not engines or not concurrencies:
            raise ValueError("a comparison needs at least one URL and one engine")
        if min(concurrencies) < 1 or repeat < 1:
            raise ValueError(
                f"concurrency {min(concurrencies)} and repeat {repeat} must be at least 1"
            )
        for engine in engines:
            known.needs_patch(engine)  # raises for a name that does not exist
        self._requests = requests
        self._repeat = repeat
        self._limits = limits
        self._network = network
        self._keep_going = keep_going
        self._order = random.Random(seed)
        self._spare = 0  # repetitions of disturbed runs that are left
        self._beside: dict[tuple[str, int], list[float]] = defaultdict(list)  # of good runs
        self._long: set[tuple[str, int]] = set()  # not run again
        self.broken: dict[str, str] = {}  # engines, and why their run broke off
        self._pairs = list(
            dict.fromkeys(
                (engine, 1 if is_sequential(engine) else concurrency)
                for engine in engines
                for concurrency in concurrencies
            )
        )

    @property
    def planned(self) -> int:
        """How many runs there are, repetitions of disturbed ones aside."""
        return len(self._pairs) * self._repeat

    def runs(self) -> Iterator[tuple[Run, bool]]:
        """Each run as it ends, and whether it is good: one that is not comes again.

        Raises:
            EngineUnavailable: an engine cannot run here, or its run broke off.
        """
        pairs = list(self._pairs)
        self._spare = max(3, self.planned // 2)
        for repetition in range(1, self._repeat + 1):
            self._order.shuffle(pairs)
            for pair in tuple(pairs):
                if pair[0] in self.broken:
                    continue
                try:
                    yield from self._until_good(pair, repetition)
                except EngineUnavailable as error:
                    if not self._keep_going:
                        raise
                    self.broken[pair[0]] = str(error)
                if pair in self._long:
                    pairs.remove(pair)

    def _until_good(self, pair: tuple[str, int], repetition: int) -> Iterator[tuple[Run, bool]]:
        """One run, and before it those that were disturbed."""
        run = self._run(pair, repetition)
        for _ in range(_AGAIN):
            is_long = is_sequential(pair[0]) and run.wall > ONCE
            if not is_disturbed(run, self._beside[pair]) or is_long or not self._spare:
                break
            self._spare -= 1
            yield run, False
            run = self._run(pair, repetition)
        self._beside[pair].append(run.load_beside)
        if is_sequential(pair[0]) and run.wall > ONCE:
            self._long.add(pair)
        yield run, True

    def _run(self, pair: tuple[str, int], repetition: int) -> Run:
        engine, concurrency = pair
        job = measuring.job(
            self._requests,
            engine=engine,
            concurrency=concurrency,
            limits=self._limits,
            network=self._network,
        )
        rounds = ceil((len(self._requests) + 1) / concurrency)
        result = _child(job, engine, _START_UP + self._limits.total * rounds)
        return _told(result, engine, concurrency, repetition)


def is_disturbed(run: Run, beside: Sequence[float]) -> bool:
    """Whether others kept the machine busy: just before the run, or while it ran.

    Args:
        run: that has ended.
        beside: the load beside earlier runs of the same kind; the server's own is part of it.
    """
    if run.load_before >= BUSY:
        return True
    if len(beside) < _KNOWN:
        return False
    more = run.load_beside - statistics.median(beside)
    return more >= _MORE and more * run.wall >= _TICKS


def _told(result: dict[str, object], engine: str, concurrency: int, repetition: int) -> Run:
    """What a child measured."""

    def number(name: str) -> float:
        value = result[name]
        assert isinstance(value, int | float)
        return float(value)

    codes, digests, timeline = result["codes"], result["digests"], result["timeline"]
    latency = result["latency"]
    assert isinstance(codes, dict)
    assert isinstance(digests, list)
    assert isinstance(timeline, list)
    assert isinstance(latency, list)
    return Run(
        engine=engine,
        concurrency=concurrency,
        wall=number("wall"),
        cpu=number("user") + number("system"),
        rss_bytes=int(number("rss_bytes")),
        ok=int(number("ok")),
        failed=int(number("failed")),
        body_bytes=int(number("body_bytes")),
        user=number("user"),
        system=number("system"),
        voluntary=int(number("voluntary")),
        involuntary=int(number("involuntary")),
        start_up=number("start_up"),
        latency=(latency[0], latency[1], latency[2]),
        repetition=repetition,
        codes=tuple(Counter(codes).most_common()),
        load_before=number("load_before"),
        load_beside=number("load_beside"),
        timeline=tuple(Stretch(*stretch) for stretch in timeline),
        digests=tuple(digests),
    )


def command_of(engine: str) -> list[str]:
    """The command of a child that measures that engine."""
    entry = "crawler.patched" if known.needs_patch(engine) else "crawler"
    return [sys.executable, "-P", "-m", entry, "measure"]


def environment() -> dict[str, str]:
    """The environment of a child: it finds this package, wherever it runs.

    Its stdout is buffered: without a buffer Python loses the rest of a line when the kernel takes
    only a part of it, as it does when a signal, or a completion of io_uring, comes between.
    """
    package = str(Path(__file__).parent.parent)
    path = os.environ.get("PYTHONPATH", "")
    return {
        **os.environ,
        "PYTHONPATH": f"{package}{os.pathsep}{path}" if path else package,
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "",
    }


def _child(job: str, engine: str, most: float) -> dict[str, object]:
    """What a fresh interpreter made of the job."""
    try:
        ended = subprocess.run(
            command_of(engine),
            input=job,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=most,
            check=False,
            env=environment(),
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


def versions() -> tuple[tuple[str, str], ...]:
    """The versions of what the engines are made of."""
    from importlib.metadata import PackageNotFoundError, version

    found = [("Python", platform.python_version()), ("crawler", __version__)]
    for package in _PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return tuple(found)
