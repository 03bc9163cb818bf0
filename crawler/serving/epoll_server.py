"""epoll(7): the kernel keeps the set of clients and hands out those that are ready.

    epoll_ctl(ADD, fd) once per client ── epoll_wait ──► [(fd, what has come), ...]

Facts.
* A wait costs what is ready, however many clients are silent: ten thousand idle connections cost a
  turn nothing (epoll(7), Linux; kqueue(2) is its like on BSD and macOS).
* Every change of what is waited for is a system call of its own (epoll_ctl(2)); this server changes
  it only when a client does not take what it is sent, or when an answer has a delay.
* It was made for this: many clients, few of them busy. nginx serves so.
Read next: selectors_server.py, which takes what the platform has.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from crawler.serving._events import READ, WRITE, EventServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from crawler.serving._stop import Stop
    from crawler.serving.models import Plan

_MOST = 1024  # events taken in one turn


class EpollServer(EventServer):
    """EventServer over select.epoll."""

    def __init__(self, listener: socket.socket, plan: Plan, stop: Stop) -> None:
        super().__init__(listener, plan, stop)
        self._epoll = select.epoll()

    def run(self) -> None:
        with self._epoll:
            super().run()

    def _ready(self, timeout: float) -> Iterable[tuple[int, int]]:
        for number, events in self._epoll.poll(timeout + 0.001, _MOST):
            # An error or a hang-up is heard by whoever reads or writes next.
            reading = READ if events & ~select.EPOLLOUT else 0
            yield number, reading | (WRITE if events & ~select.EPOLLIN else 0)

    def _watch(self, number: int, old: int, new: int) -> None:
        events = (select.EPOLLIN if new & READ else 0) | (select.EPOLLOUT if new & WRITE else 0)
        if not old:
            self._epoll.register(number, events)
        elif new:
            self._epoll.modify(number, events)
        else:
            self._epoll.unregister(number)


def run(listener: socket.socket, plan: Plan, stop: Stop) -> None:
    """Serve until a signal."""
    EpollServer(listener, plan, stop).run()
