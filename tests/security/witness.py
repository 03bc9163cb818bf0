"""A server that believes nothing and forgets nothing: every byte that clients said, by request.

One port speaks plain HTTP, TLS (told by the first byte) and, after CONNECT, whatever the tunnel
carries, so that a redirect may change the scheme and nothing else.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_HANDSHAKE = b"\x16"  # the type of the first TLS record (RFC 8446 5.1)


@dataclass(frozen=True)
class Said:
    """One request: its bytes, and what the connection was."""

    raw: bytes
    by_tls: bool
    tunnelled: bool

    @property
    def target(self) -> str:
        return self.raw.split(b" ", 2)[1].decode("latin-1")

    @property
    def path(self) -> str:
        """Of the target, also where that is a whole URL."""
        if self.target.startswith("http"):
            return "/" + self.target.partition("://")[2].partition("/")[2]
        return self.target

    @property
    def lines(self) -> list[bytes]:
        return self.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")

    def fields(self, name: str) -> list[bytes]:
        start = name.lower().encode() + b":"
        return [line for line in self.lines[1:] if line.lower().startswith(start)]


@dataclass
class Witness:
    """What a server was asked; `answer` says what it answers to a path."""

    answer: Callable[[Said], bytes]
    context: ssl.SSLContext | None = None
    address: str = "127.0.0.1"
    port: int = 0
    connections: int = 0
    said: list[Said] = field(default_factory=list)

    def at(self, path: str) -> list[Said]:
        """The requests for that path."""
        return [said for said in self.said if said.path == path]

    def serve(self, sock: socket.socket) -> None:
        """One connection to its end."""
        self.connections += 1
        sock.settimeout(20)
        with suppress(OSError), sock:
            self._talk(sock, tunnelled=False)

    def _talk(self, sock: socket.socket, *, tunnelled: bool) -> None:
        if sock.recv(1, socket.MSG_PEEK) != _HANDSHAKE:
            self._converse(sock, by_tls=False, tunnelled=tunnelled)
            return
        if self.context is None:
            return
        with self.context.wrap_socket(sock, server_side=True) as secured:
            self._converse(secured, by_tls=True, tunnelled=tunnelled)

    def _converse(self, sock: socket.socket, *, by_tls: bool, tunnelled: bool) -> None:
        kept = b""
        while True:
            raw, kept = _request(sock, kept)
            if not raw:
                return
            said = Said(raw, by_tls, tunnelled)
            self.said.append(said)
            if raw.startswith(b"CONNECT "):
                sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                self._talk(sock, tunnelled=True)
                return
            sock.sendall(self.answer(said))


def _request(sock: socket.socket, kept: bytes) -> tuple[bytes, bytes]:
    """The bytes of a request and those behind it; none at the end."""
    while b"\r\n\r\n" not in kept:
        data = sock.recv(65536)
        if not data:
            return b"", kept
        kept += data
    head, _, rest = kept.partition(b"\r\n\r\n")
    size = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            size = int(line.partition(b":")[2])
    while len(rest) < size:
        rest += sock.recv(65536)
    return head + b"\r\n\r\n" + rest[:size], rest[size:]


def page(body: str | bytes = b"", *fields: str, status: str = "200 OK") -> bytes:
    """A response."""
    content = body.encode() if isinstance(body, str) else body
    head = "".join(f"{line}\r\n" for line in (*fields, f"Content-Length: {len(content)}"))
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + content


@contextmanager
def witness(
    answer: Callable[[Said], bytes],
    *,
    context: ssl.SSLContext | None = None,
    address: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[Witness]:
    """A witness in a thread."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family, backlog=200) as listener:
        made = Witness(answer, context, address, listener.getsockname()[1])

        def accept() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=made.serve, args=(sock,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
