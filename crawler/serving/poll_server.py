"""poll(2): as select, with a list instead of bit fields.

    poll([(fd, what), ...]) ──► [(fd, what has come), ...]

Facts.
* Any descriptor can be in the list, so the number of clients is bounded by the limit of open files
  only (poll(2); System V, 1986).
* The list is copied in and looked through on every call: a thousand idle clients cost each turn.
* The right choice for some hundred clients that are mostly busy.
Read next: epoll_server.py, where the kernel keeps the list.
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


class PollServer(EventServer):
    """EventServer over select.poll."""

    def __init__(self, listener: socket.socket, plan: Plan, stop: Stop) -> None:
        super().__init__(listener, plan, stop)
        self._poll = select.poll()

    def _ready(self, timeout: float) -> Iterable[tuple[int, int]]:
        for number, events in self._poll.poll(round(timeout * 1000) + 1):
            # An error or a hang-up is heard by whoever reads or writes next.
            reading = READ if events & ~select.POLLOUT else 0
            yield number, reading | (WRITE if events & ~select.POLLIN else 0)

    def _watch(self, number: int, old: int, new: int) -> None:
        if new:
            events = (select.POLLIN if new & READ else 0) | (select.POLLOUT if new & WRITE else 0)
            self._poll.register(number, events)
        else:
            self._poll.unregister(number)


def run(listener: socket.socket, plan: Plan, stop: Stop) -> None:
    """Serve until a signal."""
    PollServer(listener, plan, stop).run()
