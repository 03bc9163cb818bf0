"""One exchange under way: when it must end, and what it has cost so far.

It is made when an exchange begins, goes with it through dialling, sending and reading, and is where
the phases' limits meet the attempt's deadline: nothing here waits longer than `left` says.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crawler import urls
from crawler.errors import FetchError, FetchTimeout
from crawler.model import Timing
from crawler.wire.parse import with_partial

if TYPE_CHECKING:
    from crawler.model import Limits, Request, Response
    from crawler.wire.parse import ResponseParser


class Attempt:
    """The clock and the account of one exchange.

    Attributes:
        origin: where the request goes to.
        deadline: monotonic instant the exchange must have ended at.
        peer: "address port" connected to.
        reused: the connection had served another request.
        fresh: kept connections are not to be used: one has just turned out to be stale.
        wrote: the bytes of the request; a `Stream` notes them where `Limits.capture` asks.
    """

    __slots__ = (
        "begun",
        "connect",
        "deadline",
        "dns",
        "first_byte",
        "fresh",
        "limits",
        "origin",
        "peer",
        "request",
        "reused",
        "sent",
        "started",
        "tls",
        "wrote",
    )

    def __init__(self, request: Request, limits: Limits) -> None:
        self.request = request
        self.limits = limits
        self.origin = urls.origin(request.url)
        self.started = datetime.now(UTC)
        self.begun = time.monotonic()
        self.deadline = self.begun + limits.timeout
        if request.deadline:
            self.deadline = min(self.deadline, request.deadline)
        self.dns = self.connect = self.tls = self.sent = self.first_byte = 0.0
        self.peer = ""
        self.reused = False
        self.fresh = False
        self.wrote = b""

    def renew(self) -> None:
        """Go on with a fresh connection: the kept one was stale. The clock is not set back."""
        self.fresh = True
        self.reused = False
        self.peer = ""
        self.wrote = b""

    def left(self, limit: float) -> float:
        """Seconds the next wait may take: `limit`, or what is left until the deadline.

        Raises:
            FetchTimeout: nothing is left.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise FetchTimeout(f"not done in {self.limits.timeout:g} s")
        return min(left, limit)

    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self.deadline

    def timed_out(self, message: str, code: str) -> FetchTimeout:
        """The error for a wait that was too long: the phase's, or the deadline's."""
        if self.is_over():
            return FetchTimeout(f"not done in {self.limits.timeout:g} s: {message}")
        return FetchTimeout(message, code=code)

    def respond(self, parser: ResponseParser) -> Response:
        """The response that was read.

        Raises:
            FetchError: it says that no request came in time, on a connection that had been used:
                ours had crossed it on the way, so it may be repeated (RFC 9110, 15.5.9).
        """
        if parser.status == 408 and self._may_repeat():
            error = FetchError(f"{self.peer} had given up waiting", code="net.reset")
            error.stale = True
            raise error
        elapsed = time.monotonic() - self.begun
        return parser.respond(
            self.request,
            started=self.started,
            elapsed=elapsed,
            peer=self.peer,
            timing=self._timing(elapsed),
            reused=self.reused,
        )

    def failed(self, error: FetchError, parser: ResponseParser) -> FetchError:
        """The error with what had arrived, and with whether a fresh connection may help."""
        if (
            not parser.started
            and error.code in {"net.empty_reply", "net.reset"}
            and self._may_repeat()
        ):
            error.stale = True
        elapsed = time.monotonic() - self.begun
        return with_partial(
            error,
            parser,
            self.request,
            started=self.started,
            elapsed=elapsed,
            peer=self.peer,
            timing=self._timing(elapsed),
            reused=self.reused,
        )

    def _may_repeat(self) -> bool:
        return self.reused and self.request.method in {"GET", "HEAD"}

    def _timing(self, elapsed: float) -> Timing:
        request = self.request
        return Timing(
            queue=self.begun - request.since if request.since else 0.0,
            dns=self.dns,
            connect=self.connect,
            tls=self.tls,
            first_byte=self.first_byte - self.sent if self.first_byte else 0.0,
            total=elapsed,
        )
