"""What is peculiar to greenlets: the hub, and who it switches to."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import greenlet
import pytest

from crawler import engines
from crawler.contracts import Engine
from crawler.engines._hub import Hub, HubSocket, Strand
from crawler.engines._switched import READ
from crawler.model import Failure, Limits, Network, Outcome, Request
from crawler.serving.fixture import Site


@pytest.fixture
def hub(fds: None) -> Iterator[Hub]:
    made = Hub()
    yield made
    made.end()
    made.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def run(hub: Hub, *functions: Callable[[], object]) -> None:
    """Turns the hub until all of them have ended."""
    strands = [hub.start(function) for function in functions]
    while not all(strand.dead for strand in strands):
        hub.turn(None)


def connected(hub: Hub, listener: socket.socket) -> HubSocket:
    sock = hub.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(2.0)
    sock.connect(listener.getsockname())
    return sock


def outcomes(engine: Engine, count: int) -> list[Outcome]:
    found: list[Outcome] = []
    while len(found) < count:
        found += engine.wait(None)
    return found


# -- sockets --------------------------------------------------------------------------------------


def test_a_call_that_blocks_lets_the_others_go_on(hub: Hub, listener: socket.socket) -> None:
    order = []

    def reads() -> None:
        sock = connected(hub, listener)
        order.append("reads")
        order.append(sock.recv(10).decode())
        sock.close()

    def answers() -> None:
        with listener.accept()[0] as theirs:
            order.append("answers")
            theirs.sendall(b"hello")

    run(hub, reads, answers)

    assert order == ["answers", "reads", "hello"]


def test_a_call_that_takes_too_long_raises_timeout_error(hub: Hub, listener: socket.socket) -> None:
    told: list[object] = []

    def reads() -> None:
        sock = connected(hub, listener)
        sock.settimeout(0.01)
        with contextlib.suppress(TimeoutError):
            told.append(sock.recv(10))
        told.append("late")
        sock.close()

    run(hub, reads)

    assert told == ["late"]


def test_with_no_time_at_all_a_call_only_looks(hub: Hub, listener: socket.socket) -> None:
    told = []

    def looks() -> None:
        sock = connected(hub, listener)
        sock.settimeout(0.0)
        try:
            sock.recv(1)
        except BlockingIOError:
            told.append("nothing there")
        sock.close()

    run(hub, looks)

    assert told == ["nothing there"]


def test_more_than_the_kernel_takes_is_sent_in_parts(hub: Hub, listener: socket.socket) -> None:
    size = 4 * 1024 * 1024
    read: list[int] = []

    def sends() -> None:
        sock = connected(hub, listener)
        sock.sendall(bytes(size))
        sock.close()

    def reads() -> None:
        with listener.accept()[0] as theirs:
            theirs.setblocking(False)
            while sum(read) < size:
                try:
                    read.append(len(theirs.recv(65536)))
                except BlockingIOError:
                    hub.sleep(0.001)

    run(hub, sends, reads)

    assert sum(read) == size


def test_who_has_a_descriptor_anew_is_not_told_of_what_came_for_the_old_one(hub: Hub) -> None:
    # Both are ready in one turn; the first closes the second's and opens another in its place.
    told: list[object] = []
    first, bell = socket.socketpair()
    second, knock = socket.socketpair()
    fresh, silent = socket.socketpair()
    place = second.detach()

    def closes() -> None:
        hub.wait(first.fileno(), READ, math.inf)
        hub.forget(place)
        os.dup2(fresh.fileno(), place)
        try:
            hub.wait(place, READ, 0.03)
            told.append("was told of the old one")
        except TimeoutError:
            told.append("late")

    def waits() -> None:
        with contextlib.suppress(TimeoutError):
            hub.wait(place, READ, math.inf)
            told.append("was told of a closed one")

    hub.start(closes)
    hub.start(waits)
    hub.turn(0.0)
    bell.sendall(b"a")
    knock.sendall(b"a")
    while not told:
        hub.turn(None)
    hub.forget(place)
    hub.forget(first.fileno())
    os.close(place)
    for sock in (first, bell, knock, fresh, silent):
        sock.close()

    assert told == ["late"]


def test_a_closed_socket_leaves_its_number_to_the_next(hub: Hub, listener: socket.socket) -> None:
    numbers, read = [], []

    def reads() -> None:
        for _ in range(2):
            sock = connected(hub, listener)
            numbers.append(sock.fileno())
            read.append(sock.recv(10))
            sock.close()

    def answers() -> None:
        accepted = []
        for answer in (b"a", b"b"):
            accepted.append(listener.accept()[0])
            hub.sleep(0.005)
            accepted[-1].sendall(answer)
            while len(read) < len(accepted):
                hub.sleep(0.001)
            hub.sleep(0.001)
        for theirs in accepted:
            theirs.close()

    run(hub, reads, answers)

    assert read == [b"a", b"b"]
    assert numbers[0] == numbers[1]


# -- waking ---------------------------------------------------------------------------------------


def test_sleepers_go_on_in_the_order_of_their_time(hub: Hub) -> None:
    order = []

    def sleeps(seconds: float) -> None:
        hub.sleep(seconds)
        order.append(seconds)

    run(hub, *(lambda s=seconds: sleeps(s) for seconds in (0.02, 0.0, 0.01)))

    assert order == [0.0, 0.01, 0.02]


def test_an_event_wakes_all_who_wait(hub: Hub) -> None:
    event = hub.event()
    told = []

    def waits() -> None:
        told.append(event.wait())

    def sets() -> None:
        assert not event.is_set()
        event.set()
        told.append(event.wait(0.0))  # at once: it is set

    run(hub, waits, waits, sets)

    assert told == [True] * 3
    assert event.is_set()


def test_who_waits_too_long_for_an_event_hears_so(hub: Hub) -> None:
    event = hub.event()
    told: list[object] = []

    def waits() -> None:
        told.append(event.wait(0.005))
        hub.sleep(math.inf)
        told.append("was woken by what it has given up")

    def sets() -> None:
        while not told:
            hub.sleep(0.001)
        event.set()
        hub.sleep(0.005)

    hub.start(waits)
    run(hub, sets)

    assert told == [False]


def test_only_greenlets_of_the_hub_can_wait_in_it(hub: Hub) -> None:
    with pytest.raises(AssertionError, match="only greenlets of the hub"):
        hub.sleep(0.0)


# -- names ----------------------------------------------------------------------------------------


class Names:
    """Answers each name when it is told to."""

    def __init__(self) -> None:
        self.told = {name: threading.Event() for name in ("a", "b")}

    def getaddrinfo(self, name: str) -> str:
        assert self.told[name].wait(9)
        if name == "b":
            raise OSError(f"there is no {name}")
        return f"address of {name}"


def test_a_look_up_wakes_who_asked(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    order = []

    def asks(name: str) -> None:
        try:
            order.append(hub.getaddrinfo(name))
        except OSError as error:
            order.append(str(error))

    def tells() -> None:
        hub.sleep(0.005)
        order.append("asked")
        names.told["b"].set()
        while len(order) < 2:
            hub.sleep(0.001)
        names.told["a"].set()

    run(hub, lambda: asks("a"), lambda: asks("b"), tells)

    assert order == ["asked", "there is no b", "address of a"]


def test_the_word_of_a_look_up_is_for_that_wait_alone(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda name: name)
    rung = []
    ring = hub.ring

    def twice(strand: Strand, wait: int) -> None:
        rung.append((strand, wait))
        ring(strand, wait)

    monkeypatch.setattr(hub, "ring", twice)
    passed = []

    def asks() -> None:
        hub.getaddrinfo("a")
        began = time.monotonic()
        ring(*rung[0])  # comes once more, as if it had been late
        hub.sleep(0.02)
        passed.append(time.monotonic() - began)

    run(hub, asks)

    assert passed[0] >= 0.02


def test_look_ups_share_a_few_threads(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()

    def getaddrinfo(name: str) -> str:
        threads.add(threading.get_ident())
        time.sleep(0.001)
        return name

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    found = []

    run(hub, *[lambda name=f"h{n}": found.append(hub.getaddrinfo(name)) for n in range(300)])

    assert sorted(found) == sorted(f"h{n}" for n in range(300))
    assert 1 < len(threads) <= 64


def test_look_ups_one_after_the_other_need_one_thread(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()
    monkeypatch.setattr(socket, "getaddrinfo", lambda _: threads.add(threading.get_ident()))

    run(hub, lambda: [hub.getaddrinfo("a") for _ in range(5)])

    assert len(threads) == 1


def few_threads(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let the system have that many further threads."""
    start = threading.Thread.start
    made: list[threading.Thread] = []

    def start_or_not(thread: threading.Thread) -> None:
        if len(made) == most:
            raise RuntimeError("can't start new thread")
        made.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_not)


def test_without_further_threads_those_there_are_have_to_do(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda name: name)
    few_threads(monkeypatch, 2)
    found = []

    run(hub, *[lambda name=f"h{n}": found.append(hub.getaddrinfo(name)) for n in range(20)])

    assert sorted(found) == sorted(f"h{n}" for n in range(20))


def test_without_any_thread_a_look_up_fails(monkeypatch: pytest.MonkeyPatch, site: Site) -> None:
    few_threads(monkeypatch, 0)
    engine = opened()
    engine.start(Request("http://name.test/"))
    engine.start(Request(f"{site.url}/page/1"))

    ended = outcomes(engine, 2)
    engine.close()

    assert sorted(outcome.ok for outcome in ended) == [False, True]
    (failed,) = [outcome for outcome in ended if isinstance(outcome, Failure)]
    assert failed.code == "dns.servfail"
    assert "no further thread" in str(failed.error)


def test_close_ends_the_threads_of_look_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda name: name)
    before = set(threading.enumerate())
    hub = Hub()
    run(hub, *[lambda: hub.getaddrinfo("a")] * 5)
    asking = set(threading.enumerate()) - before

    hub.close()

    assert asking
    assert not any(thread.is_alive() for thread in asking)


# -- the engine -----------------------------------------------------------------------------------


def opened(concurrency: int = 4) -> Engine:
    return engines.open("greenlets", concurrency=concurrency, limits=Limits(), network=Network())


@pytest.mark.usefixtures("fds")
def test_it_is_waited_for_and_closed_from_any_greenlet(site: Site) -> None:
    engine = opened()
    told: list[object] = []

    def waits(number: int) -> None:
        engine.start(Request(f"{site.url}/page/{number}"))
        told.append([outcome.ok for outcome in outcomes(engine, 1)])

    def waits_and_stays() -> None:
        engine.start(Request(f"{site.url}/page/1?delay=200"))
        told.append(engine.wait(0.01))
        parent = greenlet.getcurrent().parent
        assert parent is not None
        parent.switch()
        told.append("nobody may switch here")

    greenlet.greenlet(lambda: waits(1)).switch()
    greenlet.greenlet(lambda: waits(2)).switch()
    waits(3)
    stays = greenlet.greenlet(waits_and_stays)
    stays.switch()
    engine.close()  # its worker was last switched to by who stays

    assert told == [[True], [True], [True], []]
    stays.throw()


@pytest.mark.usefixtures("fds")
def test_close_unwinds_who_waits_for_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: names.getaddrinfo("a"))
    engine = opened()
    engine.start(Request("http://name.test/"))
    assert engine.wait(0.01) == []
    strands = set(engine._hub._strands)  # type: ignore[attr-defined]

    engine.close()
    names.told["a"].set()

    assert len(strands) == 2  # the worker, and who asks for it
    assert all(strand.dead for strand in strands)


def test_a_worker_is_made_when_it_is_needed_and_kept(site: Site) -> None:
    engine = opened(8)
    for _ in range(3):
        for number in range(2):
            engine.start(Request(f"{site.url}/page/{number}"))
        outcomes(engine, 2)
    made = len(engine._hub._strands)  # type: ignore[attr-defined]
    engine.close()

    assert made == 2


def test_waiting_costs_no_processor(site: Site) -> None:
    engine = opened(8)
    for number in range(8):
        engine.start(Request(f"{site.url}/page/{number}?delay=300"))
    engine.wait(0.05)
    before = time.thread_time()

    ended = outcomes(engine, 8)

    assert time.thread_time() - before < 0.1
    assert [outcome.ok for outcome in ended] == [True] * 8
    engine.close()
