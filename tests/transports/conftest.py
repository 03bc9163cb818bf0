"""Raw servers: a function that is given each connection, in a thread."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

Talk = Callable[[socket.socket], None]


class Server:
    """Talks to each connection as it is told; `url` leads to it."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.heads: list[bytes] = []  # of the requests, in the order they came
        self.connections = 0
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._start(self._accept)

    def _start(self, function: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=function, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        with connection, contextlib.suppress(OSError):
            self.talk(connection)

    def read(self, connection: socket.socket) -> bytes:
        """The head of the next request; raises OSError at the end of the connection."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)
            if not byte:
                raise OSError("no request")
            head += byte
        self.heads.append(head)
        return head

    def rest(self, seconds: float) -> None:
        """Let time pass, less of it when the test is over."""
        self._closing.wait(seconds)

    def close(self) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Server, socket.socket], None]], Server]]:
    """Starts a server: ``serve(talk)``, where ``talk(server, connection)`` may `server.read`."""
    servers: list[Server] = []

    def start(talk: Callable[[Server, socket.socket], None]) -> Server:
        server = Server(lambda connection: talk(server, connection))
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()
