"""With `Limits.capture` a response has the bytes of both messages, whatever engine made it."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest
from hostile.pairs import every_engine, skip_refused

from crawler import fetch
from crawler.errors import FetchError
from crawler.model import Limits
from crawler.wire.capture import CUT, Capture, parser_for
from crawler.wire.parse import ResponseParser

ZIPPED = gzip.compress(b"zipped " * 100, mtime=0)
ODD = b"HTTP/1.1 200  Oh \xe9\r\nServer:odd\r\nX-A:  1 \t\r\nx-a:2\r\n"
SAID = {  # method and path: what comes before, the message, what comes after
    "GET /length": (b"", ODD + b"Content-Length: 5\r\n\r\nhel\0o", b""),
    "GET /chunked": (
        b"",
        ODD
        + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n06\r\n more!\r\n0\r\nA: b\r\n\r\n",
        b"",
    ),
    "GET /close": (b"", ODD + b"Connection: close\r\n\r\nto the end", b""),
    "GET /gzip": (
        b"",
        b"%bContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (ODD, len(ZIPPED), ZIPPED),
        b"",
    ),
    "GET /304": (b"", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", b""),
    "GET /hints": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n",
        ODD + b"Content-Length: 2\r\n\r\nok",
        b"",
    ),
    "GET /excess": (b"", ODD + b"Content-Length: 2\r\n\r\nok", b"HTTP/1.1 200 OK\r\n\r\n"),
    "GET /moved": (b"", b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 3\r\n\r\nxyz", b""),
    "GET /torn": (b"", ODD + b"Content-Length: 50\r\n\r\nonly this", b""),
    "HEAD /head": (b"", ODD + b"Content-Length: 500\r\n\r\n", b""),
}


class Server:
    """Says what `SAID` has, and keeps what it is told."""

    def __init__(self) -> None:
        self.told: dict[str, bytes] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer = self._listener.accept()[0]
            except OSError:
                return
            with peer:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    piece = peer.recv(65536)
                    if not piece:
                        break
                    head += piece
                key = " ".join(head.decode("latin-1").split(" ")[:2])
                self.told[key] = head
                if head:
                    peer.sendall(b"".join(SAID[key]))

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Server]:
    own = Server()
    yield own
    own.close()


@pytest.mark.timeout(30)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("engine", every_engine())
def test_the_bytes_are_those_that_crossed_the_wire(
    child: Callable[..., subprocess.CompletedProcess[str]],
    server: Server,
    engine: str,
    method: str,
) -> None:
    skip_refused(engine)
    asked = [key for key in SAID if key.startswith(method)]
    urls = "\n".join(f"http://127.0.0.1:{server.port}{key.split()[1]}" for key in asked)

    done = child("capture.py", engine, method, input=urls, timeout=25.0)

    assert done.returncode == 0, done.stderr
    outcomes = {asked[number]: rest for number, *rest in json.loads(done.stdout)}
    assert set(outcomes) == set(asked)
    for key, (_, sent, wire, truncated) in outcomes.items():
        assert wire.encode("latin-1") == SAID[key][1], key
        assert sent.encode("latin-1") == server.told[key], key
        assert truncated == ("disconnect" if key == "GET /torn" else "")


def test_nothing_is_kept_unless_it_is_asked_for(server: Server) -> None:
    response = fetch(f"http://127.0.0.1:{server.port}/length")

    assert (response.sent, response.wire) == (b"", b"")
    assert type(parser_for("GET", Limits())) is ResponseParser


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
@pytest.mark.parametrize("key", SAID)
def test_the_pieces_do_not_matter(key: str, size: int) -> None:
    before, message, after = SAID[key]
    data = before + message + after
    parser = Capture(key.split(maxsplit=1)[0], Limits(), b"")

    for at in range(0, len(data), size):
        parser.feed(data[at : at + size])

    assert parser.wire == message


def test_what_is_kept_has_a_bound() -> None:
    limits = Limits(capture=True, head=100, trailers=100, max_bytes=1000)
    parser = parser_for("GET", limits)
    parser.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(500):
        parser.feed(b"1;a=%b\r\nx\r\n" % (b"b" * 100))
    parser.feed(b"0\r\n\r\n")

    assert parser.complete
    assert len(parser.wire) == 2200
    assert CUT in parser.warnings


def test_an_error_has_the_bytes_up_to_it(server: Server) -> None:
    with pytest.raises(FetchError) as raised:
        fetch(f"http://127.0.0.1:{server.port}/torn", limits=Limits(capture=True, retries=0))

    assert raised.value.partial is not None
    assert raised.value.partial.wire == SAID["GET /torn"][1]
