"""What is peculiar to signals: a finite queue, a mask, a thread, and what they must not break."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from crawler import engines
from crawler.contracts import Engine
from crawler.errors import EngineUnavailable
from crawler.model import Limits, Network
from crawler.serving.fixture import Site

Child = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="queued I/O signals are Linux's")


def opened() -> Engine:
    return engines.open("sigio", concurrency=1, limits=Limits(), network=Network())


def blocked() -> set[int]:
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


@pytest.mark.parametrize("pending", ["0", "2"])
def test_what_a_full_queue_lost_is_found_by_asking_everyone(
    child: Child, site: Site, pending: str
) -> None:
    urls = "\n".join(f"{site.url}/page/{number}?delay=20" for number in range(300))

    done = child("sigio_overflow.py", pending, input=urls)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["300"]


def test_the_word_of_a_full_queue_reaches_every_engine_of_the_thread(child: Child) -> None:
    done = child("sigio_fellows.py")

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["200", "200"]


@pytest.mark.parametrize("order", ["01", "10"])
def test_signals_that_wait_when_it_closes_strike_nobody(child: Child, order: str) -> None:
    done = child("sigio_pending.py", order)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["pending 2", "pending 0", "blocked 0"]


def test_it_works_outside_the_main_thread_and_twice_at_once(child: Child, site: Site) -> None:
    urls = "\n".join(f"{site.url}/page/{number}?delay=10" for number in range(40))

    done = child("sigio_threads.py", input=urls)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["80"]


def test_ctrl_c_ends_the_wait_and_loses_nothing(child: Child, site: Site) -> None:
    done = child("sigio_interrupted.py", f"{site.url}/page/1?delay=300")

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["interrupted", "200"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_each_has_a_signal_of_its_own_and_gives_it_back(order: tuple[int, int]) -> None:
    before = blocked()

    both = opened(), opened()
    meanwhile = blocked()
    both[order[0]].close()
    with_one = blocked()
    both[order[1]].close()

    assert len(meanwhile - before) == 3
    assert len(with_one - before) == 2
    assert signal.SIGIO in with_one
    assert blocked() == before


def test_what_was_blocked_before_stays_so() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO, signal.SIGRTMAX})
    try:
        engine = opened()
        engine.close()
        after = blocked()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    assert after == set(before) | {signal.SIGIO, signal.SIGRTMAX}


def test_a_signal_that_someone_handles_is_left_alone() -> None:
    handled = range(signal.SIGRTMIN, signal.SIGRTMAX + 1)
    for number in handled:
        signal.signal(number, lambda *_: None)
    try:
        with pytest.raises(EngineUnavailable, match="every one is in use in this thread"):
            opened()
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def test_it_refuses_when_no_signal_is_left_and_works_when_one_is_again() -> None:
    number = signal.SIGRTMAX - signal.SIGRTMIN + 1
    several = [opened() for _ in range(number)]

    with pytest.raises(EngineUnavailable, match=rf"\({number} by other sigio engines\): close one"):
        opened()

    several.pop().close()
    several.append(opened())
    for engine in several:
        engine.close()
    assert signal.SIGIO not in blocked()


def test_a_thread_that_did_not_open_it_is_told_so() -> None:
    engine = opened()
    caught = []

    def use() -> None:
        try:
            engine.wait(0.0)
        except RuntimeError as error:
            caught.append(str(error))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    engine.close()

    assert caught == ["engine 'sigio' is of the thread that opened it: signals go there"]
