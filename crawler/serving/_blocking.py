"""A conversation in blocking text: read, answer, read again. Processes, threads and greenlets.

    while there is a client:  step? ── send it ──┐
                                └── none: recv ──┘

Who blocks depends on whose socket and sleep these are: a process, a thread or a greenlet.
Read beside it: talks.py (what is said), thread_server.py, gevent_server.py.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Protocol

from crawler.serving.models import IDLE, PAUSE, SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.serving._stop import Stop
    from crawler.serving.talks import Step, Talk

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST


class Client(Protocol):
    """The part of a socket that is used here; gevent's has it, too."""

    def recv(self, size: int, /) -> bytes:
        """Bytes that came, ``b""`` at the end."""
        ...

    def sendall(self, data: bytes, /) -> None:
        """Send it all."""
        ...

    def settimeout(self, seconds: float, /) -> None:
        """Let each call take that long."""
        ...

    def setsockopt(self, level: int, option: int, value: int | bytes, /) -> None:
        """As socket.socket's."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


def accepted(listener: socket.socket, stop: Stop) -> socket.socket | None:
    """Wait for the next client; None when the server is to look around first.

    That is, a signal came, or descriptors have run out, which is waited for here for `PAUSE`
    seconds: one will be given back.

    Args:
        listener: does not block: who waited in it may have gone again.
        stop: ends the waiting.
    """
    if not stop.wait(listener):
        return None
    try:
        return listener.accept()[0]
    except OSError:
        stop.wait(seconds=PAUSE)
        return None


def converse(
    client: Client,
    talk: Talk,
    sleep: Callable[[float], object],
    received: Callable[[Client], bytes] | None = None,
) -> None:
    """Serve one client to the end, and close its socket.

    A client that resets, hangs or sends nonsense ends its own conversation and nothing else.

    Args:
        client: connected.
        talk: what is said to it.
        sleep: lets time pass for this conversation only.
        received: what reads, where that is more than `recv`.
    """
    try:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.settimeout(IDLE)
        while True:
            step = talk.step()
            if step is None:
                talk.feed(client.recv(SIZE) if received is None else received(client))
            elif not _done(client, step, sleep):
                return
    except (OSError, EOFError):
        pass  # it is gone, or was too slow
    finally:
        with contextlib.suppress(OSError):
            client.close()


def _done(client: Client, step: Step, sleep: Callable[[float], object]) -> bool:
    """Do a step; False when the conversation is over."""
    if step.delay:
        sleep(step.delay)
    if step.data:
        client.sendall(step.data)
    if step.end == "hang":
        while client.recv(SIZE):
            pass
    elif step.end == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    return not step.end
