"""A socket whose waits switch greenlets: as gevent's, but each wait costs less.

    recv ──► watcher and timer started ──► switch to the hub ──► ready ──► switch back ──► recv

Facts. gevent's own socket tries first and waits then; after a request has been sent the answer is
never there yet, so this one waits first. gevent makes a Timeout, an exception with a timer, for
every wait; here a wait has the loop's timer and nothing else.
Read beside it: _switched.py (the socket), gevent_pool.py, transports/_dial.py (`Calls`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent.socket  # noqa: TID253 - only gevent_pool.py, which needs it, loads this
from gevent.hub import get_hub  # noqa: TID253
from greenlet import getcurrent  # noqa: TID253

from crawler.engines._switched import READ, WRITE, SwitchedSocket

if TYPE_CHECKING:
    from typing import Any

getaddrinfo = gevent.socket.getaddrinfo


class GreenSocket(SwitchedSocket):
    """A socket that waits in gevent's hub."""

    def __init__(self, family: int, kind: int) -> None:
        super().__init__(family, kind)
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
        timer = self._hub.loop.timer(seconds)
        timer.start(getcurrent().throw, TimeoutError, update=True)
        try:
            self._hub.wait(watcher)
        finally:
            timer.stop()
            timer.close()


socket = GreenSocket  # as the module of that name calls its class
