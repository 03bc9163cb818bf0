"""A socket whose waits switch greenlets: as gevent's, but each wait costs less.

    recv ──► watcher and timer started ──► switch to the hub ──► ready ──► switch back ──► recv

Facts. gevent's own socket tries first and waits then; after a request has been sent the answer is
never there yet, so this one waits first. gevent makes a Timeout, an exception with a timer, for
every wait; here a wait has the loop's timer and nothing else. It wraps the C type, which no patch
replaces. Read beside it: gevent_pool.py, transports/_dial.py (`Calls`).
"""

from __future__ import annotations

import _socket
import errno
import os
import time
from typing import TYPE_CHECKING

import gevent.socket  # noqa: TID253 - only gevent_pool.py, which needs it, loads this
from gevent.hub import get_hub  # noqa: TID253
from greenlet import getcurrent  # noqa: TID253

if TYPE_CHECKING:
    from typing import Any

_READ, _WRITE = 1, 2  # libev's EV_READ and EV_WRITE
_UNDER_WAY = {errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK}

getaddrinfo = gevent.socket.getaddrinfo


class GreenSocket:
    """The part of socket.socket that transports use; it blocks the calling greenlet only."""

    def __init__(self, family: int, kind: int) -> None:
        self._sock = sock = _socket.socket(family, kind)
        sock.setblocking(False)
        self._hub: Any = get_hub()
        self._reader: Any = self._hub.loop.io(sock.fileno(), _READ)
        self._writer: Any = None
        self._seconds = 0.0
        self._asked = False  # something was sent since the last read: the answer is not there yet
        self.fileno = sock.fileno
        self.getpeername = sock.getpeername
        self.getsockopt = sock.getsockopt
        self.setsockopt = sock.setsockopt
        self.shutdown = sock.shutdown

    def settimeout(self, seconds: float) -> None:
        """Let each call wait that long; with 0 it raises BlockingIOError instead."""
        self._seconds = seconds

    def connect(self, address: tuple[str, int]) -> None:
        """Connect to a literal address."""
        number = self._sock.connect_ex(address)
        if number in _UNDER_WAY:
            self._wait_to_write()
            number = self._sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
        if number:
            raise OSError(number, os.strerror(number))

    def send(self, data: bytes | memoryview) -> int:
        """Send what the kernel takes, at least a byte; how many it took."""
        self._asked = True
        while True:
            try:
                return self._sock.send(data)
            except BlockingIOError:
                self._wait_to_write()

    def sendall(self, data: bytes) -> None:
        """Send it all, within the time for one call."""
        rest = memoryview(data)
        end = time.monotonic() + self._seconds
        while rest:
            rest = rest[self.send(rest) :]
            self._seconds = max(0.001, end - time.monotonic())

    def recv(self, size: int, flags: int = 0) -> bytes:
        """At most `size` bytes, ``b""`` at the end."""
        if self._asked and self._seconds:
            self._asked = False
            self._wait(self._reader)
        while True:
            try:
                return self._sock.recv(size, flags)
            except BlockingIOError:
                self._wait(self._reader)

    def close(self) -> None:
        """Give back the descriptor and the watchers of it."""
        for watcher in (self._reader, self._writer):
            if watcher is not None:
                watcher.close()
        self._reader = self._writer = None
        self._sock.close()

    def _wait_to_write(self) -> None:
        if self._writer is None:
            self._writer = self._hub.loop.io(self._sock.fileno(), _WRITE)
        self._wait(self._writer)

    def _wait(self, watcher: Any) -> None:
        if not self._seconds:
            raise BlockingIOError(errno.EWOULDBLOCK, "would block")
        timer = self._hub.loop.timer(self._seconds)
        timer.start(getcurrent().throw, TimeoutError, update=True)
        try:
            self._hub.wait(watcher)
        finally:
            timer.stop()
            timer.close()


socket = GreenSocket  # as the module of that name calls its class
