"""The child's side of a comparison: one run, in an interpreter of its own.

    job (JSON on stdin) ──► imports, warm-up fetch ──► engine opened ──► [clock] ──► result (stdout)

Entered as ``python -P -m crawler measure``, or by ``crawler.patched`` where the engine needs it.
The clock covers every fetch from the first request to the last outcome, connections included, and
the digest of every body (about 1 us per KB, the same for all engines). Outside of it are imports,
one fetch of the first URL by another engine of the kind, and the opening of the engine itself,
which is measured apart: `processes` starts its workers there.
What that one fetch warms: imports that come late, code that runs for the first time, the server's
cache of one page, and the system's of one name if it keeps any. What it does not: connections, TLS
sessions and addresses, which were the other engine's and went with it; every run makes its own.
Processes that belong to this one count as its own.
Read beside it: comparing.py (the parent), kin.py (worker processes).
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import Counter
from dataclasses import asdict, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import engines, kin
from crawler.errors import EngineUnavailable
from crawler.fetching import fetch_all, fetched
from crawler.model import Limits, Network, Request, Response
from crawler.settling import RETRYABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from crawler.model import Outcome

    # What JSON holds; an alias of object, because its users look at what they find.
    Document: TypeAlias = dict[str, object]

TIMELINE = 400  # fetches of which a run keeps when they waited for what
_LISTEN = 0.1  # seconds of looking at the machine's load; the kernel counts in 10 ms
NOT_FETCHED = ""  # the digest of a request without outcome: never of one that ended


def job(
    requests: Sequence[str | Request],
    *,
    engine: str,
    concurrency: int,
    limits: Limits,
    network: Network,
    attended: bool = False,
) -> str:
    """The line that tells a child what to run.

    An attended child says which processes it has and waits for a line, before and after the clock.
    """
    told = asdict(network)
    told["ca_file"] = None if network.ca_file is None else str(network.ca_file)
    text = json.dumps(
        {
            "attended": attended,
            "engine": engine,
            "concurrency": concurrency,
            "limits": asdict(limits),
            "network": told,
            "requests": [
                item
                if isinstance(item, str)
                else {"url": item.url, "headers": item.headers, "method": item.method}
                for item in requests
            ],
        }
    )
    return text + "\n"


def main() -> int:
    """Reads a job, runs it, writes what it cost; 0 even when the engine cannot run here."""
    told = json.loads(sys.stdin.readline())
    try:
        result = _measure(told)
    except EngineUnavailable as error:
        result = {"unavailable": str(error)}
    sys.stdout.write(json.dumps(result))
    sys.stdout.flush()
    return 0


def _measure(told: Document) -> Document:
    items = _requests(told["requests"])
    engine, concurrency = str(told["engine"]), int(str(told["concurrency"]))
    limits, network = _limits(told["limits"]), _network(told["network"])
    for _ in fetch_all(items[:1], engine=engine, concurrency=1, limits=limits, network=network):
        pass

    tally = _Tally(len(items))
    load_before = _load()
    opening = time.perf_counter()
    opened = engines.open(engine, concurrency=concurrency, limits=limits, network=network)
    try:
        start_up = time.perf_counter() - opening
        if told.get("attended"):
            _attend()
        _forget_peak()
        busy = _busy()
        before = _usage()
        tally.began = datetime.now(UTC)
        began = time.perf_counter()
        for outcome in fetched(opened, items, concurrency, limits, 10, network, (RETRYABLE,)):
            tally.count(outcome)
        wall = time.perf_counter() - began
        after = _usage()
        peak = _peak() + kin.memory()
        if told.get("attended"):
            _attend()
    finally:
        opened.close()

    user, system = after.user - before.user, after.system - before.system
    return {
        "wall": wall,
        "user": user,
        "system": system,
        "start_up": start_up,
        "load_before": load_before,
        "load_beside": max(0.0, _busy() - busy - user - system) / wall,
        "voluntary": after.voluntary - before.voluntary,
        "involuntary": after.involuntary - before.involuntary,
        "rss_bytes": peak,
        "ok": tally.ok,
        "failed": tally.failed,
        "body_bytes": tally.body_bytes,
        "latency": tally.latency(),
        "codes": dict(tally.codes),
        "digests": tally.digests,
        "timeline": tally.timeline,
    }


def _attend() -> None:
    """Say which processes are at work, and wait for a line: someone wants to count with us."""
    sys.stdout.write(json.dumps([os.getpid(), *kin.numbers()]) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()


def _usage() -> kin.Usage:
    """What this process and those that belong to it have used so far."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return kin.Usage(own.ru_utime, own.ru_stime, own.ru_nvcsw, own.ru_nivcsw) + kin.usage()


class _Tally:
    """What became of the requests, by their place in the list."""

    def __init__(self, size: int) -> None:
        self.ok = 0
        self.failed = 0
        self.body_bytes = 0
        self.began = datetime.now(UTC)  # when the clock did
        self.timeline: list[list[float | int | str]] = []
        self._elapsed: list[float] = []
        self.codes: Counter[str] = Counter()
        self.digests = [NOT_FETCHED] * size

    def count(self, outcome: Outcome) -> None:
        """Takes one outcome. Its body is not kept: memory would show it."""
        if isinstance(outcome, Response):
            self.body_bytes += len(outcome.body)
            digest = f"{outcome.status} {sha256(outcome.body).hexdigest()}"
            code = f"http.{outcome.status}"
        else:
            digest = code = outcome.error.code
        if outcome.ok:
            self.ok += 1
        else:
            self.failed += 1
            self.codes[code] += 1
        self.digests[outcome.request.number - 1] = digest
        self._elapsed.append(outcome.elapsed)
        if len(self.timeline) < TIMELINE:
            self.timeline.append(self._stretch(outcome, "" if outcome.ok else code))

    def latency(self) -> list[float]:
        """p50, p90 and p99 of the fetches, seconds."""
        ordered = sorted(self._elapsed) or [0.0]
        return [ordered[min(len(ordered) - 1, int(len(ordered) * at))] for at in (0.5, 0.9, 0.99)]

    def _stretch(self, outcome: Outcome, code: str) -> list[float | int | str]:
        """The fields of a Stretch."""
        timing = outcome.timing
        began = max(0.0, (outcome.started - self.began).total_seconds())
        before = timing.dns + timing.connect + timing.tls
        wait = timing.first_byte
        if not wait and code:
            wait = max(0.0, outcome.elapsed - before)
        receive = max(0.0, outcome.elapsed - before - wait)
        spent = (began, timing.queue, timing.dns, timing.connect, timing.tls, wait, receive)
        return [outcome.request.number, *(round(seconds, 6) for seconds in spent), code]


def _requests(told: object) -> list[str | Request]:
    assert isinstance(told, list)
    found: list[str | Request] = []
    for number, item in enumerate(told, 1):
        if isinstance(item, str):
            found.append(item)
        else:
            headers = tuple((name, value) for name, value in item["headers"])
            found.append(Request(item["url"], headers, method=item["method"], number=number))
    return found


def _limits(told: object) -> Limits:
    assert isinstance(told, dict)
    return Limits(**told)


def _network(told: object) -> Network:
    assert isinstance(told, dict)
    network = Network(**told)
    return replace(
        network,
        ca_file=None if network.ca_file is None else Path(network.ca_file),
        resolve=tuple((host, port, address) for host, port, address in network.resolve),
    )


def _load() -> float:
    """Processors that are busy while this process and the server it has just asked are idle."""
    busy, began = _busy(), time.perf_counter()
    time.sleep(_LISTEN)
    return (_busy() - busy) / (time.perf_counter() - began)


def _busy() -> float:
    """Seconds that all processors together have worked since boot (proc(5)); 0.0 where unknown."""
    try:
        first = Path("/proc/stat").read_text().partition("\n")[0]
    except OSError:
        return 0.0
    user, nice, system, _idle, _waiting, interrupts, soft = map(int, first.split()[1:8])
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


def _forget_peak() -> None:
    """Starts the kernel's peak of resident memory anew (proc(5), clear_refs)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # not Linux, or not allowed: the peak then includes the imports


def _peak() -> int:
    """The most bytes this process had in memory since `_forget_peak`."""
    try:
        for line in Path(f"/proc/{os.getpid()}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): macOS counts in bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
