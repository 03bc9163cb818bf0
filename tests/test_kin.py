"""What processes that belong to this one have used, counted while they are there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from switches import need_voluntary_switches

from crawler import kin

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Says what it has used, each time it has used more; and ends with its input.
WORKER = """
import resource, sys, time
kept = b"x" * {size}
for _ in sys.stdin:
    end = time.thread_time() + {busy}
    while time.thread_time() < end:
        pass
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(time.process_time(), used.ru_nvcsw + used.ru_nivcsw, flush=True)
"""


class Worker:
    def __init__(self, *, busy: float = 0.0, size: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER.format(busy=busy, size=size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.number = self._process.pid

    def work(self) -> tuple[float, int]:
        """Let it work once; its own account."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        seconds, switches = self._process.stdout.readline().split()
        return float(seconds), int(switches)

    def end(self) -> None:
        self._process.communicate()


@pytest.fixture
def worker() -> Iterator[Callable[..., Worker]]:
    made = []

    def make(**what: float) -> Worker:
        made.append(Worker(**what))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.end()


def test_processor_time_is_finer_than_a_tick(worker: Callable[..., Worker]) -> None:
    one = worker(busy=0.003)
    one.work()
    before = kin.usage()
    began, _ = one.work()
    middle = kin.usage()

    ended, _ = one.work()

    used = sum(kin.usage()[:2]) - sum(middle[:2])
    assert sum(middle[:2]) - sum(before[:2]) >= 0.003
    assert used == pytest.approx(ended - began, abs=0.005)


def test_user_and_system_are_all_of_it(worker: Callable[..., Worker]) -> None:
    one = worker(busy=0.2)
    seconds, _ = one.work()

    used = kin.usage()

    assert used.user > 0
    assert used.user + used.system == pytest.approx(seconds, abs=0.005)


def test_what_threads_that_ended_have_used_is_in_the_ticks() -> None:
    assert kin._divided(60, 20, 0.4) == pytest.approx((0.6, 0.2))


def test_a_part_of_a_tick_is_the_users() -> None:
    assert kin._divided(0, 0, 0.004) == (0.004, 0.0)


def test_the_ticks_divide_the_nanoseconds() -> None:
    user, system = kin._divided(3, 1, 0.048)

    assert (user, system) == (pytest.approx(0.036), pytest.approx(0.012))


def test_switches_are_counted(worker: Callable[..., Worker]) -> None:
    need_voluntary_switches()
    one = worker()
    one.work()
    before = kin.usage()

    _, switches = one.work()

    after = kin.usage()
    assert after.voluntary > before.voluntary
    assert after.voluntary + after.involuntary >= switches


def test_memory_is_counted(worker: Callable[..., Worker]) -> None:
    one = worker(size=32 * 1024 * 1024)
    one.work()

    assert one.number in kin.numbers()
    assert kin.memory() > 32 * 1024 * 1024


def test_nobody_has_used_nothing() -> None:
    assert kin.numbers(2**22) == []
    assert kin.usage(2**22) == kin.Usage()
    assert kin.memory(2**22) == 0
