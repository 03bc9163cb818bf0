"""One TCP connection of a loop: bytes in and out without blocking, and whether it may be kept.

Registered with the loop once, when its connect begins, and left there: between two exchanges it is
watched, because a byte or an end that nobody asked for means that it must not be used again
(RFC 9112 9.3). `on_ready` is who is to be told; it changes with the phase, the registration not.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

from crawler.addresses import is_public
from crawler.errors import FetchError
from crawler.transports._dial import connect_error
from crawler.wire.framing import NO_PROMISE

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.engines._loop import Loop
    from crawler.model import Limits
    from crawler.transports.resolve import Address
    from crawler.transports.tls import Pipe
    from crawler.wire.framing import Promise

READ = 1  # as selectors.EVENT_READ
WRITE = 2  # as selectors.EVENT_WRITE
SIZE = 64 * 1024  # bytes asked for at once; more gains nothing
_EMPTY = memoryview(b"")
_MARGIN = 1.0  # seconds earlier than the peer said it would close


class Connection:
    """A non-blocking socket, with TLS over it or without.

    Attributes:
        on_ready: called with READ, WRITE or both by the loop.
        recv: gives bytes, ``b""`` at the end, raises BlockingIOError when there is nothing yet.
        key: who may share it: the origin, or nothing for a proxy that takes all.
        begun: monotonic instant its connect began at.
        left: exchanges it may still serve.
        until: monotonic instant until which it may lie idle.
        used: it has served an exchange.
        dubious: bytes came that nobody had asked for; it will not be used again.
        broken: the error that ended sending, if one did; the peer's last words are still read.
        accepted: bytes of the exchange's request that the socket took.
    """

    __slots__ = (
        "_loop",
        "_mask",
        "_read",
        "_unsent",
        "accepted",
        "address",
        "begun",
        "broken",
        "dubious",
        "key",
        "left",
        "on_ready",
        "peer",
        "pipe",
        "recv",
        "sock",
        "until",
        "used",
    )

    def __init__(
        self, loop: Loop, sock: socket.socket, address: Address, *, key: str, limits: Limits
    ) -> None:
        self._loop = loop
        self._mask = 0
        self._unsent = _EMPTY
        self.accepted = 0
        self.address = address
        self.begun = time.monotonic()
        self.broken: OSError | None = None
        self.dubious = False
        self.key = key
        self.left = limits.keep_requests
        self.on_ready: Callable[[int], None] = nothing
        self.peer = f"{address.host} {address.port}"
        self.pipe: Pipe | None = None
        self.recv: Callable[[int], bytes] = sock.recv
        self._read: Callable[[int], bytes] = sock.recv  # below TLS
        self.sock = sock
        self.until = 0.0
        self.used = False

    def connect(self, on_ready: Callable[[int], None]) -> None:
        """Begin to connect; `on_ready` hears of the end. Raises OSError when it ends at once."""
        self.on_ready = on_ready
        self.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            self.sock.connect(self.address[1:])
        self.watch(READ | WRITE)

    def connected(self) -> FetchError | None:
        """Take note of the end of the connect: None when it succeeded."""
        number = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            return connect_error(OSError(number, os.strerror(number)), self.address)
        return None

    def watch(self, mask: int) -> None:
        """Be told of READ, WRITE or both; of nothing with 0."""
        if mask != self._mask:
            self._loop.watch(self, self._mask, mask)
            self._mask = mask

    def secure(self, pipe: Pipe) -> None:
        """Read and write through TLS from now on: the handshake is over."""
        self.pipe = pipe
        self.recv = self._receive

    def send(self, data: bytes) -> bool:
        """Send the bytes of a request; False when some have to follow later."""
        if self._mask != READ or self.pipe is not None:
            return self._send(data)
        # Kept and plain, so nothing waits to be sent: the short way of what `_send` does.
        self.accepted = 0
        try:
            self.accepted = size = self.sock.send(data)
        except BlockingIOError:
            size = 0
        except OSError as error:
            self._break(error)
            return True
        if size == len(data):
            return True
        self._unsent = memoryview(data)[size:]
        self.watch(READ | WRITE)
        return False

    def _send(self, data: bytes) -> bool:
        self.accepted = 0
        if self.pipe is not None:
            data = self.pipe.send(data)
        self.push(data)
        return not self.sending

    def push(self, data: bytes) -> None:
        """Send bytes as they are, after those that still wait."""
        if self.broken is not None:
            return
        if self._unsent:
            self._unsent = memoryview(bytes(self._unsent) + data)
            return
        try:
            size = self.sock.send(data)
        except BlockingIOError:
            size = 0
        except OSError as error:
            self._break(error)
            return
        self.accepted += size
        if size < len(data):
            self._unsent = memoryview(data)[size:]
            self.watch(READ | WRITE)
        elif self._mask != READ:
            self.watch(READ)

    def flush(self) -> bool:
        """Go on sending; True once nothing waits any more."""
        while self._unsent:
            try:
                size = self.sock.send(self._unsent)
            except BlockingIOError:
                return False
            except OSError as error:
                self._break(error)
                return True
            self.accepted += size
            self._unsent = self._unsent[size:]
        self.watch(READ)
        return True

    @property
    def sending(self) -> bool:
        """Whether bytes still wait to be sent."""
        return bool(self._unsent)

    @property
    def is_private(self) -> bool:
        """Whether it leads to an address that public pages must not reach."""
        return not is_public(self.address.host)

    def may_stay(self, promise: Promise | None, limits: Limits, now: float) -> bool:
        """Note the end of an exchange: whether the connection may serve another one.

        `promise` is what the server said of that; None: the answer leaves no room for another.
        """
        pipe = self.pipe
        if pipe is not None:
            if not self.used:
                pipe.keep()
            if pipe.ended or pipe.fault is not None:
                return False
        self.used = True
        if promise is None or self.dubious or self._unsent or self.broken is not None:
            return False
        idle = limits.keep_idle
        left = self.left - 1
        if promise is not NO_PROMISE:
            seconds, requests = promise
            if seconds is not None:
                idle = min(idle, seconds - _MARGIN)
            if requests is not None:
                left = min(left, requests)
        self.left = left
        self.until = min(now + idle, self.begun + limits.keep_life)
        return idle > 0 and left > 0

    def disturbed(self, mask: int) -> None:
        """Something came while it lay idle: it ends, unless TLS only kept its own house."""
        if self.pipe is not None and mask & READ:
            try:
                self._receive(SIZE)
            except BlockingIOError:
                return
            except (OSError, FetchError):
                pass
        self._loop.discard(self)

    def close(self) -> None:
        """Give back the descriptor; nothing is heard of it any more."""
        self.on_ready = nothing
        self.recv = self._read = self.sock.recv  # else it would keep itself alive
        self.watch(0)
        if self.pipe is not None and self.pipe.established and not self._unsent:
            with contextlib.suppress(OSError):
                self.sock.send(self.pipe.close())
        self.sock.close()

    def _break(self, error: OSError) -> None:
        self.broken = error
        self._unsent = _EMPTY
        # A peer that never gets the rest would wait for it, and we for the answer.
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        self.watch(READ)

    def _receive(self, size: int) -> bytes:
        """What `recv` is under TLS. Raises FetchError, besides what sockets raise."""
        pipe = self.pipe
        assert pipe is not None
        data = b""
        if not pipe.ended and pipe.fault is None:
            data = pipe.receive(self._read(size))
            answer = pipe.outgoing()
            if answer:
                self.push(answer)
        if not data:
            if pipe.fault is not None:
                raise pipe.fault
            if not pipe.ended:
                raise BlockingIOError
        return data


def nothing(_mask: int) -> None:
    """Be told, and do nothing: the connection is closed."""
