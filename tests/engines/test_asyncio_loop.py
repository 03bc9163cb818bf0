"""What is peculiar to asyncio: its loop runs inside `wait`, and all that it made must be undone."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from crawler import fetch_all
from crawler.engines import _awaited
from crawler.engines.asyncio_loop import AsyncioLoop
from crawler.errors import EngineUnavailable, LocalError
from crawler.model import Limits, Network, Outcome, Request
from crawler.serving.fixture import Site
from crawler.transports._attempt import Attempt
from crawler.transports.resolve import Address

Child = Callable[..., subprocess.CompletedProcess[str]]
Open = Callable[..., AsyncioLoop]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

pytestmark = pytest.mark.usefixtures("fds")


@pytest.fixture
def opened(caplog: pytest.LogCaptureFixture) -> Iterator[Open]:
    made: list[AsyncioLoop] = []

    def start(
        *, concurrency: int = 4, limits: Limits | None = None, network: Network | None = None
    ) -> AsyncioLoop:
        made.append(
            AsyncioLoop(
                concurrency=concurrency, limits=limits or Limits(), network=network or Network()
            )
        )
        return made[-1]

    yield start
    for engine in made:
        engine.close()
    told = [record.getMessage() for record in caplog.records if record.name == "asyncio"]
    assert told == []  # a task that was destroyed, an exception that nobody asked for


def outcomes(engine: AsyncioLoop, count: int) -> list[Outcome]:
    found: list[Outcome] = []
    while len(found) < count:
        found += engine.wait(None)
    return found


def exchange_by(engine: AsyncioLoop, exchange: Callable[[Request], Awaitable[object]]) -> None:
    engine._exchanges.exchange = exchange  # type: ignore[assignment, method-assign]


# -- loops in loops -------------------------------------------------------------------------------


def test_inside_a_running_loop_it_is_refused(site: Site) -> None:
    async def main() -> list[Outcome]:
        return list(fetch_all([f"{site.url}/page/1"], engine="asyncio"))

    with pytest.raises(EngineUnavailable, match=r"inside a running one: .*asyncio\.to_thread"):
        asyncio.run(main())


def test_beside_a_running_loop_it_runs(site: Site) -> None:
    def fetch() -> list[Outcome]:
        return list(fetch_all([f"{site.url}/page/1"], engine="asyncio"))

    async def main() -> list[Outcome]:
        return await asyncio.to_thread(fetch)

    (outcome,) = asyncio.run(main())

    assert outcome.ok


# -- the end --------------------------------------------------------------------------------------


def test_an_engine_that_was_not_used_is_closed(opened: Open) -> None:
    engine = opened()

    engine.close()

    assert engine._loop.is_closed()


@pytest.mark.parametrize(
    ("script", "told"),
    [("close_early.py", '"ended": 0'), ("interrupted.py", '["interrupted"')],
)
def test_nothing_is_complained_of_in_development_mode(
    child: Child, site: Site, script: str, told: str
) -> None:
    url = f"{site.url}/page/1?delay=700"

    done = child(script, "asyncio", url, env={"PYTHONDEVMODE": "1"})

    assert done.returncode == 0, done.stderr
    assert told in done.stdout
    assert done.stderr == ""


def test_what_was_interrupted_goes_on_with_the_next_wait(child: Child, site: Site) -> None:
    done = child("loop_interrupted.py", "asyncio", f"{site.url}/page/1?delay=300")

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["interrupted", "200"]


def test_the_end_of_an_interrupted_wait_does_not_end_the_next(opened: Open, site: Site) -> None:
    engine = opened()
    engine.start(Request(f"{site.url}/page/1?delay=150"))
    engine._loop.call_later(0.01, signal.raise_signal, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        engine.wait(0.03)

    (outcome,) = engine.wait(None)

    assert outcome.ok


def test_an_interrupt_in_the_middle_of_a_task_lets_the_engine_be_closed(opened: Open) -> None:
    engine = opened()
    unwound = []

    async def exchange(request: Request) -> None:
        try:
            await asyncio.sleep(math.inf if request.number else 0.01)
            signal.raise_signal(signal.SIGINT)
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # to be called off takes its time
            unwound.append(request.number)
            raise

    exchange_by(engine, exchange)
    for number in range(3):
        engine.start(Request("http://127.0.0.1/", number=number))
    with pytest.raises(KeyboardInterrupt):
        engine.wait(None)

    engine.close()

    assert sorted(unwound) == [1, 2]


# -- descriptors ----------------------------------------------------------------------------------


def test_of_all_that_run_out_of_descriptors_at_once_one_goes_on(opened: Open) -> None:
    engine = opened()
    tried = []

    async def exchange(request: Request) -> Request:
        tried.append(request.number)
        await asyncio.sleep(0.005)
        if len(tried) <= 4:
            raise LocalError("none left", code="local.too_many_files")
        return request

    exchange_by(engine, exchange)
    for number in range(4):
        engine.start(Request("http://127.0.0.1/", number=number))

    ended = outcomes(engine, 4)

    assert sorted(request.number for request in ended) == [0, 1, 2, 3]  # type: ignore[attr-defined]


def test_of_two_addresses_that_connect_at_once_one_is_closed(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected, both, there = _awaited._connected, asyncio.Event(), []

    async def together(address: Address, attempt: Attempt) -> tuple[socket.socket, Address]:
        there.append(await connected(address, attempt))
        if len(there) == 2:
            asyncio.get_running_loop().call_soon(both.set)
        mine = there[-1]
        await both.wait()
        return mine

    monkeypatch.setattr(_awaited, "_connected", together)
    with socket.create_server(("127.0.0.2", 0)) as one:
        port = one.getsockname()[1]
        with socket.create_server(("127.0.0.3", port)) as other:
            resolve = (("two.test", port, "127.0.0.2"), ("two.test", port, "127.0.0.3"))
            engine = opened(limits=Limits(stagger=0.0), network=Network(resolve=resolve))
            engine.start(Request(f"http://two.test:{port}/"))
            assert engine.wait(0.02) == []

            accepted = [listener.accept()[0] for listener in (one, other)]
            for connection in accepted:
                connection.settimeout(2.0)
            heard = [connection.recv(65536) for connection in accepted]
            winner = accepted[0 if heard[0] else 1]
            winner.sendall(OK)
            (outcome,) = outcomes(engine, 1)
            for connection in accepted:
                connection.close()

    assert outcome.ok
    assert sorted(map(bool, heard)) == [False, True]


# -- names and time -------------------------------------------------------------------------------


def test_a_name_that_several_wait_for_is_asked_for_once(
    opened: Open, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(site.url.rpartition(":")[2])
    asked = []
    told = threading.Event()
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    def getaddrinfo(host: str, *_: object, **__: object) -> object:
        asked.append(host)
        assert told.wait(9)
        return found

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    engine = opened(limits=Limits(dns=0.03))
    engine.start(Request(f"http://name.test:{port}/page/0"))
    (late,) = outcomes(engine, 1)
    for number in range(3):
        engine.start(Request(f"http://name.test:{port}/page/{number}"))
    assert engine.wait(0.005) == []

    told.set()
    ended = outcomes(engine, 3)

    assert getattr(late, "code", "") == "dns.timeout"
    assert [outcome.ok for outcome in ended] == [True] * 3
    assert asked == ["name.test"]


def test_waiting_costs_no_processor(opened: Open, site: Site) -> None:
    engine = opened(concurrency=8)
    for number in range(8):
        engine.start(Request(f"{site.url}/page/{number}?delay=300"))
    engine.wait(0.05)
    before = time.thread_time()

    ended = outcomes(engine, 8)

    assert time.thread_time() - before < 0.1
    assert [outcome.ok for outcome in ended] == [True] * 8
