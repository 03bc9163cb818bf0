"""select(2): one thread asks the kernel about all of its clients at once.

    select(who may speak, who may be spoken to) ──► those that can, now

Facts.
* The sets are bit fields of 1024 bits (FD_SETSIZE), copied in and out and searched on every call: a
  client whose descriptor has a higher number cannot be waited for, and is turned away here
  (select(2), BUGS).
* The cost of a call grows with the highest descriptor, not with what is ready.
* It is everywhere, since 4.2BSD. The right choice for a handful of descriptors.
Read next: poll_server.py, without the limit; _events.py, all the rest of this server.
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

FD_SETSIZE = 1024


class SelectServer(EventServer):
    """EventServer over select.select."""

    def __init__(self, listener: socket.socket, plan: Plan, stop: Stop) -> None:
        super().__init__(listener, plan, stop)
        self._readers: set[int] = set()
        self._writers: set[int] = set()

    def _ready(self, timeout: float) -> Iterable[tuple[int, int]]:
        readable, writable, _ = select.select(self._readers, self._writers, (), timeout)
        ready = dict.fromkeys(readable, READ)
        for number in writable:
            ready[number] = ready.get(number, 0) | WRITE
        return ready.items()

    def _watch(self, number: int, old: int, new: int) -> None:
        for waiting, event in ((self._readers, READ), (self._writers, WRITE)):
            if new & event:
                waiting.add(number)
            else:
                waiting.discard(number)

    def _is_welcome(self, sock: socket.socket) -> bool:
        return sock.fileno() < FD_SETSIZE


def run(listener: socket.socket, plan: Plan, stop: Stop) -> None:
    """Serve until a signal."""
    SelectServer(listener, plan, stop).run()
