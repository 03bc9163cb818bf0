"""A connection for coroutines: where an exchange waits, it awaits.

Sending is `loop.sock_sendall` within a `timeout`. Reading is not `loop.sock_recv`: a timeout calls
off a wait whose end the loop has not told of yet, as happens behind a busy moment, and what
sock_recv had read would be lost. So a read waits for readiness alone, and looks when it is late.
Read beside it: _awaited.py (the exchange), transports/_stream.py (the same by blocking calls).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from crawler.errors import FetchError
from crawler.transports import tls
from crawler.transports._stream import Stream

if TYPE_CHECKING:
    import socket

    from crawler.transports._attempt import Attempt
    from crawler.transports._bodies import Bodies
    from crawler.transports.resolve import Address
    from crawler.wire.parse import ResponseParser

SIZE = 64 * 1024  # bytes asked for at once


class AsyncStream(Stream):
    """A connection whose waits are awaited.

    Attributes:
        pipe: TLS over it, if there is any.
    """

    def __init__(
        self, sock: socket.socket, address: Address, attempt: Attempt, bodies: Bodies
    ) -> None:
        super().__init__(sock, address, attempt, bodies)
        self.pipe: tls.Pipe | None = None
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        """Send it all; a peer that has closed shows at the next read."""
        try:
            async with asyncio.timeout(self.attempt.left(self.attempt.limits.first_byte)):
                await self._loop.sock_sendall(self._socket, data)
        except TimeoutError as error:
            message = f"{self.peer} did not take the request"
            raise self.attempt.timed_out(message, "timeout.first_byte") from error
        except OSError as error:
            self._broken = error

    async def read(self, limit: float) -> bytes:
        """Bytes that came, ``b""`` at the end. Raises TimeoutError after `limit` seconds."""
        pipe = self.pipe
        if pipe is None:
            return await self._read(limit)
        while not pipe.ended and pipe.fault is None:
            data = pipe.receive(await self._read(limit))
            answer = pipe.outgoing()
            if answer:
                await self.send(answer)
            if data:
                return data
        if pipe.fault is not None:
            raise pipe.fault
        self.clean = pipe.clean
        return b""

    async def handshake(self, host: str, limit: float) -> None:
        """Agree on keys within `limit` seconds. Raises FetchError."""
        pipe = self.pipe
        assert pipe is not None
        last = time.monotonic() + limit
        try:
            await self.send(pipe.handshake())
            while not pipe.established:
                received = await self._read(last - time.monotonic())
                try:
                    answer = pipe.handshake(received)
                except FetchError:
                    await self.send(pipe.outgoing())  # the alert
                    raise
                await self.send(answer)
        except TimeoutError as error:
            message = f"TLS with {host}: no handshake in {limit:.3g} s"
            raise self.attempt.timed_out(message, "timeout.tls") from error
        except OSError as error:
            raise tls.error(error, host) from error

    def keep(self, parser: ResponseParser) -> bool:
        pipe = self.pipe
        if pipe is not None:
            pipe.keep()
            if pipe.ended or pipe.fault is not None:
                return False
        return super().keep(parser)

    def close(self) -> None:
        if self.pipe is not None and self.pipe.established:
            with contextlib.suppress(OSError):
                self._socket.send(self.pipe.close())
        super().close()

    async def _read(self, limit: float) -> bytes:
        last = min(time.monotonic() + limit, self.attempt.deadline)
        while True:
            with contextlib.suppress(BlockingIOError):
                return self._socket.recv(SIZE)
            left = last - time.monotonic()
            if left <= 0:
                raise TimeoutError
            await self._readable(left)

    async def _readable(self, seconds: float) -> None:
        """Wait until it is, or so many seconds."""
        over: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self.fileno(), _settle, over)
        late = self._loop.call_later(seconds, _settle, over)
        try:
            await over
        finally:
            late.cancel()
            self._loop.remove_reader(self.fileno())


def _settle(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
