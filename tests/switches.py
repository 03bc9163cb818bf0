"""Whether this kernel counts the times that somebody waited: not every sandbox does."""

from __future__ import annotations

import resource
import time
from functools import cache
from pathlib import Path

import pytest

_WAITS = 5


@cache
def _counted() -> bool:
    before = _read()
    for _ in range(_WAITS):
        time.sleep(0.002)  # longer than any slack: it cannot be done without waiting
    return all(now - then >= _WAITS for then, now in zip(before, _read(), strict=True))


def _read() -> tuple[int, int]:
    """What it says of this thread, by getrusage(2) and in proc(5)."""
    lines = Path("/proc/thread-self/status").read_text().splitlines()
    told = (int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches:"))
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw, next(told, 0)


def need_voluntary_switches() -> None:
    """Skip the test where a thread that slept is not said to have waited."""
    if not _counted():
        pytest.skip("this kernel does not count voluntary context switches")
