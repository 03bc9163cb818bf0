"""The frontier as a source: fed with the seeds as there is need, as long as the crawl goes on.

    seeds ──► frontier ──► take ──► drive        a rate over all, a most of pages, a stop; what the
                 │                               frontier refuses is gathered for the records
                 └── refused, bad lines ──► records

Read beside it: crawling.py, frontier/_lines.py.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from crawler.became import became, never_made
from crawler.contracts import State
from crawler.model import Failure, Pause, Purpose, Request, Response, Skip
from crawler.ordered import Ordered
from crawler.outage import MOST, Outage
from crawler.politeness import Answer, answer
from crawler.stopping import LOCAL_FAULT
from crawler.why import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from crawler.contracts import Frontier
    from crawler.discovery import Discovery
    from crawler.model import Final, Outcome
    from crawler.parsing import Parsers
    from crawler.plan import Plan
    from crawler.stopping import Stop

log = logging.getLogger(__name__)

_TURN = Pause(0.0)
_LOOK = Pause(0.005)  # seconds between two looks for what was parsed elsewhere
_FEED = 64  # lines of the input read at once, at most
_MOST_IN_TURN = 500  # lines without a request before the exchanges under way get a turn
_CATCH_UP = 0.1  # seconds a start may be late and still be made up for
_NETWORK = 1.0  # seconds until what our network failed is in the line again
_RULES = ("policy.", "robots.disallowed", "url.")  # what is refused by them is no failure


class Fed:
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
        before: int = 0,
        missing: Iterable[int] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ordered = Ordered(before, plan.ordered, missing) if plan.ordered else None
        self._read = before  # number of the last line
        self._seeds = seeds
        self._dry = False
        self._few = min(_FEED, plan.concurrency)
        self._frontier = frontier
        self._discovery = discovery
        self._stop = stop
        self._window = window
        self._clock = clock
        self._proxied = bool(plan.network.proxy)
        self._whole = (
            plan.links or plan.sitemaps or plan.requisites
        )  # the scope has to be known before anything else
        self._gap = 1.0 / plan.rate if plan.rate > 0 else 0.0
        self._next_start = 0.0
        self._max_pages = plan.max_pages
        counts = frontier.counts
        self._begun = counts[State.DONE] + counts[State.FAILED]
        self._concurrency = plan.concurrency
        self._under_way = 0
        self.parsers: Parsers | None = None
        self._refused: list[Final] = []
        self._bad: list[Failure] = []
        self._outage = Outage(clock=clock)
        self.reason = Reason.SERVERS  # why no more can begin than have
        self.due = ""  # the host that is due first, where hosts rest
        self.again = frontier.again
        self.may_retry = frontier.may_retry

    def take(self) -> Request | Pause | None:
        """What may begin now: see `contracts.Source`."""
        if self._stop.asked:
            return None
        now = self._clock()
        held = self._held(now)
        if held is not None:
            return held
        item = self._next()
        self.reason = Reason.SERVERS if isinstance(item, Request) else self.reason
        if self.parsers is not None and self.parsers.pending and not isinstance(item, Request):
            return _sooner(item, _LOOK)
        if isinstance(item, Request):
            self._under_way += 1
            if item.attempt == 1 and not item.via and item.purpose is Purpose.PAGE:
                self._begun += 1
            if self._gap:
                # From the planned instant, so that late wake-ups do not lower the rate.
                late = now - self._next_start
                self._next_start = (self._next_start if late < _CATCH_UP else now) + self._gap
        return item

    def _held(self, now: float) -> Pause | None:
        """The pause that holds for whatever comes next."""
        self.due = ""
        pause = self._outage.pause()
        if pause:
            if self._outage.is_over:
                self._stop.ask(LOCAL_FAULT, f"no network for {MOST:g} s")
            self.reason = Reason.NETWORK
            return Pause(pause)
        if self._gap and now < self._next_start:
            self.reason = Reason.RATE
            return Pause(self._next_start - now)
        parsed = self.parsers.pending if self.parsers is not None else 0
        if parsed and self._under_way + parsed >= self._concurrency:
            self.reason = Reason.PARSERS
            return _LOOK  # what is not committed is fetched again after a kill
        return None

    def _explain(self, wait: Pause | None) -> None:
        """Why nothing can begin, for whoever asks why the crawl is not faster."""
        self.reason, self.due = self._frontier.waits_for()
        if self.reason is Reason.LAST and wait is not None:
            self.reason = Reason.INPUT

    def ended(self, outcome: Outcome, rest: float, /) -> None:
        """An exchange ended; its host asked for `rest` seconds."""
        self._end(outcome, answer(outcome), rest)

    def _end(self, outcome: Outcome, how: Answer, rest: float) -> None:
        self._under_way -= 1
        reply = outcome if isinstance(outcome, Response) else outcome.error.partial
        peer = "" if reply is None or self._proxied else reply.peer.rpartition(" ")[0]
        self._frontier.ended(
            outcome.request,
            how,
            latency=outcome.timing.first_byte or outcome.elapsed,
            rest=rest,
            peer=peer,
        )

    def took_back(self, outcome: Outcome) -> bool:
        """Whether it failed for our network's sake and waits for another time."""
        before = self._outage.since
        if not self._outage.told(outcome):
            return False
        if not before:
            log.warning("the network is down (%s): waiting for it", _code(outcome))
        self._end(outcome, Answer.OURS, 0.0)
        self.again(outcome.request, after=_NETWORK)
        return True

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
                self._explain(wait)
                return _sooner(item, wait)
            wait = self._feed(self._few)
            turns += self._few
        return _TURN

    def _note(self, skip: Skip) -> None:
        purpose = skip.request.purpose
        if purpose is Purpose.PAGE:
            by_rule = skip.code.startswith(_RULES)
            self._refused.append(
                skip if by_rule else never_made(skip.request, skip.code, skip.reason)
            )
        elif purpose is Purpose.SITEMAP:
            self._frontier.finish(skip.request, *became(skip))

    def _may_begin(self) -> bool:
        return not self._max_pages or self._begun < self._max_pages

    def _is_hungry(self) -> bool:
        if self._dry or not self._may_begin():
            return False
        if not self._may_read():
            return False
        return not self._window or self._frontier.waiting < self._window

    def _may_read(self) -> bool:
        # Where all lines are read before anything begins, none can be left for later.
        return self.ordered is None or self._whole or self.ordered.may_read(self._read)

    def _feed(self, most: int) -> Pause | None:
        """Read the next `most` lines into the frontier; the Pause that stopped it."""
        for _ in range(most):
            if not self._may_read():
                return None
            item = next(self._seeds, None)
            self._read = max(self._read, _number(item))
            if item is None:
                self._dry = True
                return None
            if isinstance(item, Pause):
                return item
            if isinstance(item, Failure):
                self._bad.append(item)
            elif self._frontier.add(item):
                self._discovery.seed(item)
                if self.ordered is not None and item.purpose is not Purpose.PAGE:
                    self.ordered.passes(item.number)
            else:
                self._bad.append(_seen_before(item))
        return None


def _number(item: Request | Failure | Pause | None) -> int:
    if isinstance(item, Request):
        return item.number
    return item.request.number if isinstance(item, Failure) else 0


def _code(outcome: Outcome) -> str:
    return outcome.error.code if isinstance(outcome, Failure) else ""


def _sooner(one: Pause | None, other: Pause | None) -> Pause | None:
    if one is None or other is None:
        return one or other
    return one if one.seconds < other.seconds else other


def _seen_before(request: Request) -> Failure:
    # Its number counts URLs: no line of a file that has comments.
    return never_made(request, "url.duplicate", f"seen before: {request.url}")
