"""What the processes that belong to this one have used: workers count as their engine's own.

    /proc/PID/task/TID/children ──► their numbers ──► stat, schedstat, status, smaps_rollup

Linux only (proc(5)); elsewhere there seem to be none. Shared pages are counted once for all who
share them (Pss), so that workers forked from one process do not each cost all of it. stat counts in
ticks of 10 ms, rounded down, which is nothing for each of fifty workers; so the sum is taken from
schedstat, nanoseconds for each thread (Documentation/scheduler/sched-stats), and the ticks only say
how it divides into user and system.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple


class Usage(NamedTuple):
    """What processes have used since they began."""

    user: float = 0.0  # seconds
    system: float = 0.0  # seconds
    voluntary: int = 0  # context switches
    involuntary: int = 0

    def __add__(self, other: object) -> Usage:
        """Both together."""
        assert isinstance(other, Usage)
        return Usage(
            self.user + other.user,
            self.system + other.system,
            self.voluntary + other.voluntary,
            self.involuntary + other.involuntary,
        )


def numbers(parent: int | None = None) -> list[int]:
    """The processes begun by `parent`, this process where none is given, and by those."""
    found: list[int] = []
    tasks = Path(f"/proc/{parent or os.getpid()}/task")
    try:
        for task in tasks.iterdir():
            found += map(int, (task / "children").read_text().split())
    except OSError:
        return found
    return [*found, *(further for child in found for further in numbers(child))]


def usage(parent: int | None = None) -> Usage:
    """What all of them have used."""
    total = Usage()
    for number in numbers(parent):
        total += _usage(number)
    return total


def memory(parent: int | None = None) -> int:
    """The bytes that all of them have in memory, what they share counted once."""
    return sum(_memory(number) for number in numbers(parent))


def _usage(number: int) -> Usage:
    try:
        behind = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{number}/status").read_text()
    except OSError:
        return Usage()
    user, system = _divided(int(behind[11]), int(behind[12]), _ran(number))
    switches = {
        name: int(value)
        for name, _, value in (line.partition(":") for line in status.splitlines())
        if name.endswith("ctxt_switches")
    }
    return Usage(
        user,
        system,
        switches.get("voluntary_ctxt_switches", 0),
        switches.get("nonvoluntary_ctxt_switches", 0),
    )


def _divided(user: int, system: int, ran: float) -> tuple[float, float]:
    """Seconds of each, from the ticks of each and the seconds of both that are known otherwise."""
    ticks = user + system
    # Threads that have ended are in the ticks alone.
    both = max(ran, ticks / os.sysconf("SC_CLK_TCK"))
    share = system / ticks if ticks else 0.0
    return both * (1.0 - share), both * share


def _ran(number: int) -> float:
    """Seconds that its threads have had a processor; 0 where the kernel does not count them."""
    nanoseconds = 0
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{number}/task").iterdir():
            nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def _memory(number: int) -> int:
    try:
        lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
