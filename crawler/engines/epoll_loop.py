"""epoll(7): the kernel keeps the interest set and hands out only what is ready.

    epoll_create ── epoll_ctl(ADD, fd) once per connection ── epoll_wait ──► [(fd, events), ...]

The kernel hangs a callback on each registered socket; a packet that arrives puts the socket on a
list, and a wait takes that list. So a wait costs what is ready, however many lie idle: 10 000
connections of which 10 speak cost as much as 10.

Facts.
* Linux only, since 2.6 (epoll(7)); kqueue(2) is its like on BSD and macOS.
* Every change of interest is a system call of its own (epoll_ctl(2)). A connection used for one
  request only pays three, and poll may then be the cheaper one.
* Level triggered here, as poll is: what was not read is told again.
* Closing the last descriptor of a socket takes it out of the set (epoll(7), Questions and answers).
Read beside it: poll_loop.py, which hands the set over on every call; _loop.py, all the rest.
"""

from __future__ import annotations

import math
import select
from typing import TYPE_CHECKING

from crawler.engines._connection import READ, WRITE
from crawler.engines._loop import MOST_EVENTS, Loop
from crawler.engines._readiness import Bell

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from crawler.contracts import Engine
    from crawler.engines._connection import Connection
    from crawler.model import Limits, Network


def open(transport: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """The engine; `transport` is "", its exchange is its own."""
    return EpollLoop(concurrency=concurrency, limits=limits, network=network)


class EpollLoop(Loop):
    """Loop over select.epoll."""

    def __init__(self, *, concurrency: int, limits: Limits, network: Network) -> None:
        self._epoll = select.epoll()
        self._told: dict[int, tuple[Connection | Bell, int]] = {}
        super().__init__(concurrency=concurrency, limits=limits, network=network)

    def close(self) -> None:
        super().close()
        self._epoll.close()

    def _ready(self, timeout: float | None) -> Sequence[tuple[Connection | Bell, int]]:
        # It counts milliseconds: rounded up, or a wait that is too short would spin.
        wait = -1.0 if timeout is None else math.ceil(timeout * 1e3) * 1e-3
        ready = []
        for number, events in self._epoll.poll(wait, MOST_EVENTS):
            told, mask = self._told[number]
            ready.append((told, mask & _mask(events)))
        return ready

    def _register(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        self._epoll.register(sock, _events(mask))
        self._told[sock.fileno()] = (told, mask)

    def _change(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        self._epoll.modify(sock, _events(mask))
        self._told[sock.fileno()] = (told, mask)

    def _forget(self, sock: socket.socket) -> None:
        self._epoll.unregister(sock)
        del self._told[sock.fileno()]


def _events(mask: int) -> int:
    return (select.EPOLLIN if mask & READ else 0) | (select.EPOLLOUT if mask & WRITE else 0)


def _mask(events: int) -> int:
    """Errors and hang-ups count as both: whoever reads or writes next sees which it was."""
    reading = READ if events & ~select.EPOLLOUT else 0
    return reading | (WRITE if events & ~select.EPOLLIN else 0)
