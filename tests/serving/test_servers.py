"""Every model serves the same, to clients that behave and to clients that do not."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from served import COMMAND, SERVER, Served, get, line, received, reset, served

from crawler import Limits, fetch_all
from crawler.serving.models import TABLE
from crawler.serving.pages import page

PROJECT = Path(__file__).parent.parent.parent
FEW_FILES = ("/bin/sh", "-c", 'ulimit -n 64; exec "$@"', "sh")


@pytest.mark.timeout(30)
def test_the_crawler_gets_every_page_from_every_model(http: Served) -> None:
    urls = [f"{http.url}/page/{number}?delay=5" for number in range(100)]

    outcomes = list(fetch_all(urls, concurrency=20, limits=Limits(retries=0)))

    assert len(outcomes) == 100
    for outcome in outcomes:
        assert outcome.ok, outcome
        number = int(outcome.url.rpartition("/")[2].partition("?")[0])
        assert outcome.body == page(number)


def test_a_connection_is_kept_and_pipelined_requests_are_answered_in_order(http: Served) -> None:
    with http.connect() as client:
        client.sendall(
            get("/size/3?delay=20") + get("/size/4") + get("/size/5", "Connection: close")
        )

        answered = received(client)

    assert [answered.find(b"Content-Length: %d" % size) > 0 for size in (3, 4, 5)] == [True] * 3
    assert answered.find(b"Length: 3") < answered.find(b"Length: 4") < answered.find(b"Length: 5")


def test_head_and_body_come_in_one_segment(http: Served) -> None:
    with http.connect() as client:
        client.sendall(get("/size/100"))

        first = client.recv(65536)

    assert len(first.partition(b"\r\n\r\n")[2]) == 100


def test_a_large_body_reaches_a_slow_reader_whole(http: Served) -> None:
    with http.connect() as client:
        client.sendall(get("/size/8000000", "Connection: close"))
        time.sleep(0.05)

        body = received(client).partition(b"\r\n\r\n")[2]

    assert len(body) == 8_000_000


def test_a_transport_that_closed_by_itself_is_not_closed_again() -> None:
    # Where the kernel's room for what is sent ends is not known: for one of these it ends within
    # the last answer, and the server closes with a rest of it in its hands.
    many = range(1, 120)
    with served("asyncio") as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in many]
        for count, client in zip(many, clients, strict=True):
            last = get("/size/60000", "Connection: close")
            client.sendall(get("/size/60000") * (count - 1) + last)
        time.sleep(0.3)

        answered = [received(client).count(b"HTTP/1.1 200 ") for client in clients]
        server.signal()

        assert server.ended() == (0, "")
    assert answered == list(many)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"\x00\x01\x02\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, b"431"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"GET /nowhere HTTP/1.0\r\n\r\n", b"404"),
    ],
    ids=["words", "bytes", "head", "chunked", "old"],
)
def test_what_is_no_request_is_refused_and_the_connection_closed(
    http: Served, sent: bytes, status: bytes
) -> None:
    with http.connect() as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(sent)
        answered = received(client)

    assert answered[9:12] in {status, b""}  # a reset may overtake the answer
    with http.connect() as client:
        client.sendall(get("/page/1", "Connection: close"))
        assert received(client).startswith(b"HTTP/1.1 200")


def test_clients_that_misbehave_harm_no_other(echo: Served) -> None:
    strange = [echo.connect() for _ in range(6)]
    strange[0].sendall(b"half a line")
    reset(strange[1])
    strange[2].sendall(b"x" * 200)
    reset(strange[2])
    strange[3].sendall(b"half\nclosed\nrest")
    strange[3].shutdown(socket.SHUT_WR)
    strange[4].settimeout(0.2)
    with contextlib.suppress(OSError):
        strange[4].sendall(b"never read\n" * 2_000_000)

    with echo.connect() as client:
        for number in range(50):
            client.sendall(b"line %d\n" % number)
            assert line(client) == b"line %d\n" % number
    assert received(strange[3]) == b"half\nclosed\n"
    for client in strange:
        client.close()


def test_a_line_without_end_is_not_kept_for_ever(echo: Served) -> None:
    with echo.connect() as client:
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                client.sendall(b"x" * 65536)
        assert received(client) == b""


@pytest.mark.parametrize("model", [name for name in TABLE if name != "pool"])
def test_more_clients_than_there_is_room_for_wait_for_their_turn(model: str) -> None:
    with served(model, "echo", "--connections", "2") as server:
        clients = [server.connect() for _ in range(4)]
        for client in clients:
            client.sendall(b"hello\n")
        assert line(clients[0]) == line(clients[1]) == b"hello\n"
        clients[2].settimeout(0.1)
        with pytest.raises(TimeoutError):
            clients[2].recv(1)
        clients[0].close()
        clients[1].close()
        clients[2].settimeout(5)
        assert line(clients[2]) == line(clients[3]) == b"hello\n"
        for client in clients:
            client.close()


def test_in_a_full_pool_a_silent_client_makes_room() -> None:
    with (
        served("pool", "echo", "--connections", "1") as server,
        server.connect() as first,
        server.connect() as second,
    ):
        first.sendall(b"one\n")
        assert line(first) == b"one\n"
        second.sendall(b"two\n")
        assert line(second) == b"two\n"
        assert received(first) == b""


def test_the_queue_of_those_who_come_is_long(http: Served) -> None:
    if shutil.which("ss") is None:
        pytest.skip("there is no ss(8) here to ask")
    asked = ["ss", "-Hltn", f"sport = :{http.address[1]}"]

    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout

    assert int(said.split()[2]) >= 1024


@pytest.mark.parametrize("model", TABLE)
def test_no_more_are_accepted_than_there_is_room_for(model: str) -> None:
    with served(model, "echo", "--connections", "2") as server, contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(server.connect()) for _ in range(2))
        for client in (first, second):
            client.sendall(b"hello\n")
            assert line(client) == b"hello\n"
        had = server.descriptors(), len(server.children())

        for _ in range(20):
            stack.enter_context(server.connect())
            first.sendall(b"a turn in which it could accept\n")
            assert line(first)

        assert (server.descriptors(), len(server.children())) == had


@pytest.mark.parametrize("model", TABLE)
def test_with_few_descriptors_a_hundred_clients_are_served_one_after_the_other(model: str) -> None:
    with served(model, "echo", command=(*FEW_FILES, *SERVER)) as server:
        waiting = [server.connect() for _ in range(100)]
        for client in waiting:
            client.sendall(b"hello\n")
        while waiting:
            answered, _, _ = select.select(waiting, (), (), 5)
            assert answered, f"{len(waiting)} clients are left without an answer"
            for client in answered:
                assert line(client) == b"hello\n"
                client.close()
                waiting.remove(client)

        server.signal()
        assert server.ended() == (0, "")


@pytest.mark.parametrize(
    "options", [("--model", "nginx"), ("--protocol", "ftp"), ("--port", "99999")]
)
def test_a_wrong_option_is_refused_with_what_there_is(options: tuple[str, str]) -> None:
    done = subprocess.run(
        [*COMMAND, *options],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        check=False,
    )

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run(
            [*COMMAND, "--model", "poll", "--port", str(taken.getsockname()[1])],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            check=False,
        )

    assert done.returncode == 3
    assert "cannot listen on 127.0.0.1" in done.stderr
