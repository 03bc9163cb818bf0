"""What is peculiar to one way of waiting: the bounds of select, the price of asking again."""

from __future__ import annotations

import contextlib
import resource
import socket
import subprocess
import time
from collections.abc import Callable
from typing import cast

import pytest

from crawler import engines, fetch_all
from crawler.engines._connection import READ, WRITE
from crawler.engines._loop import Loop
from crawler.engines._readiness import Bell
from crawler.errors import EngineUnavailable
from crawler.model import Limits, Network, Request
from crawler.serving.fixture import Site

LOOPS = ("nonblocking", "select", "poll", "epoll", "selectors", "sigio", "uring")
WAITING = LOOPS[1:]
READINESS = WAITING[:-1]  # to uring the bytes come without being asked for


def test_select_refuses_a_concurrency_that_does_not_fit() -> None:
    with pytest.raises(EngineUnavailable, match=r"no descriptor above 1023.*at most 960, not 1000"):
        engines.open("select", concurrency=1000, limits=Limits(), network=Network())


def test_select_goes_on_with_the_descriptors_that_fit(
    child: Callable[..., subprocess.CompletedProcess[str]], site: Site
) -> None:
    urls = "\n".join(f"{site.url}/page/{number}" for number in range(60))

    done = child("select_crowded.py", input=urls)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["60"]


@pytest.mark.parametrize("engine", WAITING)
def test_waiting_for_the_kernel_costs_no_processor(site: Site, engine: str) -> None:
    before = time.thread_time()

    (outcome,) = fetch_all([f"{site.url}/page/1?delay=300"], engine=engine)

    assert outcome.ok
    assert time.thread_time() - before < 0.15


@pytest.mark.usefixtures("fds")
@pytest.mark.parametrize("engine", [*LOOPS, "generators", "greenlets", "asyncio"])
def test_what_came_in_time_is_read_though_the_engine_looks_late(engine: str) -> None:
    limits = Limits(first_byte=0.1)
    opened = engines.open(engine, concurrency=1, limits=limits, network=Network())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        opened.start(Request(f"http://127.0.0.1:{listener.getsockname()[1]}/"))
        listener.setblocking(False)
        connection, came = None, b""
        while connection is None or not came:
            assert opened.wait(0.001) == []
            with contextlib.suppress(BlockingIOError):
                if connection is None:
                    connection, _ = listener.accept()
                    connection.setblocking(False)
                came = connection.recv(65536)

        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        time.sleep(0.11)  # the caller of wait has something else to do
        (outcome,) = opened.wait(None)
        opened.close()
        connection.close()

    assert outcome.ok


def test_asking_over_and_over_costs_all_of_it(site: Site) -> None:
    before = resource.getrusage(resource.RUSAGE_THREAD)

    (outcome,) = fetch_all([f"{site.url}/page/1?delay=300"], engine="nonblocking")

    after = resource.getrusage(resource.RUSAGE_THREAD)
    assert outcome.ok
    # It never waits, so whenever it does not run it was made to stop.
    assert after.ru_nvcsw - before.ru_nvcsw < 50


@pytest.mark.parametrize("engine", LOOPS)
def test_an_address_that_refuses_is_told_at_once(engine: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"

        (outcome,) = fetch_all([url], engine=engine, limits=Limits(retries=0))

    assert not outcome.ok
    assert outcome.code == "connect.refused"
    assert outcome.elapsed < 5


@pytest.mark.parametrize("engine", LOOPS)
def test_nothing_to_do_lets_the_time_pass(engine: str) -> None:
    opened = engines.open(engine, concurrency=1, limits=Limits(), network=Network())
    try:
        before = time.monotonic()
        outcomes = opened.wait(0.05)
        passed = time.monotonic() - before
    finally:
        opened.close()

    assert outcomes == []
    assert passed >= 0.05


@pytest.mark.parametrize("engine", READINESS)
def test_what_was_not_taken_is_told_again_and_what_was_is_not(engine: str) -> None:
    loop = cast("Loop", engines.open(engine, concurrency=1, limits=Limits(), network=Network()))
    ours, theirs = socket.socketpair()
    bell = Bell(lambda _mask: None)
    with ours, theirs:
        ours.setblocking(False)
        theirs.sendall(b"1")  # before anyone watches
        loop._register(ours, READ, bell)
        told = [list(loop._ready(0.0)) for _ in range(2)]
        theirs.sendall(b"23")
        ours.recv(1)
        told.append(list(loop._ready(0.0)))
        ours.recv(2)
        told.append(list(loop._ready(0.0)))
        theirs.sendall(b"4")
        ours.recv(1)
        told.append(list(loop._ready(0.01)))
        loop._change(ours, READ | WRITE, bell)
        told.append(list(loop._ready(0.0)))
        theirs.sendall(b"5")
        loop._forget(ours)
        told.append(list(loop._ready(0.0)))
        loop.close()

    assert told == [[(bell, READ)]] * 3 + [[]] * 2 + [[(bell, WRITE)]] + [[]]
