"""What is peculiar to generators: the scheduler that sends them on, and who is told of a name."""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from crawler.engines._resolve import Resolver
from crawler.engines._yielded_stream import READ, WRITE, Wait, sleep
from crawler.engines.generators import IDLE, Generators, Scheduler, Task
from crawler.model import Failure, Limits, Network, Outcome, Request
from crawler.serving.fixture import Site

Text = Generator[Wait, Any, None]


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    made = Scheduler()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


def outcomes(engine: Generators, count: int) -> list[Outcome]:
    found: list[Outcome] = []
    while len(found) < count:
        found += engine.wait(None)
    return found


def turns(scheduler: Scheduler, seconds: float) -> int:
    """How often it turns in that time, with nothing to do."""
    count = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        scheduler.turn(seconds)
        count += 1
    return count


# -- the scheduler --------------------------------------------------------------------------------


def test_the_producer_and_the_consumer_hand_each_other_values(scheduler: Scheduler) -> None:
    eaten = []

    def consumer() -> Text:
        while True:
            eaten.append((yield IDLE))

    def producer(eater: Task) -> Text:
        for loaf in range(3):
            scheduler.send(eater, loaf)
            yield from sleep(0.0)

    scheduler.start(producer(scheduler.start(consumer())))
    while len(eaten) < 3:
        scheduler.turn(None)

    assert eaten == [0, 1, 2]


def test_what_the_innermost_returns_is_the_value_of_yield_from(
    scheduler: Scheduler, pair: Pair
) -> None:
    ours, theirs = pair
    read = []

    def innermost() -> Generator[Wait, Any, bytes]:
        yield Wait(math.inf, ours.fileno(), READ)
        return ours.recv(10)

    def between() -> Generator[Wait, Any, bytes]:
        first = yield from innermost()
        return first + (yield from innermost())

    def outermost() -> Text:
        read.append((yield from between()))

    scheduler.start(outermost())
    theirs.sendall(b"a")
    scheduler.turn(None)
    assert read == []
    theirs.sendall(b"b")
    scheduler.turn(None)

    assert read == [b"ab"]


def test_a_timeout_is_thrown_into_the_innermost_that_waits(
    scheduler: Scheduler, pair: Pair
) -> None:
    told = []

    def innermost() -> Generator[Wait, Any, None]:
        try:
            yield Wait(0.01, pair[0].fileno(), READ)
        except TimeoutError:
            told.append("innermost")
            raise

    def outermost() -> Text:
        try:
            yield from innermost()
        except TimeoutError:
            told.append("outermost")

    scheduler.start(outermost())
    while len(told) < 2:
        scheduler.turn(None)

    assert told == ["innermost", "outermost"]


def test_a_wait_that_ended_in_time_is_not_late_afterwards(scheduler: Scheduler, pair: Pair) -> None:
    ours, theirs = pair
    ended = []

    def ends() -> Text:
        yield Wait(0.01, ours.fileno(), READ)
        ended.append("ends")

    def waits_on() -> Text:
        yield from sleep(0.03)
        ended.append("waits on")

    scheduler.start(ends())
    scheduler.start(waits_on())
    theirs.sendall(b"a")
    while len(ended) < 2:
        scheduler.turn(None)  # would raise what is thrown into a generator that has ended

    assert ended == ["ends", "waits on"]


def test_those_whose_time_is_up_go_on_in_its_order(scheduler: Scheduler) -> None:
    ended = []

    def waits(seconds: float) -> Text:
        yield from sleep(seconds)
        ended.append(seconds)

    for seconds in (0.02, 0.0, 0.03, 0.01):
        scheduler.start(waits(seconds))
    while len(ended) < 4:
        scheduler.turn(None)

    assert ended == [0.0, 0.01, 0.02, 0.03]


def test_a_wake_that_is_meant_for_an_earlier_wait_is_void(scheduler: Scheduler, pair: Pair) -> None:
    ours, theirs = pair
    woken = []

    def waits() -> Text:
        yield Wait(math.inf, ours.fileno(), READ)
        woken.append("readable")
        yield IDLE
        woken.append("woken")

    task = scheduler.start(waits())
    scheduler.send(task, "a")
    theirs.sendall(b"a")
    scheduler.turn(None)  # readable comes first, and the wake is behind it
    scheduler.turn(0.0)

    assert woken == ["readable"]


def test_ready_comes_before_late(scheduler: Scheduler, pair: Pair) -> None:
    ours, theirs = pair
    told = []

    def waits() -> Text:
        try:
            yield Wait(0.005, ours.fileno(), READ)
            told.append("ready")
        except TimeoutError:
            told.append("late")

    scheduler.start(waits())
    theirs.sendall(b"a")
    time.sleep(0.01)  # somebody computed
    scheduler.turn(None)

    assert told == ["ready"]


def test_one_descriptor_is_waited_for_in_both_ways_in_turn(
    scheduler: Scheduler, pair: Pair
) -> None:
    ours, theirs = pair
    told = []

    def waits() -> Text:
        yield Wait(math.inf, ours.fileno(), WRITE)
        told.append("writable")
        yield Wait(math.inf, ours.fileno(), READ)
        told.append("readable")

    scheduler.start(waits())
    for _ in range(4):
        scheduler.turn(0.0)
    assert told == ["writable"]
    theirs.sendall(b"a")
    scheduler.turn(None)

    assert told == ["writable", "readable"]


def test_a_descriptor_nobody_waits_for_does_not_keep_it_awake(
    scheduler: Scheduler, pair: Pair
) -> None:
    ours, theirs = pair

    def waits() -> Text:
        yield Wait(math.inf, ours.fileno(), READ)
        yield from sleep(0.05)

    scheduler.start(waits())
    theirs.sendall(b"ab")  # and nobody reads it
    scheduler.turn(None)

    assert turns(scheduler, 0.03) <= 4


def test_who_waits_to_read_is_not_woken_because_it_could_write(
    scheduler: Scheduler, pair: Pair
) -> None:
    ours = pair[0]

    def waits() -> Text:
        yield Wait(math.inf, ours.fileno(), WRITE)
        yield Wait(math.inf, ours.fileno(), READ)

    scheduler.start(waits())

    assert turns(scheduler, 0.03) <= 4


def test_who_has_given_up_writing_is_told_of_what_comes(scheduler: Scheduler, pair: Pair) -> None:
    ours, theirs = pair
    told = []
    with contextlib.suppress(BlockingIOError):
        while True:
            ours.send(bytes(65536))

    def waits() -> Text:
        try:
            yield Wait(0.0, ours.fileno(), WRITE)
        except TimeoutError:
            told.append("full")
        yield Wait(math.inf, ours.fileno(), READ)
        told.append("readable")

    scheduler.start(waits())
    scheduler.turn(0.01)
    theirs.sendall(b"a")
    scheduler.turn(0.05)

    assert told == ["full", "readable"]


def test_a_short_wait_behind_a_long_one_ends_when_it_should(
    scheduler: Scheduler, pair: Pair
) -> None:
    ours, theirs = pair
    ended = []

    def waits() -> Text:
        yield Wait(30.0, ours.fileno(), READ)
        yield from sleep(0.001)
        ended.append("short")

    scheduler.start(waits())
    theirs.sendall(b"a")
    for _ in range(4):
        scheduler.turn(0.05)

    assert ended == ["short"]


def test_a_bug_comes_out_of_the_turn_and_the_others_go_on(scheduler: Scheduler) -> None:
    ended = []

    def buggy() -> Text:
        yield from sleep(0.0)
        raise ZeroDivisionError

    def sound() -> Text:
        yield from sleep(0.01)
        ended.append("sound")

    scheduler.start(buggy())
    scheduler.start(sound())
    with pytest.raises(ZeroDivisionError):
        scheduler.turn(None)
    while not ended:
        scheduler.turn(None)

    assert ended == ["sound"]


# -- the engine -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("fds")
def test_close_unwinds_what_stands_at_a_yield(site: Site) -> None:
    engine = Generators(concurrency=2, limits=Limits(), network=Network())
    unwound = []
    inner = engine._exchanges.exchange

    def exchange(request: Request) -> Generator[Wait, None, Any]:
        try:
            return (yield from inner(request))
        finally:
            unwound.append(request.number)

    engine._exchanges.exchange = exchange  # type: ignore[method-assign]
    for number in range(2):
        engine.start(Request(f"{site.url}/page/1?delay=500", number=number))
    assert engine.wait(0.05) == []

    engine.close()

    assert unwound == [0, 1]


class Names:
    """A resolver that answers when it is told to."""

    def __init__(self, port: int) -> None:
        self.asked: list[str] = []
        self.told = threading.Event()
        self._answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    def getaddrinfo(self, host: str, *_: object, **__: object) -> Any:
        self.asked.append(host)
        assert self.told.wait(9)
        return self._answer


def with_names(names: Names, limits: Limits) -> Generators:
    engine = Generators(concurrency=4, limits=limits, network=Network())
    engine._scheduler.forget(engine._resolver.wake.fileno())
    engine._listener.generator.close()
    engine._resolver.close()
    engine._resolver = Resolver(Network(), getaddrinfo=names.getaddrinfo)
    engine._exchanges._resolver = engine._resolver
    engine._listener = engine._scheduler.start(engine._listen())
    return engine


@pytest.mark.usefixtures("fds")
def test_a_name_that_several_wait_for_is_asked_for_once(site: Site) -> None:
    port = int(site.url.rpartition(":")[2])
    names = Names(port)
    engine = with_names(names, Limits())
    for number in range(4):
        engine.start(Request(f"http://name.test:{port}/page/{number}"))
    assert engine.wait(0.02) == []

    names.told.set()
    ended = outcomes(engine, 4)
    engine.close()

    assert [outcome.ok for outcome in ended] == [True] * 4
    assert names.asked == ["name.test"]


@pytest.mark.usefixtures("fds")
def test_who_has_given_up_a_name_is_not_resumed_by_its_answer(site: Site) -> None:
    port = int(site.url.rpartition(":")[2])
    names = Names(port)
    engine = with_names(names, Limits(dns=0.02))
    engine.start(Request(f"http://name.test:{port}/page/1"))
    engine.start(Request(f"{site.url}/page/2?delay=100"))
    (late,) = outcomes(engine, 1)

    names.told.set()  # its worker waits for another request by now
    (other,) = outcomes(engine, 1)
    engine.start(Request(f"http://name.test:{port}/page/3"))
    (known,) = outcomes(engine, 1)
    engine.close()

    assert isinstance(late, Failure)
    assert late.code == "dns.timeout"
    assert other.ok
    assert known.ok
    assert names.asked == ["name.test"]


def test_a_worker_is_made_when_it_is_needed_and_kept(site: Site) -> None:
    engine = Generators(concurrency=8, limits=Limits(), network=Network())
    for _ in range(3):
        for number in range(2):
            engine.start(Request(f"{site.url}/page/{number}"))
        outcomes(engine, 2)
    made = len(engine._workers)
    engine.close()

    assert made == 2


def test_waiting_costs_no_processor(site: Site) -> None:
    engine = Generators(concurrency=8, limits=Limits(), network=Network())
    for number in range(8):
        engine.start(Request(f"{site.url}/page/{number}?delay=300"))
    engine.wait(0.05)
    before = time.thread_time()

    ended = outcomes(engine, 8)

    assert time.thread_time() - before < 0.1
    assert [outcome.ok for outcome in ended] == [True] * 8
    engine.close()
