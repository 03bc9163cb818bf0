"""poll(2): the whole interest set goes to the kernel on every call, and is scanned there.

    poll([(fd, events), ...], timeout) ──► [(fd, events that happened), ...]

The program keeps the list; the kernel walks it from end to end, asks each socket, and puts the
caller to sleep on all of them. So a wait costs what is watched, ready or not: with 50 connections
nobody can tell, with 10 000 mostly idle ones it is the whole cost.

Facts.
* POSIX.1-2001; no limit on the number of descriptors, nor on their values (poll(2)).
* POLLERR and POLLHUP are told whether asked for or not (poll(2)).
* A change of interest costs no system call: the list is handed over anyway. A connection that
  serves one request only is cheaper here than with epoll, whose every change is a call.
Read beside it: select_loop.py, the older form; epoll_loop.py, where the kernel keeps the set.
"""

from __future__ import annotations

import math
import select
from typing import TYPE_CHECKING

from crawler.engines._connection import READ, WRITE
from crawler.engines._loop import Loop
from crawler.engines._readiness import Bell

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from crawler.contracts import Engine
    from crawler.engines._connection import Connection
    from crawler.model import Limits, Network


def open(transport: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """The engine; `transport` is "", its exchange is its own."""
    return PollLoop(concurrency=concurrency, limits=limits, network=network)


class PollLoop(Loop):
    """Loop over select.poll."""

    def __init__(self, *, concurrency: int, limits: Limits, network: Network) -> None:
        self._poll = select.poll()
        self._told: dict[int, tuple[Connection | Bell, int]] = {}
        super().__init__(concurrency=concurrency, limits=limits, network=network)

    def _ready(self, timeout: float | None) -> Sequence[tuple[Connection | Bell, int]]:
        # It counts milliseconds: rounded up, or a wait that is too short would spin.
        wait = None if timeout is None else math.ceil(timeout * 1e3)
        ready = []
        for number, events in self._poll.poll(wait):
            told, mask = self._told[number]
            ready.append((told, mask & _mask(events)))
        return ready

    def _register(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        self._poll.register(sock, _events(mask))
        self._told[sock.fileno()] = (told, mask)

    def _change(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        self._register(sock, mask, told)

    def _forget(self, sock: socket.socket) -> None:
        self._poll.unregister(sock)
        del self._told[sock.fileno()]


def _events(mask: int) -> int:
    return (select.POLLIN if mask & READ else 0) | (select.POLLOUT if mask & WRITE else 0)


def _mask(events: int) -> int:
    """Errors and hang-ups count as both: whoever reads or writes next sees which it was."""
    reading = READ if events & ~select.POLLOUT else 0
    return reading | (WRITE if events & ~select.POLLIN else 0)
