"""A connection whose connects, sends and reads are requests to the kernel, not calls.

    connect ──► CONNECT        push ──► RECV, once for the first; SEND        read on ──► RECV
                   └─► WRITE                └─► READ     └─► WRITE when it did not go out at once

To the state machine it looks as any other: it is told of READ and WRITE. Here READ means that the
bytes have been read, and `recv` hands them out without a call.

Facts.
* There is a RECV under way whenever READ is wanted, except between the end of one and the next
  turn; so a transfer that is parked holds nothing. One that idles notices every byte.
* A RECV is handed over before the first SEND. If it ends first, with bytes, nobody had asked for
  them yet; if it ends first with an error, the SEND says whether anything went out.
* The kernel holds the file until the last request of it has ended, so closing the descriptor would
  not end the connection. The requests are cancelled, in a call of its own, before it.
Read beside it: _connection.py, _ring.py.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Protocol

from crawler.engines._connection import READ, WRITE, Connection, nothing
from crawler.engines._ring import CONNECT, SEND
from crawler.transports._dial import connect_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.engines._loop import Loop
    from crawler.engines._ring import Ring
    from crawler.errors import FetchError
    from crawler.model import Limits
    from crawler.transports.resolve import Address
    from crawler.wire.framing import Promise

_SMALL = 4096  # bytes that an empty socket always takes (SOCK_MIN_SNDBUF)


class Reader(Protocol):
    """Who has to read on."""

    def read_on(self) -> None:
        """Have a read under way, when one is wanted."""


class RingConnection(Connection):
    """A connection over an io_uring.

    Args:
        ring: where its requests go.
        told: connections with news, and which; the loop tells them.
        again: connections that have to read on; the loop asks them to in its next turn.
    """

    __slots__ = (
        "_again",
        "_came",
        "_connecting",
        "_failed",
        "_fd",
        "_reading",
        "_ring",
        "_sending",
        "_told",
        "closed",
    )

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        address: Address,
        *,
        key: str,
        limits: Limits,
        ring: Ring,
        told: dict[RingConnection, int],
        again: dict[Reader, None],
    ) -> None:
        super().__init__(loop, sock, address, key=key, limits=limits)
        self._ring = ring
        self._told = told
        self._again = again
        self._fd = sock.fileno()
        self._came: bytes | OSError | None = None
        self._connecting = self._reading = self._sending = 0  # numbers of the requests
        self._failed = 0  # errno of the connect
        self.closed = False
        self.recv = self._read = self._taken

    def connect(self, on_ready: Callable[[int], None]) -> None:
        self.on_ready = on_ready
        self._mask = READ | WRITE
        self._connecting = self._ring.connect(self, self._fd, self.address)

    def connected(self) -> FetchError | None:
        self._calm(WRITE)
        if self._failed:
            return connect_error(OSError(self._failed, os.strerror(self._failed)), self.address)
        return None

    def watch(self, mask: int) -> None:
        self._mask = mask
        if mask & READ:
            self.read_on()

    def read_on(self) -> None:
        """Have a read under way, when bytes are wanted and none have come."""
        if (
            self._mask & READ
            and not self._reading
            and self._came is None
            and not self._connecting
            and not self.closed
        ):
            self._reading = self._ring.recv(self, self._fd)

    def send(self, data: bytes) -> bool:
        return self._send(data)

    def push(self, data: bytes) -> None:
        if self.broken is not None or not data:
            return
        if self._unsent:
            self._unsent = memoryview(bytes(self._unsent) + data)
            return
        self._mask = READ
        if not self.accepted and not self.used:
            self.read_on()
        self._unsent = memoryview(data)
        self._sending = self._ring.send(self, self._fd, data)

    def flush(self) -> bool:
        waits = self.sending
        if not waits:
            self._calm(WRITE)
        return not waits

    @property
    def sending(self) -> bool:
        return len(self._unsent) > _SMALL

    def may_stay(self, promise: Promise | None, limits: Limits, now: float) -> bool:
        return super().may_stay(promise, limits, now) and not self._sending

    def close(self) -> None:
        pipe, ring = self.pipe, self._ring
        self.closed = True
        self.on_ready = nothing
        self.recv = self._read = self.sock.recv  # else it would keep itself alive
        self._mask = 0
        self._told.pop(self, None)
        self._again.pop(self, None)
        said = pipe is not None and pipe.established and not self._unsent
        if said:
            assert pipe is not None
            if farewell := pipe.close():
                ring.send(self, self._fd, farewell, socket.MSG_DONTWAIT)
        for number in (self._connecting, self._reading, self._sending):
            if number:
                ring.cancel(number)
                said = True
        if said:
            ring.enter(0, 0.0)  # while the descriptor is still this connection's
        self.sock.close()

    def completed(self, kind: int, result: int, data: bytes) -> None:
        """A request of ours has ended."""
        if self.closed:
            return
        if kind == CONNECT:
            self._connecting = 0
            self._failed = -result
            self._tell(WRITE)
        elif kind == SEND:
            self._sending = 0
            self._sent(result)
        else:
            self._reading = 0
            self._received(result, data)

    def _sent(self, result: int) -> None:
        waited = self.sending
        if result < 0:
            self._break(OSError(-result, os.strerror(-result)))
        else:
            self.accepted += result
            self._unsent = self._unsent[result:]
            if self._unsent:
                self._sending = self._ring.send(self, self._fd, bytes(self._unsent))
        if waited and not self.sending:
            self._tell(WRITE)
        if isinstance(self._came, OSError):
            if self.broken is not None:
                self.broken, self._came = self._came, b""
            self._tell(READ)

    def _received(self, result: int, data: bytes) -> None:
        if result == -errno.ENOBUFS:
            self._again[self] = None
            return
        if result < 0:
            self._came = OSError(-result, os.strerror(-result))
            if self._sending:
                return  # told when it is known whether anything went out
        else:
            self._came = data
            if data and self._sending and not self.accepted and not self.used:
                self.dubious = True
        self._tell(READ)

    def _taken(self, _size: int) -> bytes:
        """What `recv` is: what has come."""
        came = self._came
        if came is None:
            raise BlockingIOError
        self._came = None
        self._calm(READ)
        self._again[self] = None
        if isinstance(came, OSError):
            raise came
        return came

    def _tell(self, mask: int) -> None:
        self._told[self] = self._told.get(self, 0) | mask

    def _calm(self, mask: int) -> None:
        left = self._told.pop(self, 0) & ~mask
        if left:
            self._told[self] = left
