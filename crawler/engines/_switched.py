"""A non-blocking socket that blocks its caller, by whatever way the caller is set aside.

    recv ──► EAGAIN ──► _wait(READ), the subclass's own ──► recv

What waits by greenlets has this in common: the calls of transports/, none of which may stop the
thread. It wraps the C type, which no patch replaces. Read beside it: _green.py (gevent's hub
waits), _hub.py (ours does), transports/_dial.py (`Calls`).
"""

from __future__ import annotations

import _socket
import errno
import os
import time

READ, WRITE = 1, 2  # as selectors' events and libev's
_UNDER_WAY = {errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK}


class SwitchedSocket:
    """The part of socket.socket that transports use; it blocks the calling greenlet only."""

    def __init__(self, family: int, kind: int) -> None:
        self._sock = sock = _socket.socket(family, kind)
        sock.setblocking(False)
        self._seconds = 0.0
        self._asked = False  # something was sent since the last read: the answer is not there yet
        self.fileno = sock.fileno
        self.getpeername = sock.getpeername
        self.getsockopt = sock.getsockopt
        self.setsockopt = sock.setsockopt
        self.shutdown = sock.shutdown

    def _wait(self, event: int, seconds: float) -> None:
        """Set the caller aside until the socket is ready. Raises TimeoutError."""
        raise NotImplementedError

    def settimeout(self, seconds: float) -> None:
        """Let each call wait that long; with 0 it raises BlockingIOError instead."""
        self._seconds = seconds

    def connect(self, address: tuple[str, int]) -> None:
        """Connect to a literal address."""
        number = self._sock.connect_ex(address)
        if number in _UNDER_WAY:
            self._until(WRITE)
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
                self._until(WRITE)

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
            self._until(READ)
        while True:
            try:
                return self._sock.recv(size, flags)
            except BlockingIOError:
                self._until(READ)

    def close(self) -> None:
        """Give back the descriptor."""
        self._sock.close()

    def _until(self, event: int) -> None:
        if not self._seconds:
            raise BlockingIOError(errno.EWOULDBLOCK, "would block")
        self._wait(event, self._seconds)
