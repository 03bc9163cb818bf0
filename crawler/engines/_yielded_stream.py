"""A connection for generators: where an exchange waits, it yields what it waits for.

    yield Wait(30.0, descriptor, READ) ──► whoever runs the generator sends it on, or throws
                                           TimeoutError into it

Read beside it: _yielded.py (the exchange), transports/_stream.py (the same by blocking calls).
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from crawler.errors import FetchError
from crawler.transports import tls
from crawler.transports._stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.transports._attempt import Attempt
    from crawler.transports._bodies import Bodies
    from crawler.transports.resolve import Address
    from crawler.wire.parse import ResponseParser

READ, WRITE = 1, 2  # as selectors' events
SIZE = 64 * 1024  # bytes asked for at once


class Wait(NamedTuple):
    """What a generator waits for."""

    seconds: float  # then TimeoutError is thrown into it
    number: int = -1  # the descriptor that is to be ready; -1 for time alone, or to be woken
    event: int = 0


T = TypeVar("T")
Found: TypeAlias = "tuple[Address, ...] | FetchError"
Waiting: TypeAlias = Generator[Wait, None, T]  # yields waits, is sent nothing, returns T


class YieldStream(Stream):
    """A connection whose waits are yielded.

    Attributes:
        pipe: TLS over it, if there is any.
    """

    def __init__(
        self,
        sock: socket.socket,
        address: Address,
        attempt: Attempt,
        bodies: Bodies,
        forget: Callable[[int], None],
    ) -> None:
        super().__init__(sock, address, attempt, bodies)
        self.pipe: tls.Pipe | None = None
        self._forget = forget
        self._asked = False  # something was sent since the last read: no answer is there yet

    def send(self, data: bytes) -> Waiting[None]:
        """Send it all; a peer that has closed shows at the next read."""
        rest = memoryview(data)
        self._asked = True
        try:
            while rest:
                try:
                    rest = rest[self._socket.send(rest) :]
                except BlockingIOError:
                    limit = self.attempt.left(self.attempt.limits.first_byte)
                    yield Wait(limit, self.fileno(), WRITE)
        except TimeoutError as error:
            message = f"{self.peer} did not take the request"
            raise self.attempt.timed_out(message, "timeout.first_byte") from error
        except OSError as error:
            self._broken = error

    def read(self, limit: float) -> Waiting[bytes]:
        """Bytes that came, ``b""`` at the end. Raises TimeoutError after `limit` seconds."""
        if self.pipe is None:
            return (yield from self._read(limit))
        return (yield from self._read_through(self.pipe, limit))

    def handshake(self, host: str, limit: float) -> Waiting[None]:
        """Agree on keys within `limit` seconds. Raises FetchError."""
        pipe = self.pipe
        assert pipe is not None
        last = time.monotonic() + limit
        try:
            yield from self.send(pipe.handshake())
            while not pipe.established:
                received = yield from self._read(last - time.monotonic())
                try:
                    answer = pipe.handshake(received)
                except FetchError:
                    yield from self.send(pipe.outgoing())  # the alert
                    raise
                yield from self.send(answer)
        except TimeoutError as error:
            message = f"TLS with {host}: no handshake in {limit:.3g} s"
            raise self.attempt.timed_out(message, "timeout.tls") from error
        except OSError as error:
            raise tls.error(error, host) from error

    def keep(self, parser: ResponseParser) -> bool:
        pipe = self.pipe
        if pipe is None:
            return super().keep(parser)
        pipe.keep()
        return super().keep(parser) and not pipe.ended and pipe.fault is None

    def is_quiet(self) -> bool:
        # The socket never blocks: to ask it is enough.
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        if self.pipe is not None and self.pipe.established:
            with contextlib.suppress(OSError):
                self._socket.send(self.pipe.close())
        self._forget(self.fileno())
        super().close()

    def _read(self, limit: float) -> Waiting[bytes]:
        last = min(time.monotonic() + limit, self.attempt.deadline)
        while True:
            if not self._asked:
                with contextlib.suppress(BlockingIOError):
                    return self._socket.recv(SIZE)
            self._asked = False
            left = last - time.monotonic()
            if left <= 0:
                raise TimeoutError
            yield Wait(left, self.fileno(), READ)

    def _read_through(self, pipe: tls.Pipe, limit: float) -> Waiting[bytes]:
        while not pipe.ended and pipe.fault is None:
            data = pipe.receive((yield from self._read(limit)))
            answer = pipe.outgoing()
            if answer:
                yield from self.send(answer)
            if data:
                return data
        if pipe.fault is not None:
            raise pipe.fault
        self.clean = pipe.clean
        return b""


def sleep(seconds: float) -> Waiting[None]:
    """Let so much time pass."""
    with contextlib.suppress(TimeoutError):
        yield Wait(seconds)
