"""The loop of a crawl: every URL to its outcome, and the outcome to you once it is safe.

    seeds ──► frontier ──► drive ──► engine            robots.txt is a request like any other: the
                 ▲                      │              frontier puts it before a host's first page
                 │ links, hops, retries │ outcomes
                 └────── settle ◄───────┘ ──► record ──► commit ──► the caller

One turn: the exchanges that ended are settled, their links added, their records written; then one
commit makes all of that last; only then the caller sees the outcomes, and new exchanges begin. So
at any instant a killed process has at most `concurrency` exchanges to make again.

One thread, one loop, whatever the engine: what the record and the caller do happens between two
waits. Read beside it: drive.py (the pump), fetching.py (settle), discovery.py (links and rules),
frontier/_lines.py (whose turn it is), stopping.py.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crawler import engines
from crawler.contracts import Facts, State
from crawler.discovery import Discovery
from crawler.drive import drive
from crawler.errors import FetchError
from crawler.extract import extract
from crawler.fetching import RETRYABLE, Fetches
from crawler.model import Failure, Limits, Network, Pause, Purpose, Request, Response, Skip
from crawler.politeness import answer
from crawler.stopping import Leave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Protocol

    from crawler.contracts import Engine, Frontier
    from crawler.model import Final, Outcome
    from crawler.scope import Scope
    from crawler.stopping import Stop

    class Record(Protocol):
        """Where the outcomes of a crawl go."""

        def write(self, final: Final, /) -> None:
            """Take one. Raises SinkError."""
            ...

        def marks(self) -> Mapping[str, str]:
            """How much of each output is whole, with all that was taken. Raises SinkError."""
            ...

        def sync(self) -> None:
            """Have the outputs on the disk. Raises SinkError."""
            ...


log = logging.getLogger(__name__)

TICK = 0.25  # seconds: how late a stop is noticed at most, and four progress lines a second
WINDOW = 10_000  # requests from the input that wait in a frontier in memory: some 5 MB
SYNC = 1.0  # seconds between two marks that outlast a power cut
_TURN = Pause(0.0)
_FEED = 64  # lines of the input read at once, at most
_MOST_IN_TURN = 500  # lines without a request before the exchanges under way get a turn
_CATCH_UP = 0.1  # seconds a start may be late and still be made up for
_RULES = ("policy.", "robots.disallowed", "url.")  # what is refused by them is no failure


@dataclass(frozen=True, slots=True)
class Plan:
    """How a crawl fetches, and what it follows."""

    engine: str = "selectors"
    concurrency: int = 16
    limits: Limits = Limits()
    network: Network = Network()
    redirects: int = 10
    retry_on: tuple[str, ...] = (RETRYABLE,)
    rate: float = 0.0  # starts per second; 0 = no limit
    links: bool = False  # links on pages are followed
    sitemaps: bool = False  # the sitemaps that robots.txt names are read
    nofollow: bool = True  # what pages and links say against being followed is obeyed
    max_pages: int = 0  # pages that may begin; 0 = no limit
    parser: str = "fast"
    agent: str = "concurrent-crawler"  # our product token


def crawled(
    seeds: Iterable[Request | Failure | Pause],
    plan: Plan,
    frontier: Frontier,
    record: Record,
    stop: Stop,
    *,
    discovery: Discovery | None = None,
    tick: Callable[[int], None] = lambda under_way: None,
    window: int = WINDOW,
) -> Iterator[Final]:
    """Every outcome, once it is safe: of seeds, of what waits in the frontier, of what is found.

    Ends when nothing is left, when `plan.max_pages` have begun, or when `stop` says so; what has no
    outcome then is what waits in the frontier, which belongs to the caller.

    Args:
        seeds: requests in order, lines that are none, pauses while nothing is there.
        plan: how to fetch.
        frontier: what waits and what was seen.
        record: given every outcome before it is yielded.
        stop: when to end early.
        discovery: takes what is found to the frontier; None = `discovery_of` the plan.
        tick: called before every wait, at least four times a second, with the number under way.
        window: seeds that may wait in the frontier before more are read; 0 = no limit.

    Raises:
        EngineUnavailable: the engine cannot run here.
        SinkError, FrontierError: an outcome cannot be kept; nothing after it was taken on.
        InputError: whatever `seeds` raises, as it is.
    """
    discovery = discovery or discovery_of(plan, frontier)
    source = _Source(iter(seeds), plan, frontier, discovery, stop, window)
    engine = engines.open(
        plan.engine, concurrency=plan.concurrency, limits=plan.limits, network=plan.network
    )
    log.info("engine %s, at most %d exchanges under way", plan.engine, plan.concurrency)
    try:
        yield from _Turns(plan, frontier, discovery, source, record).over(
            _Watched(engine, stop, tick)
        )
    finally:
        engine.close()


def discovery_of(plan: Plan, frontier: Frontier, scope: Scope | None = None) -> Discovery:
    """What takes to the frontier what is found, as far as it belongs to `scope`."""
    return Discovery(
        frontier,
        agent=plan.agent,
        scope=scope,
        links=plan.links,
        use_sitemaps=plan.sitemaps,
        nofollow=plan.nofollow,
        proxied=bool(plan.network.proxy),
    )


class _Turns:
    """What happens between two waits."""

    def __init__(
        self,
        plan: Plan,
        frontier: Frontier,
        discovery: Discovery,
        source: _Source,
        record: Record,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._frontier = frontier
        self._discovery = discovery
        self._source = source
        self._record = record
        self._clock = clock
        self._fetches = Fetches(
            source,
            limits=plan.limits,
            follow=plan.redirects,
            retry_on=plan.retry_on,
            proxied=bool(plan.network.proxy),
            refuse=discovery.refuse,
        )
        self._sync_at = clock() + SYNC

    def over(self, engine: Engine) -> Iterator[Final]:
        """Turn after turn until nothing is left, or `Leave`."""
        chatty = log.isEnabledFor(logging.DEBUG)
        try:
            for ended in drive(engine, self._source, self._plan.concurrency):
                finals: list[Final] = []
                for outcome in ended:
                    if chatty:
                        _log_exchange(outcome)
                    final = self._fetches.settle(outcome)
                    if final is not None:
                        self._take(final, finals)
                yield from self._keep(finals)
        except Leave:
            pass
        yield from self._keep([], last=True)

    def _take(self, final: Final, finals: list[Final]) -> None:
        """What a request brought goes to the frontier; a page's own outcome into `finals`."""
        purpose = final.request.purpose
        if purpose is not Purpose.PAGE:
            self._discovery.learn(final)
            if purpose is Purpose.SITEMAP:
                self._frontier.finish(final.request, *_became(final))
            return
        finals.append(final)
        if self._discovery.has_links(final):
            assert isinstance(final, Response)
            found = extract(final, parser=self._plan.parser, agent=self._plan.agent)
            self._discovery.add_links(final, found)

    def _keep(self, finals: list[Final], *, last: bool = False) -> list[Final]:
        """Write what ended and make it last; it is what the caller may see then."""
        frontier, record = self._frontier, self._record
        finals += self._source.refused()
        for final in finals:
            record.write(final)
            frontier.finish(final.request, *_became(final))
        bad = self._source.bad_lines()
        for failure in bad:
            record.write(failure)
        if frontier.durable:
            synced = last or self._clock() >= self._sync_at
            if synced:
                record.sync()
                self._sync_at = self._clock() + SYNC
            frontier.commit(record.marks(), synced=synced)
        return [*finals, *bad]


class _Source:
    """The frontier, fed with the seeds, as long as the crawl goes on."""

    def __init__(
        self,
        seeds: Iterator[Request | Failure | Pause],
        plan: Plan,
        frontier: Frontier,
        discovery: Discovery,
        stop: Stop,
        window: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seeds = seeds
        self._dry = False
        self._few = min(_FEED, plan.concurrency)
        self._frontier = frontier
        self._discovery = discovery
        self._stop = stop
        self._window = window
        self._clock = clock
        self._proxied = bool(plan.network.proxy)
        self._whole = plan.links or plan.sitemaps  # the scope has to be known before anything else
        self._gap = 1.0 / plan.rate if plan.rate > 0 else 0.0
        self._next_start = 0.0
        self._max_pages = plan.max_pages
        counts = frontier.counts
        self._begun = counts[State.DONE] + counts[State.FAILED]
        self._refused: list[Final] = []
        self._bad: list[Failure] = []
        self.again = frontier.again
        self.may_retry = frontier.may_retry

    def take(self) -> Request | Pause | None:
        if self._stop.asked:
            return None
        now = 0.0
        if self._gap:
            now = self._clock()
            if now < self._next_start:
                return Pause(self._next_start - now)
        item = self._next()
        if isinstance(item, Request):
            if item.attempt == 1 and not item.via and item.purpose is Purpose.PAGE:
                self._begun += 1
            if self._gap:
                # From the planned instant, so that late wake-ups do not lower the rate.
                late = now - self._next_start
                self._next_start = (self._next_start if late < _CATCH_UP else now) + self._gap
        return item

    def ended(self, outcome: Outcome, rest: float, /) -> None:
        reply = outcome if isinstance(outcome, Response) else outcome.error.partial
        peer = "" if reply is None or self._proxied else reply.peer.rpartition(" ")[0]
        self._frontier.ended(
            outcome.request,
            answer(outcome),
            latency=outcome.timing.first_byte or outcome.elapsed,
            rest=rest,
            peer=peer,
        )

    def refused(self) -> list[Final]:
        """What was refused since the last call."""
        refused, self._refused = self._refused, []
        return refused

    def bad_lines(self) -> list[Failure]:
        """The lines of the input since the last call that were no requests."""
        bad, self._bad = self._bad, []
        return bad

    def _next(self) -> Request | Pause | None:
        turns = 0
        wait: Pause | None = None
        if self._whole and not self._dry:
            wait = self._feed(_MOST_IN_TURN)
            if not self._dry:
                return wait or _TURN
        while len(self._refused) + len(self._bad) + turns < _MOST_IN_TURN:
            item = self._frontier.take(new=self._may_begin())
            if isinstance(item, Request):
                return item
            if isinstance(item, Skip):
                self._note(item)
                continue
            if wait is not None or not self._is_hungry():
                if self._refused or self._bad:
                    return _TURN
                return _sooner(item, wait)
            wait = self._feed(self._few)
            turns += self._few
        return _TURN

    def _note(self, skip: Skip) -> None:
        purpose = skip.request.purpose
        if purpose is Purpose.PAGE:
            by_rule = skip.code.startswith(_RULES)
            self._refused.append(skip if by_rule else _failed(skip.request, skip.code, skip.reason))
        elif purpose is Purpose.SITEMAP:
            self._frontier.finish(skip.request, *_became(skip))

    def _may_begin(self) -> bool:
        return not self._max_pages or self._begun < self._max_pages

    def _is_hungry(self) -> bool:
        if self._dry or not self._may_begin():
            return False
        return not self._window or self._frontier.waiting < self._window

    def _feed(self, most: int) -> Pause | None:
        """Read the next `most` lines into the frontier; the Pause that stopped it."""
        for _ in range(most):
            item = next(self._seeds, None)
            if item is None:
                self._dry = True
                return None
            if isinstance(item, Pause):
                return item
            if isinstance(item, Failure):
                self._bad.append(item)
            elif self._frontier.add(item):
                self._discovery.seed(item)
            else:
                self._bad.append(_seen_before(item))
        return None


class _Watched:
    """An engine that is waited for in short steps, so that the loop sees the clock."""

    def __init__(self, engine: Engine, stop: Stop, tick: Callable[[int], None]) -> None:
        self.under_way = 0
        self._engine = engine
        self._stop = stop
        self._tick = tick
        self.close = engine.close

    def start(self, request: Request, /) -> None:
        self.under_way += 1
        self._engine.start(request)

    def wait(self, timeout: float | None, /) -> list[Outcome]:
        end = time.monotonic() + timeout if timeout is not None else None
        while True:
            self._tick(self.under_way)
            left = TICK if end is None else min(TICK, max(0.0, end - time.monotonic()))
            with self._stop.waiting():
                ended = self._engine.wait(left)
            if ended:
                self.under_way -= len(ended)
                return ended
            if self._stop.asked or (end is not None and time.monotonic() >= end):
                return []


def _sooner(one: Pause | None, other: Pause | None) -> Pause | None:
    if one is None or other is None:
        return one or other
    return one if one.seconds < other.seconds else other


def _seen_before(request: Request) -> Failure:
    return _failed(request, "url.duplicate", f"line {request.number}: seen before: {request.url}")


def _failed(request: Request, code: str, reason: str) -> Failure:
    """The outcome of a request that was never made."""
    error = FetchError(reason, code=code)
    return Failure(request, error, datetime.now(UTC), 0.0, attempts=0)


def _became(final: Final) -> tuple[State, Facts]:
    """The state of the URL, and what is kept of its outcome."""
    if isinstance(final, Skip):
        return State.SKIPPED, Facts(final.code)
    if isinstance(final, Failure):
        partial = final.error.partial
        return State.FAILED, Facts(final.error.code, partial.status if partial is not None else 0)
    if not final.ok:
        code = "body.truncated" if final.truncated else f"http.{final.status}"
        return State.FAILED, Facts(code, final.status)
    headers = final.headers
    known = dict(final.request.headers) if final.status == 304 else {}
    return State.DONE, Facts(
        "",
        final.status,
        headers.get("etag", known.get("If-None-Match", "")),
        headers.get("last-modified", known.get("If-Modified-Since", "")),
    )


def _log_exchange(outcome: Outcome) -> None:
    request = outcome.request
    log.debug(
        "exchange %s %s: %s in %.3f s (line %d, attempt %d)",
        request.method,
        request.url,
        outcome.error.code if isinstance(outcome, Failure) else outcome.status,
        outcome.elapsed,
        request.number,
        request.attempt,
    )
