"""selectors: the readiness call that is best here, by one interface.

    DefaultSelector: epoll on Linux, kqueue on BSD and macOS, /dev/poll on Solaris, or poll, select

Facts.
* The module chooses at import and hides what differs: masks, registration, the unit of a timeout
  (selectors module documentation; PEP 3156 wanted it for asyncio).
* It costs a table and an object for each descriptor on top of the call below.
* The right choice for a server of one's own that is to run on more than one platform.
Read next: asyncio_server.py, which has this at its bottom.
"""

from __future__ import annotations

import selectors
from typing import TYPE_CHECKING

from crawler.serving._events import EventServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from crawler.serving._stop import Stop
    from crawler.serving.models import Plan


class SelectorsServer(EventServer):
    """EventServer over selectors.DefaultSelector; its masks are the selector's own."""

    def __init__(self, listener: socket.socket, plan: Plan, stop: Stop) -> None:
        super().__init__(listener, plan, stop)
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        with self._selector:
            super().run()

    def _ready(self, timeout: float) -> Iterable[tuple[int, int]]:
        return [(key.fd, mask) for key, mask in self._selector.select(timeout)]

    def _watch(self, number: int, old: int, new: int) -> None:
        if not old:
            self._selector.register(number, new)
        elif new:
            self._selector.modify(number, new)
        else:
            self._selector.unregister(number)


def run(listener: socket.socket, plan: Plan, stop: Stop) -> None:
    """Serve until a signal."""
    SelectorsServer(listener, plan, stop).run()
