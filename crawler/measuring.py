"""The child's side of a comparison: one run, in an interpreter of its own.

    job (JSON on stdin) ──► imports, warm-up fetch ──► [clock: fetch_all] ──► result (on stdout)

Entered as ``python -P -m crawler measure``, or by ``crawler.patched`` where the engine needs it.
The clock covers one whole call of `fetch_all`, from opening the engine to closing it, and the
digest of every body (about 1 us per KB, the same for all engines). Imports are outside of it, and
so is one fetch of the first URL, in which the engine imports what it imports late.
Read beside it: comparing.py, the parent.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import Counter
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.errors import EngineUnavailable
from crawler.fetching import fetch_all
from crawler.model import Limits, Network, Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from crawler.model import Outcome

    # What JSON holds; an alias of object, because its users look at what they find.
    Document: TypeAlias = dict[str, object]

_LISTEN = 0.1  # seconds of looking at the machine's load; the kernel counts in 10 ms
NOT_FETCHED = ""  # the digest of a request without outcome: never of one that ended


def job(
    requests: Sequence[str | Request],
    *,
    engine: str,
    concurrency: int,
    limits: Limits,
    network: Network,
) -> str:
    """The document that tells a child what to run."""
    told = asdict(network)
    told["ca_file"] = None if network.ca_file is None else str(network.ca_file)
    return json.dumps(
        {
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


def main() -> int:
    """Reads a job, runs it, writes what it cost; 0 even when the engine cannot run here."""
    told = json.loads(sys.stdin.read())
    try:
        result = _measure(told)
    except EngineUnavailable as error:
        result = {"unavailable": str(error)}
    sys.stdout.write(json.dumps(result))
    sys.stdout.flush()
    return 0


def _measure(told: Document) -> Document:
    items = _requests(told["requests"])

    def fetches(requests: list[str | Request]) -> Iterator[Outcome]:
        return fetch_all(
            requests,
            engine=str(told["engine"]),
            concurrency=int(str(told["concurrency"])),
            limits=limits,
            network=network,
        )

    limits, network = _limits(told["limits"]), _network(told["network"])
    for _ in fetches(items[:1]):
        pass

    tally = _Tally(len(items))
    load_before = _load()
    _forget_peak()
    busy = _busy()
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    for outcome in fetches(items):
        tally.count(outcome)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)

    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return {
        "wall": wall,
        "user": user,
        "system": system,
        "load_before": load_before,
        "load_beside": max(0.0, _busy() - busy - user - system) / wall,
        "switches": after.ru_nvcsw + after.ru_nivcsw - before.ru_nvcsw - before.ru_nivcsw,
        "rss_bytes": _peak(),
        "ok": tally.ok,
        "failed": tally.failed,
        "body_bytes": tally.body_bytes,
        "codes": dict(tally.codes),
        "digests": tally.digests,
    }


class _Tally:
    """What became of the requests, by their place in the list."""

    def __init__(self, size: int) -> None:
        self.ok = 0
        self.failed = 0
        self.body_bytes = 0
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
