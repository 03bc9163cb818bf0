"""A raw server: each connection is handed to a function that may misbehave."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

Serve = Callable[..., int]


@pytest.fixture
def raw() -> Iterator[Serve]:
    """``port = raw(function)``: a thread for each connection; all are joined at the end."""
    listening: list[socket.socket] = []
    held: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def one(function, sock) -> None:
        with contextlib.suppress(OSError), sock:
            function(sock)

    def accept(listener, function, most) -> None:
        with contextlib.suppress(OSError):
            for _ in range(most):
                sock, _ = listener.accept()
                held.append(sock)
                thread = threading.Thread(target=one, args=(function, sock))
                threads.append(thread)
                thread.start()
        listener.close()

    def serve(function, *, most: int = 10_000, backlog: int = 128) -> int:
        listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        listening.append(listener)
        thread = threading.Thread(target=accept, args=(listener, function, most))
        threads.append(thread)
        thread.start()
        return listener.getsockname()[1]

    yield serve

    for sock in [*listening, *held]:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()
    for thread in threads:
        thread.join()
