"""Every model serves the same, to clients that behave and to clients that do not."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler import Limits, fetch_all
from crawler.serving.models import TABLE
from crawler.serving.pages import page

PROJECT = Path(__file__).parent.parent.parent
SERVE = [sys.executable, "-P", "-m", "crawler", "serve"]
FEW_FILES = ["/bin/sh", "-c", 'ulimit -n 40; exec "$@"', "sh"]
RESET = struct.pack("ii", 1, 0)


class Served:
    """A server in a process of its own."""

    def __init__(self, model: str, protocol: str, *options: str) -> None:
        self.process = subprocess.Popen(
            [*SERVE, "--model", model, "--protocol", protocol, "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.url = line.split()[0].rstrip("/")
        self.address = ("127.0.0.1", int(line.split("127.0.0.1:")[1].split()[0].rstrip("/")))

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, 5)

    def end(self, number: int = signal.SIGTERM) -> str:
        """Stop it; what it said on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=9)
        return said


@contextlib.contextmanager
def served(model: str, protocol: str = "http", *options: str) -> Iterator[Served]:
    server = Served(model, protocol, *options)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


@pytest.fixture(params=TABLE)
def http(request: pytest.FixtureRequest) -> Iterator[Served]:
    with served(request.param) as server:
        yield server


@pytest.fixture(params=TABLE)
def echo(request: pytest.FixtureRequest) -> Iterator[Served]:
    with served(request.param, "echo") as server:
        yield server


def received(client: socket.socket) -> bytes:
    """Everything until the end."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            data += piece
    return data


def line(client: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        piece = client.recv(65536)
        if not piece:
            break
        data += piece
    return data


def get(target: str, *fields: str, version: str = "1.1") -> bytes:
    return "\r\n".join((f"GET {target} HTTP/{version}", "Host: a", *fields, "", "")).encode()


def children(process: int) -> list[str]:
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()


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
    strange[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    strange[1].close()
    strange[2].sendall(b"x" * 200)
    strange[2].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    strange[2].close()
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
    assert echo.end() == ""


def test_a_line_without_end_is_not_kept_for_ever(echo: Served) -> None:
    with echo.connect() as client:
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                client.sendall(b"x" * 65536)
        assert received(client) == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("model", TABLE)
def test_a_signal_lets_the_answers_under_way_end_and_drops_who_is_silent(
    model: str, number: signal.Signals
) -> None:
    with served(model) as server, server.connect() as silent, server.connect() as busy:
        busy.sendall(get("/delay/300"))
        time.sleep(0.05)
        mine = children(server.process.pid)

        said = server.end(number)

        assert b"after 300 ms" in received(busy)
        assert received(silent) == b""
        assert said == ""
        assert server.process.returncode == 0
        assert [child for child in mine if Path(f"/proc/{child}").exists()] == []


@pytest.mark.parametrize("model", TABLE)
def test_a_second_signal_ends_it_at_once(model: str) -> None:
    with served(model) as server, server.connect() as busy:
        busy.sendall(get("/hang"))
        time.sleep(0.05)
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        if server.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                server.process.send_signal(signal.SIGINT)

        server.process.communicate(timeout=9)

        assert server.process.returncode in {0, 130, -2}


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


@pytest.mark.parametrize("model", TABLE)
def test_the_queue_of_those_who_come_is_long(model: str) -> None:
    with served(model) as server:
        asked = ["ss", "-Hltn", f"sport = :{server.address[1]}"]
        if shutil.which("ss") is None:
            pytest.skip("there is no ss(8) here to ask")
        said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout

    assert int(said.split()[2]) >= 1024


@pytest.mark.timeout(30)
@pytest.mark.parametrize("model", ["thread", "gevent", "select", "poll", "epoll", "asyncio"])
def test_without_descriptors_it_goes_on_when_some_are_free_again(model: str) -> None:
    server = subprocess.Popen(
        [*FEW_FILES, *SERVE, "--model", model, "--protocol", "echo", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline().split()[1].rpartition(":")[2])
        clients = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(60)]
        for client in clients:
            client.close()
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            client.sendall(b"still there\n")
            assert line(client) == b"still there\n"
    finally:
        server.kill()
        server.communicate()


@pytest.mark.parametrize(
    "options", [("--model", "nginx"), ("--protocol", "ftp"), ("--port", "99999")]
)
def test_a_wrong_option_is_refused_with_what_there_is(options: tuple[str, str]) -> None:
    done = subprocess.run(
        [*SERVE, *options],
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
            [*SERVE, "--model", "poll", "--port", str(taken.getsockname()[1])],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            check=False,
        )

    assert done.returncode == 3
    assert "cannot listen on 127.0.0.1" in done.stderr
