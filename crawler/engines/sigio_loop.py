"""Signal-driven I/O: the kernel sends a signal when something happens to a socket.

    fcntl(fd, F_SETOWN_EX, thread)  F_SETSIG  O_ASYNC          once per connection
    sigtimedwait ──► (signal, fd) ... ──► poll(those fds, 0) ──► [(fd, events), ...]

The third of the five models, between multiplexing and asynchronous I/O: nobody asks, the kernel
speaks up. With a real-time signal it also says about which descriptor, and queues what it says
(Linux; the O_ASYNC of 4.2BSD sends a bare SIGIO). A wait costs what happens, however many lie idle,
as with epoll. But epoll has an entry for each socket that is ready, and this queue one for each
packet; and each is fetched by a call of its own. It was the fast way before epoll came
(Linux 2.4, phhttpd); today its place is where no descriptor can be added to a set, as with leases
and changes of a directory (fcntl(2)). Choose epoll.

Facts.
* A signal tells that something happened, not that it is still so: by the time it is taken the bytes
  may have been read, the descriptor may be another socket. It is a hint; poll says what is true.
* It tells once (edge triggered). So whoever was ready is asked again in the next turn, until there
  is nothing; and so is whoever has just been registered, or wants to hear of something else.
* That a socket takes bytes again is told only after one has found it full: poll and send count as
  that (SOCKWQ_ASYNC_NOSPACE in net/core/stream.c).
* The queue is finite. When it was full, all sockets are asked (fcntl(2), F_SETSIG).
Read beside it: _signals.py, the queue; epoll_loop.py, which took its place; uring_loop.py, where
the kernel does the reading, too.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from crawler.engines._connection import READ, WRITE
from crawler.engines._loop import Loop
from crawler.engines._readiness import Bell
from crawler.engines._signals import Queue

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from crawler.contracts import Engine
    from crawler.engines._connection import Connection
    from crawler.model import Limits, Network


def open(transport: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """The engine; `transport` is "", its exchange is its own.

    Raises:
        EngineUnavailable: no real-time signal is free in this thread.
    """
    return SigioLoop(concurrency=concurrency, limits=limits, network=network)


class SigioLoop(Loop):
    """Loop over sigtimedwait."""

    def __init__(self, *, concurrency: int, limits: Limits, network: Network) -> None:
        self._signals = Queue()
        self._told: dict[int, tuple[Connection | Bell, int]] = {}
        self._asked: set[int] = set()  # descriptors that may have something
        try:
            super().__init__(concurrency=concurrency, limits=limits, network=network)
        except BaseException:
            self._signals.close()
            raise

    def close(self) -> None:
        super().close()
        self._signals.close()

    def _ready(self, timeout: float | None) -> Sequence[tuple[Connection | Bell, int]]:
        try:
            if self._asked and timeout != 0.0:
                ready = self._ask(0.0)
                if ready:
                    return ready
            return self._ask(timeout)
        except BaseException:  # Ctrl-C: who had been named by then is not told again
            self._signals.overflowed = True
            raise

    def _ask(self, timeout: float | None) -> Sequence[tuple[Connection | Bell, int]]:
        """Those who are named, and those who were in doubt before, as far as poll agrees."""
        self._asked |= self._signals.take(timeout)
        if self._signals.overflowed:
            self._signals.overflowed = False
            self._asked = set(self._told)
        poll = select.poll()
        for number in self._asked & self._told.keys():
            poll.register(number, _events(self._told[number][1]))
        ready = []
        self._asked = set()
        for number, events in poll.poll(0):
            told, mask = self._told[number]
            ready.append((told, mask & _mask(events)))
            self._asked.add(number)
        return ready

    def _register(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        self._signals.watch(sock)
        self._change(sock, mask, told)

    def _change(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        number = sock.fileno()
        self._told[number] = (told, mask)
        self._asked.add(number)

    def _forget(self, sock: socket.socket) -> None:
        self._signals.unwatch(sock)
        del self._told[sock.fileno()]


def _events(mask: int) -> int:
    return (select.POLLIN if mask & READ else 0) | (select.POLLOUT if mask & WRITE else 0)


def _mask(events: int) -> int:
    """Errors and hang-ups count as both: whoever reads or writes next sees which it was."""
    reading = READ if events & ~select.POLLOUT else 0
    return reading | (WRITE if events & ~select.POLLIN else 0)
