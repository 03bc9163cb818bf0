"""One exchange as a generator: the order of via_socket.py, with a `yield` wherever it waits.

    response = yield from exchange(request)
        stream = a kept connection, or yield from dial()        yields Wait: addresses, connect
        yield from send(the request as bytes)                   yields Wait: writable
        yield from receive()                                    yields Wait: readable

Nothing here waits or knows who does: a `yield` hands out what is waited for, and the generator
stands still until someone sends it on, or throws TimeoutError into it. `yield from` passes both
through to the innermost (PEP 380). What does not wait is the blocking transports' own: clock, pace,
errors, kept connections. Read beside it: generators.py (who sends),
_yielded_stream.py (the connection), transports/via_socket.py.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

from crawler.engines._ground import Ground, made
from crawler.engines._yielded_stream import WRITE, Wait, YieldStream, sleep
from crawler.errors import ConnectError, FetchError, ProxyError
from crawler.transports._attempt import Attempt
from crawler.transports._bodies import LOOK
from crawler.transports._dial import Racer, check_peer
from crawler.transports._proxy import Tunnel
from crawler.transports._stream import Pace, end, lost
from crawler.transports.resolve import check_public
from crawler.wire.capture import parser_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.engines._resolve import Resolver
    from crawler.engines._yielded_stream import Found, Waiting
    from crawler.model import Limits, Network, Request, Response
    from crawler.transports._proxy import Proxy
    from crawler.transports.resolve import Address
    from crawler.wire.parse import ResponseParser


class Exchanges:
    """Exchanges over kept connections, which all generators of an engine share.

    Args:
        network: proxy, certificates, addresses.
        limits: what one exchange may cost.
        concurrency: connections kept.
        resolver: looks names up, beside the loop.
        forget: told of a descriptor that is about to be closed.
        asked: has a name looked up and waits for so many seconds; raises TimeoutError.
    """

    def __init__(
        self,
        network: Network,
        limits: Limits,
        *,
        concurrency: int,
        resolver: Resolver,
        forget: Callable[[int], None],
        asked: Callable[[str, int, float], Waiting[Found]],
    ) -> None:
        self._ground = Ground(network, concurrency=concurrency)
        self.kept = self._ground.kept
        self._limits = limits
        self._resolver = resolver
        self._forget = forget
        self._asked = asked

    def exchange(self, request: Request) -> Waiting[Response]:
        """Send the request, read the response. Raises FetchError."""
        attempt = Attempt(request, self._limits)
        try:
            return (yield from self._try(attempt))
        except FetchError as error:
            if not error.stale:
                raise
        # The kept connection had died of age. The request has not been answered, nor counted.
        attempt.renew()
        return (yield from self._try(attempt))

    def _try(self, attempt: Attempt) -> Waiting[Response]:
        stream = self.kept.take(attempt) or (yield from self._dial(attempt))
        assert isinstance(stream, YieldStream)
        try:
            payload = attempt.wrote = self._ground.encoded(attempt.request)
            yield from stream.send(stream.pipe.send(payload) if stream.pipe else payload)
            response, parser = yield from self._receive(stream, attempt)
        except BaseException:  # GeneratorExit, too: the engine is closed
            stream.close()
            raise
        if stream.keep(parser):
            self.kept.put(stream)
        else:
            stream.close()
        return response

    # -- reading ---------------------------------------------------------------------------------

    def _receive(
        self, stream: YieldStream, attempt: Attempt
    ) -> Waiting[tuple[Response, ResponseParser]]:
        attempt.sent = time.monotonic()
        parser = parser_for(attempt.request.method, attempt.limits, attempt.wrote)
        try:
            yield from self._read(stream, attempt, parser)
            if stream.proxied and parser.status == 407:
                raise ProxyError("the proxy asks for credentials", code="proxy.auth")
        except FetchError as error:
            raise attempt.failed(error, parser) from error.__cause__
        finally:
            self._ground.bodies.release(attempt)
        return attempt.respond(parser), parser

    def _read(self, stream: YieldStream, attempt: Attempt, parser: ResponseParser) -> Waiting[None]:
        pace = Pace(attempt)
        limit = attempt.limits.first_byte
        while limit > 0:
            try:
                data = yield from stream.read(limit)
            except TimeoutError as error:
                if parser.is_redirect:
                    break
                raise parser.late(total=attempt.is_over()) from error
            except OSError as error:
                raise lost(stream, attempt, parser, error) from error
            attempt.first_byte = attempt.first_byte or time.monotonic()
            if not data:
                return end(stream, attempt, parser)
            if parser.feed(data):
                return None
            limit = attempt.limits.idle
            if parser.head_done:
                yield from self._hold(attempt, parser, pace)
                limit = pace.limit(parser)
        return parser.cut()  # a redirect's own body, of which enough was read

    def _hold(self, attempt: Attempt, parser: ResponseParser, pace: Pace) -> Waiting[None]:
        """Wait until there is room for more of bodies."""
        self._ground.bodies.count(attempt, parser.size)
        while not self._ground.bodies.has_room(attempt):
            pace.restart()
            yield from sleep(LOOK)

    # -- connecting ------------------------------------------------------------------------------

    def _dial(self, attempt: Attempt) -> Waiting[YieldStream]:
        """A new connection, ready for the request. Raises FetchError."""
        origin, limits, proxy = attempt.origin, attempt.limits, self._ground.proxy
        begun = time.monotonic()
        addresses = yield from self._resolve(attempt)
        attempt.dns = time.monotonic() - begun
        begun = time.monotonic()
        try:
            sock, address = yield from self._connect(addresses[: limits.addresses], attempt)
        except ConnectError as error:
            raise proxy.refused(error) if proxy else error from error.__cause__
        stream = YieldStream(sock, address, attempt, self._ground.bodies, self._forget)
        attempt.peer = stream.peer
        attempt.connect = time.monotonic() - begun
        try:
            if attempt.request.public_only and proxy is None:
                check_peer(sock, origin.host)
            if origin.scheme != "https":
                stream.proxied = proxy is not None
                return stream
            if proxy is not None:
                yield from self._tunnel(stream, proxy, attempt)
            yield from self._secure(stream, attempt, limits.connect - attempt.connect)
        except BaseException:
            stream.close()
            raise
        return stream

    def _resolve(self, attempt: Attempt) -> Waiting[tuple[Address, ...]]:
        host, port, public_only = self._ground.wanted(attempt)
        found = self._resolver.peek(host, port)
        if found is None:
            limit = attempt.left(attempt.limits.dns)
            try:
                found = yield from self._asked(host, port, limit)
            except TimeoutError as error:
                message = f"no answer from DNS for {host} in {limit:.3g} s"
                raise attempt.timed_out(message, "dns.timeout") from error
        if isinstance(found, FetchError):
            raise found
        if public_only:
            check_public(host, found)
        return found

    def _connect(
        self, addresses: tuple[Address, ...], attempt: Attempt
    ) -> Waiting[tuple[socket.socket, Address]]:
        """The first of the addresses that takes a connection; each begins a stagger later."""
        limits = attempt.limits
        waiting = list(reversed(addresses))
        racing: list[Racer] = []
        start_next = 0.0
        failed: FetchError | None = None
        try:
            while waiting or racing:
                if waiting and (not racing or time.monotonic() >= start_next):
                    start_next = time.monotonic() + limits.stagger
                    racer = Racer(made(waiting[-1]), waiting.pop(), attempt)
                    racing.append(racer)
                    racer.begin(0.0)
                for racer in tuple(racing):
                    if racer.is_connected():
                        racing.remove(racer)
                        return racer.sock, racer.address
                    if racer.error is not None:
                        racing.remove(racer)
                        self._forget(racer.sock.fileno())
                        racer.sock.close()
                        failed = racer.error
                if len(racing) == 1:
                    limit = limits.stagger if waiting else attempt.left(limits.connect)
                    with contextlib.suppress(TimeoutError):
                        yield Wait(limit, racing[0].sock.fileno(), WRITE)
                elif racing:
                    yield from sleep(LOOK)
        finally:
            for racer in racing:
                self._forget(racer.sock.fileno())
                racer.sock.close()
        assert failed is not None
        raise failed

    def _tunnel(self, stream: YieldStream, proxy: Proxy, attempt: Attempt) -> Waiting[None]:
        tunnel = Tunnel(proxy, attempt.origin, attempt.limits)
        try:
            yield from stream.send(tunnel.request)
            done = False
            while not done:
                limit = attempt.limits.connect - (time.monotonic() - attempt.begun)
                done = tunnel.feed((yield from stream.read(limit)))
        except TimeoutError as error:
            raise attempt.timed_out(str(tunnel.late()), "timeout.connect") from error
        except OSError as error:
            raise tunnel.broken("closed") from error

    def _secure(self, stream: YieldStream, attempt: Attempt, limit: float) -> Waiting[None]:
        begun = time.monotonic()
        stream.pipe = self._ground.pipe(attempt)
        yield from stream.handshake(attempt.origin.host, limit)
        attempt.tls = time.monotonic() - begun
