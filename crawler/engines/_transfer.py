"""One exchange as a state machine: what it waits for, never how the waiting is done.

    begin ─► RESOLVING ─► CONNECTING ─► TUNNELLING ─► SECURING ─┐
      │          WAITING ──┘                                    ▼
      └── a kept connection ──────────────────────► SENDING ─► AWAITING ─► RECEIVING ─► ENDED

The loop tells it of readiness (`receive`) and of time (`late`); it tells the loop of its end.
`late_at` is the instant of the nearest limit; the loop looks at it now and then, so a limit that
moves costs one store. The upper line is in _approach.py. Read beside it: _loop.py, and
transports/via_socket.py, which is the same as linear text.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from crawler.engines._approach import Approach, State
from crawler.engines._connection import READ, SIZE, WRITE
from crawler.errors import ConnectError, FetchError, FetchTimeout, ProxyError
from crawler.model import Failure, Timing
from crawler.wire.capture import parser_for
from crawler.wire.framing import NO_PROMISE
from crawler.wire.head import match_clean
from crawler.wire.parse import with_partial
from crawler.wire.plain import page_response, plain

if TYPE_CHECKING:
    from crawler.engines._connection import Connection
    from crawler.engines._loop import Loop
    from crawler.model import Request
    from crawler.wire.parse import ResponseParser
    from crawler.wire.plain import Page

_now = time.monotonic
_new = tuple.__new__
_SENDING, _AWAITING = State.SENDING, State.AWAITING
_RECEIVING, _ENDED = State.RECEIVING, State.ENDED


class Transfer(Approach):
    """One exchange of a loop.

    Attributes:
        fresh: no kept connection will do: one has just turned out to be stale.
        held: bytes of its body so far, where they count against the loop's budget.
    """

    __slots__ = ("_had", "_parser", "_received", "_sent", "_since", "fresh", "held")

    def __init__(self, loop: Loop, request: Request, payload: bytes, key: str, now: float) -> None:
        Approach.__init__(self, loop, request, payload, key, now)  # cheaper than super()
        self.fresh = False
        self.held = 0
        self._parser: ResponseParser | None = None
        self._sent = self._received = 0.0  # instants: request's last, response's first byte
        self._since = 0.0  # instant from which the body's rate is measured
        self._had = 0  # bytes of it then

    def send(self, connection: Connection, now: float) -> None:
        loop = self._loop
        self._connection = connection
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
            sent = connection.send(self._payload)
        except FetchError as error:
            self.fail(error)
            return
        if not sent:
            self.state = _SENDING

    def starve(self) -> None:
        self._loop.starve(self)

    def receive(self, mask: int) -> None:
        """Read what has come, once."""
        connection, parser = self._connection, self._parser
        assert connection is not None
        if mask & WRITE and self._flush(connection, mask):
            return
        try:
            data = connection.recv(SIZE)
            if parser is None:
                loop = self._loop
                if self.request.method == "GET" and not loop.limits.capture:
                    found = match_clean(data, loop.limits)
                    page = plain(found, data, loop.limits) if found is not None else None
                    if page is not None:
                        self._complete_plain(connection, page)
                        return
                parser = self._reader()
                assert parser is not None
                parser.go_long()
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

    def _reader(self) -> ResponseParser | None:
        """What reads the answer, made when it is no plain page; None before the request is sent."""
        if self._parser is None and self._sent:
            self._parser = parser_for(self.request.method, self._loop.limits, self._payload)
        return self._parser

    def _end(self, connection: Connection, parser: ResponseParser) -> bool:
        """The peer has closed."""
        if connection.broken is not None and not parser.started:
            raise connection.broken  # the reset was told to the sender, and is told once only
        pipe = connection.pipe
        parser.end(clean=pipe is None or pipe.clean)
        return True

    def _flush(self, connection: Connection, mask: int) -> bool:
        """Go on sending; True when there is nothing to be read."""
        if connection.flush() and self.state is _SENDING:
            self.state = _AWAITING
            self._sent = _now()
            self._until(self._sent + self._loop.limits.first_byte)
        return mask == WRITE

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
        elif self._loop.budget.hold(self, size):
            connection.watch(0)
            self.late_at = self._deadline

    def resume(self) -> None:
        """Read on: there is room for bodies again."""
        connection = self._connection
        if self.state is not _ENDED and connection is not None:
            self._until(_now() + self._loop.limits.idle)
            connection.watch(READ | WRITE if connection.sending else READ)

    def _complete_plain(self, connection: Connection, page: Page) -> None:
        """The answer has come whole; what `_complete` does, for what most answers are."""
        now = _now()
        loop, request = self._loop, self.request
        since = request.since
        elapsed = now - self._begun
        timing = _new(
            Timing,
            (
                self._begun - since if since else 0.0,
                self._dns,
                self._connect,
                self._tls,
                now - self._sent,
                elapsed,
            ),
        )
        self.state = _ENDED
        self._connection = None
        used = connection.used
        response = page_response(
            request, page, connection.peer, self._started, elapsed, timing, used
        )
        loop.release(connection, NO_PROMISE, now)
        loop.end(self, response)

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
        loop.release(connection, parser.keep_alive if parser.reusable else None, now)
        loop.end(self, response)

    def late(self, now: float) -> None:
        parser, connection = self._reader(), self._connection
        if parser is None or connection is None:
            super().late(now)
        elif parser.is_redirect:
            parser.cut()
            self._complete(connection, now)
        else:
            self.fail(parser.late(total=now >= self._deadline))

    def _lost(self, connection: Connection, error: OSError) -> None:
        said = error.strerror or str(error)
        parser = self._reader()
        assert parser is not None
        at_once = connection.broken is not None and not connection.accepted
        if at_once and not parser.started and not connection.used:
            message = f"{connection.peer} closed at once: {said}"
            self.fail(ConnectError(message, code="connect.reset"))
            return
        self.fail(parser.lost(said))

    def fail(self, error: FetchError) -> None:
        # Or begin again, when only the connection was stale.
        connection, parser = self._connection, self._reader()
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
        loop.end(self, Failure(request, error, self._started, elapsed, request.attempt, timing))

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
        self._received = self._since = self._sent = 0.0
        self.late_at = self._deadline
        self._loop.begin(self)

    def _timing(self, elapsed: float) -> Timing:
        since = self.request.since
        queue = self._begun - since if since else 0.0
        first_byte = self._received - self._sent if self._received else 0.0
        # As Timing(...), without its checks: this is every page's.
        return _new(Timing, (queue, self._dns, self._connect, self._tls, first_byte, elapsed))
