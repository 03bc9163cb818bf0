"""One exchange in async and await: the order of via_socket.py, with an `await` wherever it waits.

    response = await exchange(request)
        stream = a kept connection, or await dial()       create_task, wait: addresses race
        await stream.send(the request as bytes)           loop.sock_sendall
        await receive()                                   loop.add_reader

What does not wait is the blocking transports' own: clock, pace, errors, kept connections.
Read beside it: asyncio_loop.py (the engine), _awaited_stream.py (the connection), _yielded.py (the
same without the keywords).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING

from crawler.engines._awaited_stream import AsyncStream
from crawler.engines._ground import Ground, made
from crawler.errors import ConnectError, FetchError, FetchTimeout, ProxyError
from crawler.transports._attempt import Attempt
from crawler.transports._bodies import LOOK
from crawler.transports._dial import check_peer, connect_error, too_late
from crawler.transports._proxy import Tunnel
from crawler.transports._stream import Pace, end, lost
from crawler.transports.resolve import check_public
from crawler.wire.capture import parser_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from crawler.engines._ground import Peek
    from crawler.model import Limits, Network, Request, Response
    from crawler.transports.resolve import Address
    from crawler.wire.parse import ResponseParser


class Exchanges:
    """Exchanges over kept connections, which all tasks of an engine share.

    Args:
        network: proxy, certificates, addresses.
        limits: what one exchange may cost.
        concurrency: connections kept.
        peek: what is known of a name.
        ask: has a name looked up, in a thread.
    """

    def __init__(
        self,
        network: Network,
        limits: Limits,
        *,
        concurrency: int,
        peek: Peek,
        ask: Callable[[str, int], Awaitable[tuple[Address, ...]]],
    ) -> None:
        self._ground = Ground(network, concurrency=concurrency)
        self.kept = self._ground.kept
        self._limits = limits
        self._peek = peek
        self._ask = ask

    async def exchange(self, request: Request) -> Response:
        """Send the request, read the response. Raises FetchError."""
        attempt = Attempt(request, self._limits)
        try:
            return await self._try(attempt)
        except FetchError as error:
            if not error.stale:
                raise
        # The kept connection had died of age. The request has not been answered, nor counted.
        attempt.renew()
        return await self._try(attempt)

    async def _try(self, attempt: Attempt) -> Response:
        stream = self.kept.take(attempt) or await self._dial(attempt)
        assert isinstance(stream, AsyncStream)
        try:
            payload = attempt.wrote = self._ground.encoded(attempt.request)
            await stream.send(stream.pipe.send(payload) if stream.pipe else payload)
            attempt.sent = time.monotonic()
            parser = parser_for(attempt.request.method, attempt.limits, attempt.wrote)
            response = await self._receive(stream, attempt, parser)
        except BaseException:  # CancelledError, too: the engine is closed
            stream.close()
            raise
        if stream.keep(parser):
            self.kept.put(stream)
        else:
            stream.close()
        return response

    async def _receive(
        self, stream: AsyncStream, attempt: Attempt, parser: ResponseParser
    ) -> Response:
        try:
            await self._read(stream, attempt, parser)
            if stream.proxied and parser.status == 407:
                raise ProxyError("the proxy asks for credentials", code="proxy.auth")
        except FetchError as error:
            raise attempt.failed(error, parser) from error.__cause__
        finally:
            self._ground.bodies.release(attempt)
        return attempt.respond(parser)

    async def _read(self, stream: AsyncStream, attempt: Attempt, parser: ResponseParser) -> None:
        """Feed the parser until the message is complete."""
        pace = Pace(attempt)
        limit = attempt.limits.first_byte
        while limit > 0:
            try:
                data = await stream.read(limit)
            except TimeoutError as error:
                if not parser.is_redirect:
                    raise parser.late(total=attempt.is_over()) from error
                limit = 0.0
                continue
            except OSError as error:
                raise lost(stream, attempt, parser, error) from error
            attempt.first_byte = attempt.first_byte or time.monotonic()
            if not data or parser.feed(data):
                return None if data else end(stream, attempt, parser)
            limit = attempt.limits.idle
            if parser.head_done:
                self._ground.bodies.count(attempt, parser.size)
                if not self._ground.bodies.has_room(attempt):
                    await self._room(attempt)
                    pace.restart()
                limit = pace.limit(parser)
        return parser.cut()  # a redirect's own body, of which enough was read

    async def _room(self, attempt: Attempt) -> None:
        """Wait until there is room for more of bodies."""
        while not self._ground.bodies.has_room(attempt):
            await asyncio.sleep(LOOK)

    async def _dial(self, attempt: Attempt) -> AsyncStream:
        """A new connection, ready for the request. Raises FetchError."""
        origin, limits, proxy = attempt.origin, attempt.limits, self._ground.proxy
        begun = time.monotonic()
        addresses = await self._resolve(attempt)
        connecting = time.monotonic()
        attempt.dns = connecting - begun
        try:
            sock, address = await self._connect(addresses[: limits.addresses], attempt)
        except ConnectError as error:
            raise proxy.refused(error) if proxy else error from error.__cause__
        attempt.connect = time.monotonic() - connecting
        stream = AsyncStream(sock, address, attempt, self._ground.bodies)
        attempt.peer = stream.peer
        try:
            if attempt.request.public_only and proxy is None:
                check_peer(sock, origin.host)
            if origin.scheme == "https":
                if proxy is not None:
                    await self._tunnel(stream, Tunnel(proxy, origin, limits), attempt)
                await self._secure(stream, attempt, limits.connect - attempt.connect)
            stream.proxied = proxy is not None and origin.scheme == "http"
        except BaseException:
            stream.close()
            raise
        return stream

    async def _resolve(self, attempt: Attempt) -> tuple[Address, ...]:
        host, port, public_only = self._ground.wanted(attempt)
        found = self._peek(host, port)
        if found is None:
            limit = attempt.left(attempt.limits.dns)
            try:
                async with asyncio.timeout(limit):
                    found = await self._ask(host, port)
            except FetchTimeout:
                raise
            except TimeoutError as error:
                message = f"no answer from DNS for {host} in {limit:.3g} s"
                raise attempt.timed_out(message, "dns.timeout") from error
        if isinstance(found, FetchError):
            raise found
        if public_only:
            check_public(host, found)
        return found

    async def _connect(
        self, addresses: tuple[Address, ...], attempt: Attempt
    ) -> tuple[socket.socket, Address]:
        """The first of the addresses that takes a connection; each begins a stagger later."""
        if len(addresses) == 1:
            return await _connected(addresses[0], attempt)
        waiting = list(reversed(addresses))
        racing: set[asyncio.Task[tuple[socket.socket, Address]]] = set()
        failed: FetchError | None = None
        try:
            while waiting or racing:
                if waiting:
                    racing.add(asyncio.create_task(_connected(waiting.pop(), attempt)))
                ended, _ = await asyncio.wait(
                    racing,
                    timeout=attempt.limits.stagger if waiting else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for task in ended:  # may be several: those behind the first stay racing
                    racing.remove(task)
                    error = task.exception()
                    if error is None:
                        return task.result()
                    if not isinstance(error, FetchError):
                        raise error
                    failed = error
        finally:
            await _abandon(racing)
        assert failed is not None
        raise failed

    async def _tunnel(self, stream: AsyncStream, tunnel: Tunnel, attempt: Attempt) -> None:
        end = time.monotonic() + attempt.limits.connect - attempt.connect
        try:
            await stream.send(tunnel.request)
            while not tunnel.feed(await stream.read(end - time.monotonic())):
                pass
        except TimeoutError as error:
            raise attempt.timed_out(str(tunnel.late()), "timeout.connect") from error
        except OSError as error:
            raise tunnel.broken("closed") from error

    async def _secure(self, stream: AsyncStream, attempt: Attempt, limit: float) -> None:
        begun = time.monotonic()
        stream.pipe = self._ground.pipe(attempt)
        await stream.handshake(attempt.origin.host, limit)
        attempt.tls = time.monotonic() - begun


async def _connected(address: Address, attempt: Attempt) -> tuple[socket.socket, Address]:
    """A connection to that address. Raises FetchError."""
    limit = attempt.left(attempt.limits.connect)
    sock = made(address)
    try:
        async with asyncio.timeout(limit):
            await asyncio.get_running_loop().sock_connect(sock, address[1:])
    except TimeoutError as error:
        with contextlib.suppress(OSError):
            sock.getpeername()  # it has one: the connection was there when time was up
            return sock, address
        sock.close()
        # ETIMEDOUT is a TimeoutError, too: the kernel's patience is longer than ours.
        raise too_late(address, limit, attempt) from error
    except OSError as error:
        sock.close()
        raise connect_error(error, address) from error
    except BaseException:
        sock.close()
        raise
    return sock, address


async def _abandon(racing: set[asyncio.Task[tuple[socket.socket, Address]]]) -> None:
    """Call off the connects that were not first."""
    for task in racing:
        task.cancel()
    for ended in await asyncio.gather(*racing, return_exceptions=True):
        if isinstance(ended, tuple):
            ended[0].close()
