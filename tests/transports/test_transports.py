"""The three transports, side by side: the same misfortune has the same code in each."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from crawler.engines._workers import transport as opened
from crawler.errors import FetchError
from crawler.model import Limits, Network, Request

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage"
LIMITS = Limits(timeout=1.0, connect=0.8, first_byte=0.5, idle=0.5, redirect_time=0.1)
SLACK = 0.5  # seconds over a deadline that a busy machine may need

Serve = Callable[[Callable[[Any, socket.socket], None]], Any]


@pytest.fixture(params=["requests", "urllib", "socket"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def transport(name: str) -> Iterator[Any]:
    made = opened(name, Network(), concurrency=4, calls=None)
    yield made
    made.close()


def failed(transport: Any, url: str, limits: Limits = LIMITS) -> FetchError:
    with pytest.raises(FetchError) as caught:
        transport.exchange(Request(url), limits)
    return caught.value


def says(*pieces: bytes, pause: float = 0.0) -> Callable[[Any, socket.socket], None]:
    """A server that reads a request, sends the pieces, and closes."""

    def talk(server: Any, connection: socket.socket) -> None:
        server.read(connection)
        for piece in pieces:
            connection.sendall(piece)
            server.rest(pause)

    return talk


def drip(start: bytes, piece: bytes) -> Callable[[Any, socket.socket], None]:
    """A server that sends `piece` again and again, each in time."""

    def talk(server: Any, connection: socket.socket) -> None:
        server.read(connection)
        connection.sendall(start)
        for _ in range(100):
            connection.sendall(piece)
            server.rest(0.04)

    return talk


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


MISFORTUNES = {
    "an empty reply": (says(), "net.empty_reply"),
    "a head cut short": (says(b"HTTP/1.1 200 OK\r\nContent-"), "net.incomplete_head"),
    "a body cut short": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npage"),
        "net.incomplete_body",
    ),
    "a last chunk that is missing": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage\r\n"),
        "net.incomplete_body",
    ),
    "an unknown transfer coding": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n4\r\npage\r\n0\r\n\r\n"),
        "proto.bad_transfer_coding",
    ),
    "garbage": (says(b"<html>hello"), "proto.bad_status_line"),
    "interim responses without end": (
        says(*[b"HTTP/1.1 103 Early Hints\r\n\r\n"] * 40),
        "proto.too_many_1xx",
    ),
    "another protocol": (
        says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        "proto.unexpected_101",
    ),
    "a head that drips": (drip(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), "timeout.deadline"),
    "a body that drips": (
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"x"),
        "timeout.deadline",
    ),
    "chunks that drip": (
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        "timeout.deadline",
    ),
    "half a head, then silence": (
        says(b"HTTP/1.1 200 OK\r\nA: b\r\n", pause=1.0),
        "timeout.headers",
    ),
    "half a body, then silence": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npage", pause=1.0),
        "timeout.idle",
    ),
}


@pytest.mark.parametrize("what", MISFORTUNES)
def test_the_same_misfortune_has_the_same_code(transport: Any, serve: Serve, what: str) -> None:
    talk, code = MISFORTUNES[what]
    server = serve(talk)
    began = time.monotonic()

    error = failed(transport, server.url)

    assert error.code == code
    assert time.monotonic() - began < LIMITS.timeout + SLACK


def test_interim_responses_that_drip_end_at_the_deadline(transport: Any, serve: Serve) -> None:
    server = serve(drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"))

    error = failed(transport, server.url, Limits(timeout=0.3, interim=1000))

    assert error.code == "timeout.deadline"


def test_a_closed_port_refuses(transport: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert failed(transport, f"http://127.0.0.1:{port}/").code == "connect.refused"


def test_a_name_that_does_not_exist(transport: Any) -> None:
    assert failed(transport, "http://a..b/").code == "dns.bad_name"


def test_silence_after_the_request(transport: Any, serve: Serve) -> None:
    server = serve(says(b"", pause=0.8))

    assert failed(transport, server.url).code == "timeout.first_byte"


def test_a_reset_after_the_request(transport: Any, serve: Serve) -> None:
    def talk(server: Any, connection: socket.socket) -> None:
        server.read(connection)
        reset(connection)

    assert failed(transport, serve(talk).url).code == "net.reset"


def test_what_arrived_is_kept(transport: Any, serve: Serve) -> None:
    server = serve(says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npage"))

    partial = failed(transport, server.url).partial

    assert partial is not None
    assert (partial.body, partial.truncated) == (b"page", "disconnect")


def test_a_body_over_the_limit_is_too_large(transport: Any, serve: Serve) -> None:
    server = serve(says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"x" * 99999))

    error = failed(transport, server.url, Limits(max_bytes=1000))

    assert error.code == "body.too_large"
    assert error.partial is not None
    assert len(error.partial.body) == 1000


def test_an_early_hint_is_not_the_answer_of_the_next_request(transport: Any, serve: Serve) -> None:
    numbers = count()

    def talk(server: Any, connection: socket.socket) -> None:
        while True:
            server.read(connection)
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            server.rest(0.01)
            body = b"%04d" % next(numbers)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + body)

    server = serve(talk)

    bodies = [transport.exchange(Request(server.url), LIMITS).body for _ in range(5)]

    assert bodies == [b"0000", b"0001", b"0002", b"0003", b"0004"]


def test_bytes_after_the_body_are_nobodys(transport: Any, serve: Serve) -> None:
    def talk(server: Any, connection: socket.socket) -> None:
        server.read(connection)
        connection.sendall(PAGE)
        server.rest(0.02)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        server.rest(0.3)

    server = serve(talk)
    first = transport.exchange(Request(server.url), LIMITS)
    time.sleep(0.05)

    second = transport.exchange(Request(server.url), LIMITS)

    assert (first.body, second.body) == (b"page", b"page")
    assert server.connections == 2


def test_a_stale_connection_is_replaced_at_once(transport: Any, serve: Serve, name: str) -> None:
    def talk(server: Any, connection: socket.socket) -> None:
        server.read(connection)
        connection.sendall(PAGE)
        if server.connections == 1 and name != "urllib":
            server.read(connection)  # and no answer

    server = serve(talk)
    transport.exchange(Request(server.url), LIMITS)

    response = transport.exchange(Request(server.url), LIMITS)

    assert (response.body, response.reused) == (b"page", False)


def test_a_post_is_not_sent_twice(transport: Any, serve: Serve, name: str) -> None:
    def talk(server: Any, connection: socket.socket) -> None:
        server.read(connection)
        if len(server.heads) == 1:
            connection.sendall(PAGE)
            if name != "urllib":
                server.read(connection)

    server = serve(talk)
    transport.exchange(Request(server.url), LIMITS)

    with pytest.raises(FetchError):
        transport.exchange(Request(server.url, method="POST"), LIMITS)
    assert len(server.heads) == 2


def test_a_redirect_is_handed_over_unread(transport: Any, serve: Serve) -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n"
    server = serve(drip(head, b"x" * 100))
    began = time.monotonic()

    response = transport.exchange(Request(server.url), LIMITS)

    assert response.status == 302
    assert time.monotonic() - began < LIMITS.redirect_time + SLACK


def test_nothing_is_added_to_the_request(
    transport: Any, serve: Serve, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server = serve(says(PAGE))

    transport.exchange(Request(f"{server.url}a|b?%2f", (("X-Mine", "1"), ("Accept", ""))), LIMITS)

    lines = server.heads[0].decode().split("\r\n")
    names = {line.partition(":")[0].lower() for line in lines[1:] if line}
    assert lines[0] == "GET /a|b?%2f HTTP/1.1"
    assert names - {"connection"} == {"host", "user-agent", "accept-encoding", "x-mine"}
    assert ("connection" in names) == (name == "urllib")


def test_a_body_is_sent_with_its_length(transport: Any, serve: Serve) -> None:
    received: list[bytes] = []

    def talk(server: Any, connection: socket.socket) -> None:
        server.read(connection)
        received.append(connection.recv(4, socket.MSG_WAITALL))
        connection.sendall(PAGE)

    server = serve(talk)

    response = transport.exchange(Request(server.url, method="POST", body=b"data"), LIMITS)

    assert (response.status, received) == (200, [b"data"])
    assert server.heads[0].count(b"ontent-") == 1


def test_a_proxy_gets_the_whole_url_and_its_own_credentials(name: str, serve: Serve) -> None:
    proxy = serve(says(PAGE))
    network = Network(proxy=f"http://me:secret@127.0.0.1:{proxy.port}")
    transport = opened(name, network, concurrency=1, calls=None)

    response = transport.exchange(Request("http://example.test/a"), LIMITS)

    head = proxy.heads[0].decode()
    assert response.body == b"page"
    assert head.startswith("GET http://example.test/a HTTP/1.1\r\nHost: example.test\r\n")
    assert "Proxy-Authorization: Basic bWU6c2VjcmV0" in head.title().replace(
        "Bwu6C2Vjcmv0", "bWU6c2VjcmV0"
    )
    transport.close()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 407 No\r\n\r\n", "proxy.auth"),
        (b"HTTP/1.1 502 No\r\n\r\n", "proxy.bad_gateway"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "proto.desync"),
        (b"", "proxy.bad_gateway"),
    ],
)
def test_a_tunnel_that_is_refused(name: str, serve: Serve, answer: bytes, code: str) -> None:
    proxy = serve(says(answer))
    network = Network(proxy=f"http://127.0.0.1:{proxy.port}")
    transport = opened(name, network, concurrency=1, calls=None)

    assert failed(transport, "https://example.test/").code == code
    assert proxy.heads[0].startswith(b"CONNECT example.test:443 HTTP/1.1\r\n")
    transport.close()


def test_a_private_address_is_refused_when_a_public_page_led_to_it(
    transport: Any, serve: Serve
) -> None:
    server = serve(says(PAGE))

    with pytest.raises(FetchError) as caught:
        transport.exchange(Request(server.url, public_only=True), LIMITS)

    assert caught.value.code == "policy.address_blocked"
    assert server.connections == 0


def test_a_kept_connection_to_a_private_address_is_refused_too(
    transport: Any, serve: Serve
) -> None:
    def talk(server: Any, connection: socket.socket) -> None:
        while True:
            server.read(connection)
            connection.sendall(PAGE)

    server = serve(talk)
    transport.exchange(Request(server.url), LIMITS)

    with pytest.raises(FetchError) as caught:
        transport.exchange(Request(server.url, public_only=True), LIMITS)

    assert caught.value.code == "policy.address_blocked"
    assert len(server.heads) == 1
