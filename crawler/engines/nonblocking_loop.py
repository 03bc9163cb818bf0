"""Non-blocking I/O and nothing else: every socket is asked over and over whether it has something.

    for each connection, again and again:   recv ──► EAGAIN ... EAGAIN ... bytes

A non-blocking call answers at once, with data or with EAGAIN (recv(2)). No call waits, so the
program does: it spends a whole processor on asking. The pages come as soon as with epoll; compare
the CPU column, not the wall column. Right where an answer is due within microseconds and a
processor is to spare (drivers, trading), wrong for a crawler.

Facts.
* SO_ERROR is 0 both while a connect is under way and after it has succeeded, so the state of the
  connection is looked at (TCP_INFO, tcp(7), Linux only).
* An idle connection must not be read from, or what nobody asked for would go unnoticed: it is
  peeked at (MSG_PEEK, recv(2)).
Read beside it: select_loop.py, where one call asks for all of them, and sleeps.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from crawler.engines._connection import READ, WRITE
from crawler.engines._loop import Loop
from crawler.engines._readiness import Bell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crawler.contracts import Engine
    from crawler.engines._connection import Connection
    from crawler.model import Limits, Network

_SYN_SENT, _CLOSE = 2, 7  # TCP_SYN_SENT, TCP_CLOSE: include/net/tcp_states.h
_NAP = 0.001  # seconds between two rounds when nothing is under way


def open(transport: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """The engine; `transport` is "", its exchange is its own."""
    return NonblockingLoop(concurrency=concurrency, limits=limits, network=network)


class NonblockingLoop(Loop):
    """Loop without any readiness call."""

    def __init__(self, *, concurrency: int, limits: Limits, network: Network) -> None:
        self._told: dict[int, tuple[Connection | Bell, int]] = {}
        super().__init__(concurrency=concurrency, limits=limits, network=network)

    def _ready(self, timeout: float | None) -> Sequence[tuple[Connection | Bell, int]]:
        """Whoever may be asked is asked; those that have nothing say so by EAGAIN."""
        if timeout and not self._under_way:
            time.sleep(min(timeout, _NAP))
        ready: list[tuple[Connection | Bell, int]] = []
        for told, mask in self._told.values():
            asked = mask if isinstance(told, Bell) else _asked(told, mask)
            if asked:
                ready.append((told, asked))
        return ready

    def _register(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        self._told[sock.fileno()] = (told, mask)

    def _change(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        self._register(sock, mask, told)

    def _forget(self, sock: socket.socket) -> None:
        del self._told[sock.fileno()]


def _asked(connection: Connection, mask: int) -> int:
    """What the connection is worth being asked for."""
    if mask & WRITE:
        state = connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        if state == _SYN_SENT:
            return 0
        # The error of a failed connect is told once: whoever began it is to hear it.
        return mask if state == _CLOSE else mask & ~READ | _peeked(connection)
    return _peeked(connection) if connection.on_ready == connection.disturbed else mask


def _peeked(connection: Connection) -> int:
    """READ when there are bytes, an end or an error; nothing is taken."""
    try:
        connection.sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return 0
    except OSError:
        pass
    return READ
