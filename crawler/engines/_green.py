"""A socket whose waits switch greenlets: as gevent's, but each wait costs less.

    recv ──► watcher started ──► switch to the hub ──► ready ──► switch back ──► recv

Facts. gevent's own socket tries first and waits then; after a request has been sent the answer is
never there yet, so this one waits first. gevent makes a Timeout, an exception with a timer, for
every wait; here all waits share one (_late.py). libev asks the kernel for a change only once in a
turn of its loop, so a watcher that is stopped and started again within one costs no system call.
Read beside it: _switched.py (the socket), gevent_pool.py, transports/_dial.py (`Calls`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import gevent.socket  # noqa: TID253 - only gevent_pool.py, which needs it, loads this
from gevent.hub import get_hub  # noqa: TID253
from greenlet import getcurrent  # noqa: TID253

from crawler.engines._late import Late
from crawler.engines._switched import READ, WRITE, SwitchedSocket

if TYPE_CHECKING:
    from typing import Any

_now = time.monotonic


class Green:
    """What stands for the module socket: its sockets wait in the hub of the thread that made it.

    Attributes:
        getaddrinfo: gevent's, which asks in a thread of its own.
        late: ends the waits of its sockets.
    """

    def __init__(self) -> None:
        self.getaddrinfo = gevent.socket.getaddrinfo
        self.late = Late(TimeoutError)

    def socket(self, family: int, kind: int) -> GreenSocket:
        """A new socket."""
        return GreenSocket(self.late, family, kind)


class GreenSocket(SwitchedSocket):
    """A socket that waits in gevent's hub."""

    def __init__(self, late: Late, family: int, kind: int) -> None:
        super().__init__(family, kind)
        self._late = late
        self._hub: Any = get_hub()
        self._reader: Any = self._hub.loop.io(self.fileno(), READ)
        self._writer: Any = None

    def close(self) -> None:
        for watcher in (self._reader, self._writer):
            if watcher is not None:
                watcher.close()
        self._reader = self._writer = None
        super().close()

    def _wait(self, event: int, seconds: float) -> None:
        watcher = self._reader
        if event == WRITE:
            if self._writer is None:
                self._writer = self._hub.loop.io(self.fileno(), WRITE)
            watcher = self._writer
        waiter = getcurrent()
        self._late.begin(waiter, _now() + seconds)
        watcher.start(waiter.switch, watcher)
        try:
            while self._hub.switch() is not watcher:
                pass  # somebody else's wake-up, come late
        finally:
            watcher.stop()
            self._late.end(waiter)
