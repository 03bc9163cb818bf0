"""One exchange as a state machine: what it waits for, never how the waiting is done.

    begin ─► RESOLVING ─► CONNECTING ─► TUNNELLING ─► SECURING ─┐
      │          WAITING ──┘                                    ▼
      └── a kept connection ──────────────────────► SENDING ─► AWAITING ─► RECEIVING ─► ENDED

The loop tells it of readiness (`receive`, `raced`, ...) and of time (`late`); it tells the loop of
its end. `late_at` is the instant of the nearest limit; the loop looks at it now and then, so a
limit that moves costs one store. Read beside it: _loop.py, _connect.py, transports/via_socket.py
(the same as linear text).
"""

from __future__ import annotations

import enum
import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crawler import urls
from crawler.engines._connect import Race, Tunnel, check_peer
from crawler.engines._connection import READ, SIZE, WRITE
from crawler.errors import ConnectError, FetchError, FetchTimeout, LocalError, ProxyError
from crawler.model import Failure, Timing
from crawler.transports import tls
from crawler.wire.parse import ResponseParser, with_partial

if TYPE_CHECKING:
    from crawler.engines._connection import Connection
    from crawler.engines._loop import Loop
    from crawler.model import Outcome, Request
    from crawler.transports.resolve import Address

_now = time.monotonic
_utc = datetime.now


class State(enum.Enum):
    """What an exchange waits for."""

    WAITING = "its turn to connect, or a descriptor"
    RESOLVING = "the addresses of its host"
    CONNECTING = "the first address that takes a connection"
    TUNNELLING = "the proxy's answer to CONNECT"
    SECURING = "the end of the TLS handshake"
    SENDING = "the socket to take the rest of the request"
    AWAITING = "the first byte of the response"
    RECEIVING = "the rest of the response"
    ENDED = "nothing: it has its outcome"


_WAITING, _RESOLVING, _CONNECTING = State.WAITING, State.RESOLVING, State.CONNECTING
_TUNNELLING, _SECURING, _SENDING = State.TUNNELLING, State.SECURING, State.SENDING
_AWAITING, _RECEIVING, _ENDED = State.AWAITING, State.RECEIVING, State.ENDED


class Transfer:
    """One exchange of a loop.

    Attributes:
        state: what it waits for.
        key: which kept connections it may use.
        fresh: none: one has just turned out to be stale.
        late_at: monotonic instant at which `late` is to be called.
        held: bytes of its body so far, where they count against the loop's budget.
    """

    # Defaults live on the class: most exchanges ride a kept connection and need none of these.
    fresh = False
    held = 0
    state = _WAITING
    _connection: Connection | None = None
    _parser: ResponseParser | None = None
    _race: Race | None = None
    _tunnel: Tunnel | None = None
    _pipe: tls.Pipe | None = None
    _phase = 0.0  # instant at which looking up, connecting or the handshake began
    _dns = _connect = _tls = 0.0  # seconds they took
    _sent = _received = 0.0  # instants of the request's last and the response's first byte
    _since = 0.0  # instant from which the body's rate is measured
    _had = 0  # bytes of it then

    def __init__(self, loop: Loop, request: Request, payload: bytes, key: str, now: float) -> None:
        self._loop = loop
        self._payload = payload
        self.key = key
        self.request = request
        self._begun = now
        self._started = _utc(UTC)
        deadline = now + loop.limits.timeout
        if 0.0 < request.deadline < deadline:
            deadline = request.deadline
        self.late_at = self._deadline = deadline

    def restart(self, now: float) -> None:
        """Count the time from now on: what was before was waiting for its turn."""
        self._begun = now
        self._started = _utc(UTC)
        deadline = now + self._loop.limits.timeout
        self.late_at = self._deadline = min(deadline, self.request.deadline or deadline)

    # -- connecting ------------------------------------------------------------------------------

    def wait(self) -> None:
        """Wait for a turn or a descriptor: only the URL's own deadline runs."""
        self._race = None
        self.state = _WAITING
        self.late_at = self.request.deadline or math.inf

    def resolve(self) -> None:
        """Wait for the addresses of the host."""
        self.state = _RESOLVING
        self._phase = _now()
        self._until(self._phase + self._loop.limits.dns)

    def dial(self, addresses: tuple[Address, ...]) -> None:
        """Connect to the first of the addresses that takes it."""
        now = _now()
        if self.state is _RESOLVING:
            self._dns = now - self._phase
        self.state = _CONNECTING
        self._phase = now
        self._race = Race(self._loop, addresses, key=self.key, raced=self._raced)
        self._advance(now)

    def _raced(self, connection: Connection, mask: int) -> None:
        """A connect has ended."""
        now = _now()
        assert self._race is not None
        if self._race.ready(connection, mask):
            self._decided(now)
        else:
            self._advance(now)

    def _advance(self, now: float) -> None:
        """Let the race do what is due."""
        race = self._race
        assert race is not None
        try:
            decided = race.step(now)
        except OSError:
            self._loop.starve(self)
            return
        if decided:
            self._decided(now)
        else:
            self._until(race.late_at)

    def _decided(self, now: float) -> None:
        race, loop = self._race, self._loop
        assert race is not None
        self._race = None
        self._connect = now - self._phase
        connection = race.winner
        if connection is None:
            assert race.error is not None
            error = race.error
            if loop.proxy is not None and isinstance(error, ConnectError):
                error = loop.proxy.refused(error)
            self.fail(error)
            return
        self._connection = connection
        try:
            if self.request.public_only and loop.proxy is None:
                check_peer(connection, urls.origin(self.request.url).host)
            if not self.request.url.startswith("https:"):
                self.send(connection, now)
            elif loop.proxy is not None:
                self._open_tunnel(connection)
            else:
                self._secure(connection)
        except FetchError as error:
            self.fail(error)

    def _open_tunnel(self, connection: Connection) -> None:
        loop = self._loop
        assert loop.proxy is not None
        self.state = _TUNNELLING
        tunnel = self._tunnel = Tunnel(loop.proxy, urls.origin(self.request.url), loop.limits)
        self._until(connection.begun + loop.limits.connect)
        connection.on_ready = self._tunnelled
        connection.push(tunnel.request)

    def _tunnelled(self, mask: int) -> None:
        connection, tunnel = self._connection, self._tunnel
        assert connection is not None
        assert tunnel is not None
        if mask & WRITE and not connection.flush():
            return
        try:
            try:
                done = tunnel.feed(connection.recv(SIZE))
            except BlockingIOError:
                return
            except OSError as error:
                raise tunnel.broken("closed") from error
            if done:
                self._tunnel = None
                self._secure(connection)
        except FetchError as error:
            self.fail(error)

    def _secure(self, connection: Connection) -> None:
        self.state = _SECURING
        origin = urls.origin(self.request.url)
        self._phase = _now()
        self._until(connection.begun + self._loop.limits.connect)
        settings, sessions = self._loop.tls_context(), self._loop.sessions
        pipe = self._pipe = tls.Pipe(settings, origin.host, origin.port, sessions)
        connection.on_ready = self._shaken
        connection.push(pipe.handshake())

    def _shaken(self, mask: int) -> None:
        connection, pipe = self._connection, self._pipe
        assert connection is not None
        assert pipe is not None
        if mask & WRITE and not connection.flush():
            return
        try:
            try:
                answer = pipe.handshake(connection.recv(SIZE))
            except BlockingIOError:
                return
            except OSError as error:
                raise tls.error(error, urls.origin(self.request.url).host) from error
        except FetchError as error:
            connection.push(pipe.outgoing())  # the alert
            self.fail(error)
            return
        if answer:
            connection.push(answer)
        if pipe.established:
            self._pipe = None
            now = _now()
            self._tls = now - self._phase
            connection.secure(pipe)
            self.send(connection, now)

    # -- the exchange ----------------------------------------------------------------------------

    def send(self, connection: Connection, now: float) -> None:
        """Send the request over a connection that is ready for it."""
        loop = self._loop
        self._connection = connection
        self._parser = ResponseParser(self.request.method, loop.limits)
        self._sent = now
        connection.on_ready = self.receive
        self.state = _AWAITING
        late_at = now + loop.limits.first_byte
        if late_at > self._deadline:
            late_at = self._deadline
        self.late_at = late_at
        if late_at < loop.look_at:
            loop.look_at = late_at
        try:
            connection.send(self._payload)
        except FetchError as error:
            self.fail(error)
            return
        if connection.sending:
            self.state = _SENDING

    def receive(self, mask: int) -> None:
        """Read what has come, once."""
        connection, parser = self._connection, self._parser
        assert connection is not None
        assert parser is not None
        if mask & WRITE:
            self._flush(connection)
            if mask == WRITE:
                return
        try:
            data = connection.recv(SIZE)
            complete = parser.feed(data) if data else self._end(connection, parser)
        except BlockingIOError:
            return
        except FetchError as error:
            self.fail(error)
            return
        except OSError as error:
            self._lost(connection, error)
            return
        now = _now()
        if not self._received:
            self._received = now
        if complete:
            self._complete(connection, now)
        else:
            self._go_on(connection, now, len(data))

    def _end(self, connection: Connection, parser: ResponseParser) -> bool:
        """The peer has closed."""
        if connection.broken is not None and not parser.started:
            raise connection.broken  # the reset was told to the sender, and is told once only
        pipe = connection.pipe
        parser.end(clean=pipe is None or pipe.clean)
        return True

    def _flush(self, connection: Connection) -> None:
        if connection.flush() and self.state is _SENDING:
            self.state = _AWAITING
            self._sent = _now()
            self._until(self._sent + self._loop.limits.first_byte)

    def _go_on(self, connection: Connection, now: float, size: int) -> None:
        """Wait for the next piece, as long as the limits allow."""
        self.state = _RECEIVING
        parser, limits = self._parser, self._loop.limits
        assert parser is not None
        late_at = now + limits.idle
        if parser.head_done:
            if self._since == 0.0:
                self._since = now
                self._had = parser.size
            if parser.is_redirect:
                late_at = min(late_at, self._since + limits.redirect_time)
            elif now - self._since >= limits.rate_window:
                if parser.size - self._had < limits.min_rate * (now - self._since):
                    message = f"the body came slower than {limits.min_rate} bytes/s"
                    self.fail(FetchTimeout(message))
                    return
                self._since = now
                self._had = parser.size
        self._until(late_at)
        pipe = connection.pipe
        if pipe is not None and (pipe.ended or pipe.fault is not None):
            self.receive(0)  # the socket may say nothing more about it
        elif self._loop.hold(self, size):
            connection.watch(0)
            self.late_at = self._deadline

    def resume(self) -> None:
        """Read on: there is room for bodies again."""
        connection = self._connection
        if self.state is not _ENDED and connection is not None:
            self._until(_now() + self._loop.limits.idle)
            connection.watch(READ | WRITE if connection.sending else READ)

    def _complete(self, connection: Connection, now: float) -> None:
        parser, loop = self._parser, self._loop
        assert parser is not None
        status = parser.status
        if status in {407, 408}:
            if status == 407 and loop.proxy is not None and connection.pipe is None:
                self.fail(ProxyError("the proxy asks for credentials", code="proxy.auth"))
                return
            if connection.used and self._may_repeat():
                # It says that no request came in time: ours had crossed it on the way.
                self._repeat()
                return
        elapsed = now - self._begun
        response = parser.respond(
            self.request,
            started=self._started,
            elapsed=elapsed,
            peer=connection.peer,
            timing=self._timing(elapsed),
            reused=connection.used,
        )
        self.state = _ENDED
        self._connection = None
        loop.release(connection, parser, now)
        loop.end(self, response)

    # -- faults and limits -----------------------------------------------------------------------

    def late(self, now: float) -> None:
        """The nearest limit has been reached."""
        state = self.state
        parser, connection = self._parser, self._connection
        if state is _CONNECTING and now < self._deadline:
            self._advance(now)
        elif parser is None or connection is None:
            self.fail(self._phase_late(now))
        elif parser.is_redirect:
            parser.cut()
            self._complete(connection, now)
        else:
            self.fail(parser.late(total=now >= self._deadline))

    def _phase_late(self, now: float) -> FetchError:
        """The error for a limit reached before the request was sent."""
        limits, host = self._loop.limits, urls.origin(self.request.url).host
        if self.state is _WAITING:
            return LocalError(f"no descriptor for {host} in {limits.timeout:g} s: close some files")
        if now >= self._deadline:
            return FetchTimeout(f"not done in {limits.timeout:g} s, waiting for {self.state.value}")
        if self.state is _RESOLVING:
            return FetchTimeout(f"no answer from DNS for {host}", code="dns.timeout")
        if self._tunnel is not None:
            return self._tunnel.late()
        message = f"TLS with {host}: no handshake in {limits.connect:g} s"
        return FetchTimeout(message, code="timeout.tls")

    def _lost(self, connection: Connection, error: OSError) -> None:
        said = error.strerror or str(error)
        parser = self._parser
        assert parser is not None
        at_once = connection.broken is not None and not connection.accepted
        if at_once and not parser.started and not connection.used:
            message = f"{connection.peer} closed at once: {said}"
            self.fail(ConnectError(message, code="connect.reset"))
            return
        self.fail(parser.lost(said))

    def fail(self, error: FetchError) -> None:
        """End without a usable response; or begin again when only the connection was stale."""
        connection, parser = self._connection, self._parser
        request, loop = self.request, self._loop
        if (
            error.code in {"net.empty_reply", "net.reset"}
            and connection is not None
            and connection.used
            and (parser is None or not parser.started)
            and self._may_repeat()
        ):
            self._repeat()
            return
        now = _now()
        elapsed = now - self._begun
        timing = self._timing(elapsed)
        if parser is not None and connection is not None:
            with_partial(
                error,
                parser,
                request,
                started=self._started,
                elapsed=elapsed,
                peer=connection.peer,
                timing=timing,
                reused=connection.used,
            )
        self.abandon()
        outcome: Outcome = Failure(request, error, self._started, elapsed, request.attempt, timing)
        loop.end(self, outcome)

    def abandon(self) -> None:
        """Close what it has open."""
        if self._race is not None:
            self._race.abandon()
            self._race = None
        connection = self._connection
        if connection is not None:
            self._connection = None
            self._loop.close_connection(connection)
        self.state = _ENDED

    def _may_repeat(self) -> bool:
        return not self.fresh and self.request.method in {"GET", "HEAD"}

    def _repeat(self) -> None:
        """Begin again at once, on a fresh connection: the request has not been answered."""
        connection = self._connection
        assert connection is not None
        self._connection = None
        self._loop.close_connection(connection)
        self.fresh = True
        self._parser = None
        self._received = self._since = 0.0
        self.late_at = self._deadline
        self._loop.begin(self)

    def _until(self, instant: float) -> None:
        """Let `late` be called at that instant, or at the deadline when that is earlier."""
        if instant > self._deadline:
            instant = self._deadline
        self.late_at = instant
        if instant < self._loop.look_at:
            self._loop.look_at = instant

    def _timing(self, elapsed: float) -> Timing:
        # Filled in plainly: a frozen dataclass sets each field by a call, and this is every page's.
        draft: Any = _Draft()
        since = self.request.since
        draft.queue = self._begun - since if since else 0.0
        draft.dns = self._dns
        draft.connect = self._connect
        draft.tls = self._tls
        draft.first_byte = self._received - self._sent if self._received else 0.0
        draft.total = elapsed
        draft.__class__ = Timing
        timing: Timing = draft
        return timing


class _Draft:
    """A Timing whose fields can still be set: it has the same slots."""

    __slots__ = Timing.__slots__
