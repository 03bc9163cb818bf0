"""Capture over TLS: what is kept is what was said inside, by either side, with odd messages."""

from __future__ import annotations

import gzip
import itertools
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest
import trustme
from hostile.pairs import every_engine, skip_refused

ODD = b"X-Odd:\t caf\xe9 ;;\r\nx-oDD:\r\n"
LONG = bytes(range(256)) * 1000


def chunks(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%04X;a=%d\r\n%b\r\n" % (len(p), n, p) for n, p in enumerate(pieces))


def with_length(body: bytes, more: bytes = b"") -> bytes:
    return (
        b"HTTP/1.1 200 Fine  \r\n" + ODD + more + b"Content-Length: %d\r\n\r\n" % len(body) + body
    )


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

# What the server writes: the message, and what comes before and after it without belonging to it.
MESSAGES: dict[str, tuple[bytes, bytes, bytes]] = {
    # First: a POST is not sent again when a kept connection turns out to be closed.
    "/post": (b"", with_length(b"taken"), b""),
    "/length": (b"", with_length(b"hello"), b""),
    "/long": (b"", with_length(LONG), b""),
    "/empty": (b"", with_length(b""), b""),
    "/chunked": (b"", CHUNKED + chunks(LONG[:3000], 7) + b"0\r\n\r\n", b""),
    "/trailers": (b"", CHUNKED + chunks(b"hello", 2) + b"000;x\r\nA: b\r\nC:\r\n\r\n", b""),
    "/bare": (b"", b"HTTP/1.1 200 OK\nA:b\n c\nno colon\nContent-Length: 2\n\nhi", b""),
    "/gzip": (b"", with_length(gzip.compress(LONG), b"Content-Encoding: gzip\r\n"), b""),
    "/304": (b"", b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 9\r\n\r\n', b""),
    "/204": (b"", b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "/head": (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b""),
    "/missing": (b"", b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", b""),
    "/hints": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 2, with_length(b"late"), b""),
    "/more": (b"", with_length(b"hello"), b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
    "/chunked-more": (b"", CHUNKED + b"1\r\nx\r\n0\r\n\r\n", b"HTTP/1.1 200 OK\r\n"),
    "/torn": (b"", with_length(b"hello")[:-2], b""),
    "/torn-chunk": (b"", CHUNKED + b"9\r\nhel", b""),
    "/bad-chunk": (b"", CHUNKED + b"3\r\nabc\r\nzz\r\n", b""),
}
FAILED = {
    "/torn": "net.incomplete_body",
    "/torn-chunk": "net.incomplete_body",
    "/bad-chunk": "proto.bad_chunk",
}
METHODS = {"/head": "HEAD", "/post": "POST"}
BODY = "a=1\r\n\r\n\xff"


@dataclass
class Heard:
    """What clients sent, by target."""

    requests: dict[str, bytes] = field(default_factory=dict)


class Server(ThreadingTCPServer):
    """Writes `MESSAGES`, in small pieces, and closes."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, heard: Heard, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard = heard
        self.context = context

    def get_request(self):
        sock, address = super().get_request()
        return self.context.wrap_socket(sock, server_side=True), address

    def handle_error(self, *_: object) -> None:
        """A client may leave before it has read all."""


class Handler(StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return
            head += line
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        target = head.split(b" ")[1].decode()
        assert isinstance(self.server, Server)
        self.server.heard.requests[target] = head + self.rfile.read(length)
        before, message, after = MESSAGES[target]
        data = before + message
        last = len(data) - 1
        for begin, end in itertools.pairwise(sorted({0, min(11, last), min(47, last), last})):
            self.wfile.write(data[begin:end])
        # What does not belong to the message comes with its last byte.
        self.wfile.write(data[last:] + after)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA).configure_cert(context)
    return context, file


@pytest.fixture
def served(certificates: tuple[ssl.SSLContext, Path]) -> Iterator[tuple[str, Heard, Path]]:
    context, ca_file = certificates
    heard = Heard()
    with Server(heard, context) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.server_address[1]}", heard, ca_file
        server.shutdown()
        thread.join()


@pytest.mark.timeout(30)
@pytest.mark.parametrize("engine", every_engine())
def test_what_was_sent_and_what_came_is_kept_byte_by_byte(
    child: Callable[..., subprocess.CompletedProcess[str]],
    served: tuple[str, Heard, Path],
    engine: str,
) -> None:
    skip_refused(engine)
    base, heard, ca_file = served
    targets = list(MESSAGES)
    asked = [
        [METHODS.get(target, "GET"), base + target, BODY if target == "/post" else ""]
        for target in targets
    ]

    done = child("captured.py", engine, str(ca_file), input=json.dumps(asked), timeout=25.0)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for target in targets:
        code, sent, wire = told[base + target]
        assert code == FAILED.get(target, ""), (target, told)
        assert wire.encode("latin-1") == MESSAGES[target][1], target
        assert sent.encode("latin-1") == heard.requests[target], target
