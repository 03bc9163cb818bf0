"""A connection as bytes in and bytes out, plain or TLS; each wait has an end, and all together.

    stream.begin(attempt)           from now on the attempt's deadline holds
    stream.sendall(b"GET ...")
    response = receive(stream)      waits, and gives what wire.parse made of the bytes

Facts. A socket's timeout is for one call: a peer that sends a byte now and then holds the caller
for ever, so every call here gets what is left of the attempt. A peer may answer and close before it
has read the request, so a send that fails is not the end: what can still be read is read first.
TLS goes through memory (tls.Pipe), because ssl's own sockets know no deadline for a handshake.
Read beside it: _dial.py (where streams come from), wire/parse.py.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

from crawler.addresses import is_private_name, is_public
from crawler.errors import ConnectError, FetchError, FetchTimeout, ProxyError
from crawler.transports import tls
from crawler.wire.capture import parser_for

if TYPE_CHECKING:
    from crawler.model import Response
    from crawler.transports._attempt import Attempt
    from crawler.transports._bodies import Bodies
    from crawler.transports.resolve import Address
    from crawler.wire.parse import ResponseParser

_READ = 64 * 1024  # bytes; more gains nothing (a loopback segment is 64 KiB)
_FRESH = 0.001  # seconds for which a look at a connection is good
_MARGIN = 1.0  # seconds earlier than the peer said it would close


class Stream:
    """A connected socket whose waits end in time. Also what http.client gets as its socket.

    Attributes:
        attempt: the exchange it serves now.
        bodies: where what is read is counted.
        address: what it is connected to.
        proxied: the peer is a proxy that was sent the request for another host.
        clean: the peer's end was said, not just seen; False for TLS without close_notify.
    """

    proxied = False
    clean = True

    def __init__(
        self, sock: socket.socket, address: Address, attempt: Attempt, bodies: Bodies
    ) -> None:
        self.attempt = attempt
        self.bodies = bodies
        self.address = address
        self.peer = f"{address.host} {address.port}"
        self._socket = sock
        self._limit = attempt.limits.first_byte
        self._broken: OSError | None = None
        self._made = time.monotonic()
        self._read_at = 0.0  # instant its last message ended
        self._until = 0.0
        self._left = attempt.limits.keep_requests

    def begin(self, attempt: Attempt) -> None:
        """Serve that exchange from now on."""
        self.attempt = attempt
        attempt.reused = True
        attempt.peer = self.peer

    def settimeout(self, seconds: float | None) -> None:
        """Wait at most that long in each call; the attempt's deadline holds besides."""
        self._limit = self.attempt.limits.idle if seconds is None else seconds

    def sendall(self, data: bytes) -> None:
        """Send `data`; a peer that has closed shows at the next `recv`."""
        self._note(data)
        self._send(data)

    def recv(self, size: int = _READ) -> bytes:
        """Bytes that came, ``b""`` at the end. Raises TimeoutError, or OSError as sockets do."""
        return self._receive(size)

    def is_quiet(self) -> bool:
        """Whether nothing waits to be read: no bytes that nobody asked for, no end."""
        sock = self._socket
        try:
            sock.settimeout(0.0)
            sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def keep(self, parser: ResponseParser) -> bool:
        """Note the end of an exchange; True when the connection may serve another one."""
        if not parser.reusable:
            return False
        limits = self.attempt.limits
        seconds, requests = parser.keep_alive
        idle = limits.keep_idle
        if seconds is not None:
            idle = min(idle, seconds - _MARGIN)
        self._left = min(self._left - 1, self._left if requests is None else requests)
        self._read_at = now = time.monotonic()
        self._until = min(now + idle, self._made + limits.keep_life)
        return idle > 0 and self._left > 0

    def may_serve(self, attempt: Attempt) -> bool:
        """Whether a kept connection may still be used, and by this attempt."""
        now = time.monotonic()
        if attempt.fresh or now >= self._until:
            return False
        if attempt.request.public_only and (
            is_private_name(attempt.origin.host)
            or (not self.proxied and not is_public(self.address.host))
        ):
            return False
        return now - self._read_at < _FRESH or self.is_quiet()

    def close(self) -> None:
        """Give back the descriptor."""
        self._socket.close()

    def fileno(self) -> int:
        """The descriptor, -1 once closed."""
        return self._socket.fileno()

    def broken(self) -> OSError | None:
        """What went wrong in sending, if anything did."""
        return self._broken

    def _note(self, data: bytes) -> None:
        attempt = self.attempt
        if attempt.limits.capture:
            attempt.wrote += data

    def _send(self, data: bytes) -> None:
        try:
            sock = self._socket
            sock.settimeout(self.attempt.left(self.attempt.limits.first_byte))
            sent = sock.send(data)  # mostly all of it, and cheaper than sendall
            if sent < len(data):
                sock.settimeout(self.attempt.left(self.attempt.limits.first_byte))
                sock.sendall(data[sent:])
        except TimeoutError as error:
            message = f"{self.peer} did not take the request"
            raise self.attempt.timed_out(message, "timeout.first_byte") from error
        except OSError as error:
            self._broken = error
            # A peer that never gets the rest would wait for it, and we for the answer.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def _receive(self, size: int) -> bytes:
        left = self.attempt.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(min(self._limit, left))
        return self._socket.recv(size)


class TLSStream(Stream):
    """The same over TLS."""

    def __init__(self, plain: Stream, pipe: tls.Pipe) -> None:
        super().__init__(plain._socket, plain.address, plain.attempt, plain.bodies)
        self._pipe = pipe

    def handshake(self, host: str, limit: float) -> None:
        """Agree on keys within `limit` seconds.

        Raises:
            FetchError: ``tls.*``, ``timeout.tls`` or ``timeout.deadline``.
        """
        pipe = self._pipe
        end = time.monotonic() + limit
        try:
            self._send(pipe.handshake())
            while not pipe.established:
                self._limit = end - time.monotonic()
                if self._limit <= 0:
                    raise TimeoutError
                try:
                    answer = pipe.handshake(self._receive(_READ))
                except FetchError:
                    self._send(pipe.outgoing())  # the alert
                    raise
                if answer:
                    self._send(answer)
        except TimeoutError as error:
            message = f"TLS with {host}: no handshake in {limit:.3g} s"
            raise self.attempt.timed_out(message, "timeout.tls") from error
        except OSError as error:
            raise tls.error(error, host) from error

    def sendall(self, data: bytes) -> None:
        self._note(data)
        self._send(self._pipe.send(data))

    def recv(self, size: int = _READ) -> bytes:
        pipe = self._pipe
        while not pipe.ended and pipe.fault is None:
            data = pipe.receive(self._receive(max(size, _READ)))
            answer = pipe.outgoing()
            if answer:
                self._send(answer)
            if data:
                return data
        if pipe.fault is not None:
            raise pipe.fault
        self.clean = pipe.clean
        return b""

    def keep(self, parser: ResponseParser) -> bool:
        pipe = self._pipe
        pipe.keep()
        return super().keep(parser) and not pipe.ended and pipe.fault is None

    def close(self) -> None:
        if self._pipe.established:
            with contextlib.suppress(OSError):
                self._socket.settimeout(0.0)
                self._socket.send(self._pipe.close())
        super().close()


def receive(stream: Stream) -> tuple[Response, ResponseParser]:
    """The response to what was sent, and the parser that knows whether the connection goes on.

    Raises:
        FetchError: there is no usable response; `partial` holds what had arrived.
    """
    attempt = stream.attempt
    attempt.sent = time.monotonic()
    parser = parser_for(attempt.request.method, attempt.limits, attempt.wrote)
    try:
        _read(stream, attempt, parser)
        if stream.proxied and parser.status == 407:
            raise ProxyError("the proxy asks for credentials", code="proxy.auth")
    except FetchError as error:
        raise attempt.failed(error, parser) from error.__cause__
    finally:
        stream.bodies.release(attempt)
    return attempt.respond(parser), parser


def _read(stream: Stream, attempt: Attempt, parser: ResponseParser) -> None:
    """Feed the parser until the message is complete."""
    limits = attempt.limits
    pace = Pace(attempt)
    limit = limits.first_byte
    while True:
        stream.settimeout(limit)
        try:
            data = stream.recv()
        except TimeoutError as error:
            if parser.is_redirect:
                return parser.cut()
            raise parser.late(total=attempt.is_over()) from error
        except OSError as error:
            raise lost(stream, attempt, parser, error) from error
        if not attempt.first_byte:
            attempt.first_byte = time.monotonic()
        if not data:
            return end(stream, attempt, parser)
        if parser.feed(data):
            return None
        limit = limits.idle
        if parser.head_done:
            limit = _held(stream, pace, parser)
            if limit <= 0:
                return parser.cut()


def _held(stream: Stream, pace: Pace, parser: ResponseParser) -> float:
    """Wait until there is room for more; how long the next piece may take then."""
    if stream.bodies.hold(stream.attempt, parser.size):
        pace.restart()
    return pace.limit(parser)


def end(stream: Stream, attempt: Attempt, parser: ResponseParser) -> None:
    """The peer has closed. Raises FetchError unless the response is whole by that."""
    broken = stream.broken()
    if broken is not None and not parser.started:
        # It was a reset: the sender was told of it, and nobody is told twice.
        raise lost(stream, attempt, parser, broken) from broken
    parser.end(clean=stream.clean)


class Pace:
    """How long the next piece of a body may take."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._since = 0.0
        self._had = 0

    def restart(self) -> None:
        """Count anew: the time before now was not the peer's."""
        self._since = 0.0

    def limit(self, parser: ResponseParser) -> float:
        """Seconds to wait; 0 or less when the body of a redirect has taken long enough.

        Raises:
            FetchTimeout: the body came slower than `Limits.min_rate`.
        """
        limits = self._attempt.limits
        now = time.monotonic()
        if not self._since:
            self._since = now
            self._had = parser.size
        if parser.is_redirect:
            return min(limits.idle, self._since + limits.redirect_time - now)
        if now - self._since >= limits.rate_window:
            if parser.size - self._had < limits.min_rate * (now - self._since):
                raise FetchTimeout(
                    f"the body came slower than {limits.min_rate} bytes/s", code="timeout.deadline"
                )
            self._since = now
            self._had = parser.size
        return limits.idle


def lost(stream: Stream, attempt: Attempt, parser: ResponseParser, error: OSError) -> FetchError:
    """What a connection that broke means."""
    said = error.strerror or str(error)
    if (
        stream.broken() is not None
        and not parser.started
        and not attempt.reused
        and not attempt.request.body  # else it may have been reset at the head
    ):
        return ConnectError(f"{stream.peer} closed at once: {said}", code="connect.reset")
    return parser.lost(said)
