"""fetch and fetch_all: exchanges plus everything that is done once, above all engines.

    input ──► Listed ──► drive ──► engine ──► exchange ended
                ▲                                 │ settle()
                └──── again: hop, retry ◄─────────┤
                                                  └──► decode ──► outcome to the caller

What an exchange does not do is done here: redirects, retries, content decoding, the refusal of
statuses that are no page. A redirect is a new request that goes through the same line and limits.
Read beside it: hops.py (where a redirect leads), drive.py (the pump), errors.py (what is retried).
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

from crawler import sharding, urls
from crawler.drive import drive
from crawler.errors import (
    DecodeError,
    EngineUnavailable,
    FetchError,
    FetchTimeout,
    InvalidURL,
    StatusError,
)
from crawler.frontier.listed import Listed
from crawler.hops import REDIRECTS, downgraded, hop
from crawler.model import (
    Failure,
    Limits,
    Network,
    Pause,
    Purpose,
    Request,
    Response,
    Skip,
    seed_request,
)
from crawler.reach import pinned, public_only
from crawler.wire.decode import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from crawler.contracts import Engine
    from crawler.model import Final, Outcome

RETRYABLE = "retryable"  # in `retry_on`: every error whose `retry` is not "no"
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})  # RFC 9110 9.2.2
_THROTTLED = frozenset({429, 503})
_SLOWEST_RETRY = 60.0  # seconds
_RETRY_AFTER_UNREADABLE = 30.0  # seconds, for a Retry-After that says nothing usable
_RETRY_AFTER_MOST = 300.0  # seconds


def fetch(
    url: str | Request,
    *,
    transport: str = "requests",
    limits: Limits = Limits(),
    follow: int = 10,
    network: Network = Network(),
) -> Response:
    """One URL fetched, redirects followed, content decoded: the response, whatever its status.

    Args:
        url: what a person would type (``example.org/a`` means https), or a Request.
        transport: ``requests``, ``urllib`` or ``socket``.
        limits: what it may cost in seconds and bytes.
        follow: redirects followed at most; 0 gives the redirect itself.
        network: proxy, certificates, addresses.

    Raises:
        InvalidURL: `url` is no http(s) URL.
        FetchError: no usable response came; `.code` says why, `.partial` holds what did.
    """
    request = url if isinstance(url, Request) else _request(url, 0)
    outcomes = fetch_all(
        [request],
        engine=f"sequential+{transport}",
        concurrency=1,
        limits=limits,
        follow=follow,
        network=network,
    )
    (outcome,) = outcomes
    if isinstance(outcome, Failure):
        raise outcome.error
    return outcome


def fetch_all(
    requests: Iterable[str | Request],
    *,
    engine: str = "selectors",
    concurrency: int = 20,
    limits: Limits = Limits(),
    follow: int = 10,
    network: Network = Network(),
    retry_on: tuple[str, ...] = (RETRYABLE,),
    processes: int = 1,
) -> Iterator[Response | Failure]:
    """Every request fetched, as they end: exactly one outcome for each, in no particular order.

    `requests` is pulled lazily, never more than `concurrency` ahead of what has been yielded. Text
    that is no URL gives a Failure with the code ``url.invalid``.

    Args:
        requests: URLs as a person would type them, or Requests.
        engine: the I/O model; `crawl engines` lists them.
        concurrency: most exchanges under way at once.
        limits: what one exchange may cost; ``Limits(retries=0)`` tries nothing twice.
        follow: redirects followed at most; 0 gives the redirects themselves.
        network: proxy, certificates, addresses.
        retry_on: what is tried again: ``retryable``, statuses (``429``, ``5xx``), error codes or
            their families (``connect``, ``timeout.idle``).
        processes: over which the exchanges are spread; 1 = all in this one.

    Raises:
        EngineUnavailable: the engine cannot run here; raised at once, not at the first outcome.
        ValueError: `concurrency` is less than 1, or `processes` not from 1 to 64.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1, not {concurrency}")
    reason = sharding.refusal(engine, processes)
    if reason:
        raise EngineUnavailable(reason)
    return _fetch_all(requests, engine, concurrency, limits, follow, network, retry_on, processes)


def _fetch_all(
    requests: Iterable[str | Request],
    engine: str,
    concurrency: int,
    limits: Limits,
    follow: int,
    network: Network,
    retry_on: tuple[str, ...],
    processes: int,
) -> Iterator[Response | Failure]:
    opened = sharding.opened(
        engine,
        processes=processes,
        concurrency=concurrency,
        limits=limits,
        network=network,
        looks=sharding.Looks(),
    )
    try:
        yield from fetched(opened, requests, concurrency, limits, follow, network, retry_on)
    finally:
        opened.close()


def fetched(
    engine: Engine,
    requests: Iterable[str | Request],
    concurrency: int,
    limits: Limits,
    follow: int,
    network: Network,
    retry_on: tuple[str, ...],
) -> Iterator[Response | Failure]:
    """As `fetch_all`, through an engine that is open already and stays so."""
    stillborn: list[Failure] = []
    fetches = Fetches(
        Listed(_read(requests, stillborn)),
        limits=limits,
        follow=follow,
        retry_on=retry_on,
        proxied=bool(network.proxy),
        pinned=pinned(network),
    )
    for outcome in settled(engine, fetches, concurrency):
        if stillborn:
            yield from stillborn
            stillborn.clear()
        yield outcome
    yield from stillborn


def settled(engine: Engine, fetches: Fetches, concurrency: int) -> Iterator[Outcome]:
    """The final outcomes of all that `fetches` has: hops and retries are resolved."""
    settle = fetches.settle
    for ended in drive(engine, fetches, concurrency):
        for outcome in ended:
            final = settle(outcome)
            if final is not None and not isinstance(final, Skip):
                yield final


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
        except FetchError as error:
            reason = "length" if error.code == "body.too_large" else "unspecified"
            prefix = getattr(error, "prefix", b"") if isinstance(error, DecodeError) else b""
            error.partial = replace(response, body=prefix or response.raw, truncated=reason)
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


def _read(requests: Iterable[str | Request], stillborn: list[Failure]) -> Iterator[Request | Pause]:
    for number, item in enumerate(requests, 1):
        if isinstance(item, Request):
            yield item
            continue
        try:
            yield _request(item, number)
        except InvalidURL as error:
            failed = FetchError(str(error), code="url.invalid")
            stillborn.append(Failure(Request(item, number=number), failed, datetime.now(UTC), 0.0))


def _request(url: str, number: int) -> Request:
    canonical, headers = urls.seed(url)
    return seed_request(canonical, headers, number=number, since=time.monotonic())


def _failed(response: Response, error: FetchError) -> Failure:
    request = response.request
    return Failure(
        request, error, response.started, response.elapsed, request.attempt, response.timing
    )


def _asked_for_range(request: Request) -> bool:
    return any(name.lower() == "range" for name, _ in request.headers)
