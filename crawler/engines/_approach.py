"""The first half of an exchange: from a request to a connection that is ready for it.

    wait()      WAITING      too many connects at once, or no descriptor: the loop calls again
    resolve()   RESOLVING    the loop asks DNS
    dial()      CONNECTING ─► TUNNELLING ─► SECURING ─► send()
                                                   └──► fail()

Transfer is the second half. Read beside it: _connect.py (the race), transports/_proxy.py (the
tunnel), transports/tls.py.
"""

from __future__ import annotations

import enum
import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crawler import urls
from crawler.engines._connect import Race, check_peer
from crawler.engines._connection import SIZE, WRITE
from crawler.errors import ConnectError, FetchError, FetchTimeout, LocalError
from crawler.transports import tls
from crawler.transports._proxy import Tunnel

if TYPE_CHECKING:
    from crawler.engines._connection import Connection
    from crawler.engines._loop import Loop
    from crawler.model import Request
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


class Approach:
    """An exchange on its way to a connection; the base of Transfer.

    Args:
        loop: the engine.
        request: what is asked for.
        payload: the same as bytes.
        key: which kept connections it may use.
        now: the monotonic instant it begins at.

    Attributes:
        state: what it waits for.
        late_at: monotonic instant at which a limit is reached.
    """

    # Slots, and no defaults on the class: to look one up there costs ten times a slot.
    __slots__ = (
        "_begun",
        "_connect",
        "_connection",
        "_deadline",
        "_dns",
        "_loop",
        "_payload",
        "_phase",
        "_pipe",
        "_race",
        "_started",
        "_tls",
        "_tunnel",
        "key",
        "late_at",
        "request",
        "state",
    )

    def __init__(self, loop: Loop, request: Request, payload: bytes, key: str, now: float) -> None:
        self._loop = loop
        self._payload = payload
        self.key = key
        self.request = request
        self.state = State.WAITING
        self._connection: Connection | None = None
        self._race: Race | None = None
        self._tunnel: Tunnel | None = None
        self._pipe: tls.Pipe | None = None
        self._phase = 0.0  # instant at which looking up, connecting or the handshake began
        self._dns = self._connect = self._tls = 0.0  # seconds they took
        self._begun = now
        self._started = _utc(UTC)
        deadline = now + loop.limits.timeout
        if 0.0 < request.deadline < deadline:
            deadline = request.deadline
        self.late_at = self._deadline = deadline

    def send(self, connection: Connection, now: float) -> None:
        """The connection is ready for the request."""
        raise NotImplementedError

    def fail(self, error: FetchError) -> None:
        """There will be no usable response."""
        raise NotImplementedError

    def starve(self) -> None:
        """There is no descriptor to connect with."""
        raise NotImplementedError

    def restart(self, now: float) -> None:
        """Count the time from now on: what was before was waiting for its turn."""
        self._begun = now
        self._started = _utc(UTC)
        deadline = now + self._loop.limits.timeout
        self.late_at = self._deadline = min(deadline, self.request.deadline or deadline)

    def wait(self) -> None:
        """Wait for a turn or a descriptor: only the URL's own deadline runs."""
        self._race = None
        self.state = State.WAITING
        self.late_at = self.request.deadline or math.inf
        self._loop.look_at = min(self._loop.look_at, self.late_at)

    def resolve(self) -> None:
        """Wait for the addresses of the host."""
        self.state = State.RESOLVING
        self._phase = _now()
        self._until(self._phase + self._loop.limits.dns)

    def dial(self, addresses: tuple[Address, ...]) -> None:
        """Connect to the first of the addresses that takes it."""
        now = _now()
        if self.state is State.RESOLVING:
            self._dns = now - self._phase
        self.state = State.CONNECTING
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
            self.starve()
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
        self.state = State.TUNNELLING
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
        self.state = State.SECURING
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

    def late(self, now: float) -> None:
        """The nearest limit has been reached."""
        if self.state is State.CONNECTING and now < self._deadline:
            self._advance(now)
        else:
            self.fail(self._phase_late(now))

    def abandon(self) -> None:
        """Close what is open."""
        if self._race is not None:
            self._race.abandon()
            self._race = None
        connection = self._connection
        if connection is not None:
            self._connection = None
            self._loop.close_connection(connection)
        self.state = State.ENDED

    def _phase_late(self, now: float) -> FetchError:
        """The error for a limit reached before the request was sent."""
        limits, host = self._loop.limits, urls.origin(self.request.url).host
        if self.state is State.WAITING:
            return LocalError(f"no descriptor for {host} in {limits.timeout:g} s: close some files")
        if now >= self._deadline:
            return FetchTimeout(f"not done in {limits.timeout:g} s, waiting for {self.state.value}")
        if self.state is State.RESOLVING:
            return FetchTimeout(f"no answer from DNS for {host}", code="dns.timeout")
        if self._tunnel is not None:
            return self._tunnel.late()
        message = f"TLS with {host}: no handshake in {limits.connect:g} s"
        return FetchTimeout(message, code="timeout.tls")

    def _until(self, instant: float) -> None:
        """Let `late` be called at that instant, or at the deadline when that is earlier."""
        if instant > self._deadline:
            instant = self._deadline
        self.late_at = instant
        if instant < self._loop.look_at:
            self._loop.look_at = instant
