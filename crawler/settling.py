"""What becomes of an exchange: a hop, a retry, or the final outcome with its body decoded.

    exchange ended ──settle──► redirect? ──► again: its hop
                               failed, or a status to be asked again? ──► again, later
                               a page? ──► decoded ──► final

This is done once, above all engines: an exchange follows nothing, repeats nothing, decodes nothing.
A redirect is a new request that goes through the same line and limits.
Read beside it: hops.py (where a redirect leads), errors.py (what is retried), wire/decode.py.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

from crawler.errors import BodyTooLarge, DecodeError, FetchError, FetchTimeout, StatusError
from crawler.hops import REDIRECTS, downgraded, hop
from crawler.model import Failure, Limits, Pause, Purpose, Request, Response, Skip
from crawler.reach import public_only
from crawler.wire.decode import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.model import Final, Outcome

RETRYABLE = "retryable"  # in `retry_on`: every error whose `retry` is not "no"
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})  # RFC 9110 9.2.2
_THROTTLED = frozenset({429, 503})
_SLOWEST_RETRY = 60.0  # seconds
_RETRY_AFTER_UNREADABLE = 30.0  # seconds, for a Retry-After that says nothing usable
_RETRY_AFTER_MOST = 300.0  # seconds


class Line(Protocol):
    """Where requests come from and go back to, as `Fetches` sees it."""

    def take(self) -> Request | Pause | None:
        """The next request: see `contracts.Source`."""
        ...

    def again(self, request: Request, /, *, after: float = 0.0) -> None:
        """Take a hop or a retry, for not before `after` seconds."""
        ...

    def ended(self, outcome: Outcome, rest: float, /) -> None:
        """An exchange ended; its host asked for `rest` seconds."""
        ...

    def may_retry(self, request: Request, /) -> bool:
        """Whether the request's host may be asked again for the same."""
        ...


class Fetches:
    """A source that turns a redirect into its hop and a failure into its retry.

    Args:
        line: where requests come from and go back to.
        limits: `retries` and `total` are read here, the rest is the engine's.
        follow: redirects followed at most.
        retry_on: as in `fetch_all`.
        proxied: exchanges go through a proxy, so the peer's address says nothing about the host.
        pinned: hosts and ports whose address the user has given.
        refuse: why a hop is not made: a code and a reason; both empty when it is.
        clock: a monotonic clock, in seconds.
        jitter: gives a random number between its two arguments.
    """

    def __init__(
        self,
        line: Line,
        *,
        limits: Limits,
        follow: int = 10,
        retry_on: tuple[str, ...] = (RETRYABLE,),
        proxied: bool = False,
        pinned: frozenset[tuple[str, int]] = frozenset(),
        refuse: Callable[[Request], tuple[str, str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._line = line
        self._limits = limits
        self._follow = follow
        self._retry_on = frozenset(retry_on)
        self._statuses = any(word[:1].isdigit() for word in retry_on)
        self._again_200 = self._wanted_again(200)
        self._proxied = proxied
        self._pinned = pinned
        self._refuse = refuse
        self._clock = clock
        self._jitter = jitter
        self.take = line.take  # the pump calls it once per request

    def settle(self, outcome: Outcome) -> Final | None:
        """The final outcome; None when the request goes on as a hop or a retry."""
        if (
            isinstance(outcome, Response)
            and outcome.status == 200
            and not outcome.request.via
            and not self._again_200
            and "content-encoding" not in outcome.headers
        ):
            self._line.ended(outcome, 0.0)  # a page as most are
            return outcome
        rest = 0.0
        final: Final | None = outcome
        if isinstance(outcome, Response):
            if outcome.status in REDIRECTS and self._follow > 0:
                final = self._hop(outcome)
            elif outcome.status != 200 or outcome.headers.get("content-encoding"):
                final = self._judged(outcome)
            if isinstance(final, Response) and final.request.via and downgraded(final.request):
                final = replace(final, warnings=(*final.warnings, "warn.downgrade"))
            wanted = self._statuses and self._wanted_again(outcome.status)
            if wanted or outcome.status in _THROTTLED:
                rest = retry_after(outcome)
            if wanted and isinstance(final, Response):
                final = self._retried(final, outcome, backoff=True, wait=rest)
        if isinstance(final, Failure) and self._may_retry(final.error):
            final = self._retried(final, outcome, backoff=final.error.retry != "once")
        self._line.ended(outcome, rest)
        return final

    def _hop(self, response: Response) -> Final | None:
        try:
            request = hop(response, follow=self._follow, proxied=self._proxied, pinned=self._pinned)
        except FetchError as error:
            return _failed(response, error)
        request = self._with_deadline(request, response)
        if self._clock() >= request.deadline:
            message = f"redirects took longer than {self._limits.total:g} s, last {response.url}"
            return _failed(response, FetchTimeout(message))
        if self._refuse is not None:
            code, reason = self._refuse(request)
            if code:
                return Skip(request, code, reason)
        self._line.again(request)
        return None

    def _judged(self, response: Response) -> Outcome:
        """The response with its body decoded; a Failure when it is no complete page."""
        if response.status == 206 and not _asked_for_range(response.request):
            error = StatusError("206 Partial Content although no range was asked for")
            error.partial = replace(response, truncated="unspecified")
            return _failed(response, error)
        encodings = response.headers.all("content-encoding")
        is_decoded = response.findings is not None and response.findings.decoded
        if not encodings or not response.raw or is_decoded:
            return response
        try:
            decoded = decode(response.raw, encodings, self._limits)
        except (BodyTooLarge, DecodeError) as error:
            reason = "length" if isinstance(error, BodyTooLarge) else "unspecified"
            error.partial = replace(response, body=error.prefix or response.raw, truncated=reason)
            return _failed(response, error)
        return replace(
            response, body=decoded.body, warnings=(*response.warnings, *decoded.warnings)
        )

    def _may_retry(self, error: FetchError) -> bool:
        if RETRYABLE in self._retry_on:
            if error.retryable:
                return True
            if len(self._retry_on) == 1:
                return False
        family = error.code.partition(".")[0]
        return error.code in self._retry_on or family in self._retry_on

    def _wanted_again(self, status: int) -> bool:
        return str(status) in self._retry_on or f"{status // 100}xx" in self._retry_on

    def _retried(
        self, final: Outcome, outcome: Outcome, *, backoff: bool, wait: float = 0.0
    ) -> Outcome | None:
        """None when the request was put back into the line; else `final`."""
        request = outcome.request
        tries = self._limits.retries if backoff else min(1, self._limits.retries)
        if request.attempt > tries or request.method not in _IDEMPOTENT:
            return final
        if request.purpose is Purpose.ROBOTS and isinstance(final, Failure):
            return final  # its host rests, and is asked again later
        if not wait and not self._line.may_retry(request):
            return final
        if backoff and not wait:
            wait = self._jitter(0.0, min(_SLOWEST_RETRY, 2.0 ** (request.attempt - 1)))
        request = self._with_deadline(request, outcome)
        if self._clock() + wait >= request.deadline:
            return final
        seen = outcome if isinstance(outcome, Response) else outcome.error.partial
        # A name that was public once must not be private the next time.
        public = seen is not None and public_only(seen, proxied=self._proxied)
        again = replace(
            request, attempt=request.attempt + 1, public_only=request.public_only or public
        )
        self._line.again(again, after=wait)
        return None

    def _with_deadline(self, request: Request, outcome: Outcome) -> Request:
        if request.deadline:
            return request
        return replace(request, deadline=self._clock() - outcome.elapsed + self._limits.total)


def retry_after(response: Response) -> float:
    """Seconds the server asks to wait (RFC 9110 10.2.3), from 0 to 300; 0 where it does not ask.

    Dates are measured against the server's own Date field, so that its clock does not matter.
    """
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return 0.0
    if text.isascii() and text.isdigit():
        return min(_RETRY_AFTER_MOST, float(text[:9]))
    try:
        when = parsedate_to_datetime(text)
        sent = response.headers.get("date")
        now = parsedate_to_datetime(sent) if sent else datetime.now(UTC)
        seconds = (when - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return _RETRY_AFTER_UNREADABLE
    return min(_RETRY_AFTER_MOST, seconds) if seconds >= 0 else _RETRY_AFTER_UNREADABLE


def _failed(response: Response, error: FetchError) -> Failure:
    request = response.request
    return Failure(
        request, error, response.started, response.elapsed, request.attempt, response.timing
    )


def _asked_for_range(request: Request) -> bool:
    return any(name.lower() == "range" for name, _ in request.headers)
