"""How much a host is asked for at once, and how long it rests. Pure: instants come in as numbers.

    start ──► end(answer) ──► window, rest ──► wait: now, in so many seconds, or when one has ended

Speed is earned: a public host begins with a few exchanges at once, and twice as many after each
round of clean answers. A host that says 429 or 503, drops connections, or answers three times
slower than it can, has its window halved, and from then on it grows by one a round (additive
increase, multiplicative decrease: Chiu and Jain, 1989; the slow start is TCP's, RFC 5681 3.1). A
fast error never raises the rate. Five lost exchanges in a row park the host.

Hosts on this machine and in private networks are the user's own: no window, no delay, no parking.
What a host asks for by Retry-After or Crawl-delay holds for all.
"""

from __future__ import annotations

import enum
import math
import random
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from crawler.model import Failure, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.model import Outcome

FIRST, FIRST_FOLLOWING = 4, 2  # exchanges at once with a public host that is not known yet
MOST_FOLLOWING = 4  # ... at most, where links are followed and nothing else was asked for
DELAY_FOLLOWING = 0.25  # seconds between two starts, where links are followed
MOST_DELAY = 30.0  # seconds
PER_ADDRESS = 4  # times the window of a host: what all hosts at one address may have
_SLOW = 3.0  # times the best median of a round
_SLOW_FLOOR = 0.05  # seconds; below it nobody is slow
_THROTTLED = frozenset({429, 503})
_REST, _MOST_REST = 1.0, 300.0  # seconds after a 429 without Retry-After; doubled each time
_LOST_IN_A_ROW = 5
_PARK, _MOST_PARK, _PARKS = 60.0, 1800.0, 10  # seconds, seconds, times
_FREE_RETRIES = 10  # of one host; beyond them a tenth of its exchanges may be retries
_RETRY_SHARE = 0.1


class Answer(enum.Enum):
    """How an exchange went, as far as its host's pace is concerned."""

    FINE = "an answer"
    ERROR = "an answer that says nothing about load, or an error of the page's own"
    THROTTLED = "429 or 503: too much"
    LOST = "no connection, no answer in time, or a connection dropped"
    OURS = "our own side failed"


@dataclass(frozen=True, slots=True)
class Politeness:
    """What the user asked for."""

    per_host: int = 0  # most exchanges with one public host; 0 = by rule
    concurrency: int = 16  # most exchanges in all
    earned: bool = False  # `concurrency` was given: a public host may earn all of it
    delay: float = 0.0  # seconds between two starts to one host; 0.0 = by rule
    follow: bool = False  # links are followed: the gentler rules
    crawl_delay: bool = True  # the Crawl-delay of robots.txt is obeyed


@dataclass(frozen=True, slots=True)
class Manners:
    """What a host had to bear."""

    exchanges: int
    peak: int  # most under way at once
    gap: float  # seconds, the smallest between two starts; math.inf with less than two
    throttled: int  # 429 and 503 it sent
    rested: float  # seconds it was left alone because it asked, or because it was parked
    parked: int  # times
    window: int  # at the end
    crawl_delay: float  # seconds; 0.0 where it asks for none


_LOST_FAMILIES = ("connect.", "net.", "timeout.", "tls.eof", "tls.reset")


def answer(outcome: Outcome) -> Answer:
    """How the exchange went."""
    if isinstance(outcome, Response):
        if outcome.status in _THROTTLED:
            return Answer.THROTTLED
        return Answer.FINE if outcome.status < 400 else Answer.ERROR
    return _failed(outcome)


def _failed(outcome: Failure) -> Answer:
    code = outcome.error.code
    if code.startswith("local.") or code == "connect.unreachable":
        return Answer.OURS
    return Answer.LOST if code.startswith(_LOST_FAMILIES) else Answer.ERROR


class Pace:
    """One host's pace.

    Args:
        politeness: what the user asked for.
        is_public: the host is not the user's own.
        jitter: gives a random number between its two arguments.

    Attributes:
        under_way: exchanges of the host.
        window: most of them at once, now.
        is_public: the host is not the user's own, as far as is known.
        dead: it was parked so often that it is given up.
    """

    def __init__(
        self,
        politeness: Politeness,
        *,
        is_public: bool,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.under_way = 0
        self.dead = False
        self._politeness = politeness
        self._jitter = jitter
        self.is_public = is_public
        self._most = _most(politeness, is_public=is_public)
        first = FIRST_FOLLOWING if politeness.follow else FIRST
        self.window = min(self._most, first) if is_public else self._most
        self._delay = politeness.delay
        self._crawl_delay = 0.0
        self._rest_until = 0.0
        self._next_start = 0.0
        self._latency = 0.0
        self._best = math.inf  # the best median of a round
        self._round: list[float] = []  # latencies since the window last changed
        self._slow_start = True
        self._forgiven = 0  # exchanges that began before the last brake
        self._throttled_in_a_row = 0
        self._lost_in_a_row = 0
        self._retries = 0
        self._parks = 0
        self._started = -math.inf
        # for the manners
        self._exchanges = self._peak = self._throttled = 0
        self._gap = math.inf
        self._rested = 0.0

    def wait(self, now: float) -> float:
        """Seconds until an exchange may begin: 0.0 now, math.inf not before one has ended."""
        if self.under_way >= self.window:
            return math.inf
        return max(0.0, self._rest_until - now, self._next_start - now)

    def start(self, now: float) -> None:
        """An exchange begins."""
        self.under_way += 1
        self._exchanges += 1
        self._peak = max(self._peak, self.under_way)
        self._gap = min(self._gap, now - self._started)
        self._started = now
        pause = self._pause()
        if pause:
            self._next_start = now + pause

    def end(
        self, answer: Answer, now: float, *, latency: float = 0.0, retry_after: float = 0.0
    ) -> None:
        """An exchange has ended; `retry_after` is what the host asked for, in seconds."""
        self.under_way -= 1
        forgiven = self._forgiven > 0
        self._forgiven -= forgiven
        if answer is Answer.FINE:
            self._lost_in_a_row = self._throttled_in_a_row = 0
            self._latency = latency
            if not forgiven:
                self._clean(latency)
        elif answer is Answer.ERROR:
            self._lost_in_a_row = 0
        elif answer is Answer.THROTTLED:
            self._lost_in_a_row = 0
            self._throttled += 1
            self._throttle(now, retry_after, forgiven=forgiven)
        elif answer is Answer.LOST:
            self._lose(now, forgiven=forgiven)

    def rest(self, until: float, now: float) -> None:
        """Begin nothing before the instant `until`."""
        if until > self._rest_until:
            self._rested += until - max(now, self._rest_until)
            self._rest_until = until

    def may_retry(self) -> bool:
        """Whether the host's budget has another retry in it; if so it is taken."""
        if self._retries >= _FREE_RETRIES + _RETRY_SHARE * self._exchanges:
            return False
        self._retries += 1
        return True

    def crawl_delay(self, seconds: float) -> None:
        """Its robots.txt asks for so much between two requests: one at a time from now on."""
        if self._politeness.crawl_delay and seconds > 0:
            self._crawl_delay = min(seconds, MOST_DELAY)
            self._most = self.window = 1

    def is_own(self) -> None:
        """The host turned out to be on this machine or in a private network."""
        if self.is_public and not self._crawl_delay:
            self.is_public = False
            self._most = self.window = _most(self._politeness, is_public=False)

    def manners(self) -> Manners:
        """What the host had to bear so far."""
        return Manners(
            self._exchanges, self._peak, self._gap, self._throttled, self._rested, self._parks,
            self.window, self._crawl_delay,
        )  # fmt: skip

    def _pause(self) -> float:
        """Seconds between a start and the next."""
        if self._crawl_delay:
            return max(self._crawl_delay, self._delay)
        if self._delay:
            return self._delay
        if not self.is_public or not self._politeness.follow:
            return 0.0
        return min(MOST_DELAY, max(DELAY_FOLLOWING, self._latency) * self._jitter(0.5, 1.5))

    def _clean(self, latency: float) -> None:
        """A clean answer; after a round of them the window grows."""
        self._round.append(latency)
        if len(self._round) < self.window:
            return
        middle = median(self._round)
        self._round.clear()
        if not self.is_public:
            return
        if middle > max(_SLOW_FLOOR, _SLOW * self._best):
            self._brake()
            return
        self._best = min(self._best, middle)
        if self.window < self._most:
            grown = 2 * self.window if self._slow_start else self.window + 1
            self.window = min(self._most, grown)

    def _brake(self) -> None:
        self._slow_start = False
        self._round.clear()
        self._forgiven = self.under_way
        if self.is_public:
            self.window = max(1, self.window // 2)

    def _throttle(self, now: float, retry_after: float, *, forgiven: bool) -> None:
        if not forgiven:
            self._throttled_in_a_row += 1
            self._brake()
            if not retry_after:
                doubled = _REST * 2.0 ** min(self._throttled_in_a_row - 1, 10)
                self.rest(now + min(_MOST_REST, doubled), now)
        if retry_after:
            self.rest(now + retry_after, now)

    def _lose(self, now: float, *, forgiven: bool) -> None:
        self._lost_in_a_row += 1
        if not forgiven:
            self._brake()
        if self.is_public and self._lost_in_a_row >= _LOST_IN_A_ROW:
            self._lost_in_a_row = 0
            self._parks += 1
            self.dead = self._parks >= _PARKS
            self.rest(now + min(_MOST_PARK, _PARK * 2.0 ** (self._parks - 1)), now)


def pace_of(politeness: Politeness, origin: str, *, is_public: bool) -> Pace:
    """The pace of a host."""
    return Pace(politeness, is_public=is_public)


def _most(politeness: Politeness, *, is_public: bool) -> int:
    """What one host may have at once when all goes well."""
    if politeness.per_host:
        return min(politeness.per_host, politeness.concurrency)
    if not is_public:
        return politeness.concurrency
    if politeness.follow:
        return min(MOST_FOLLOWING, politeness.concurrency)
    return politeness.concurrency if politeness.earned else min(FIRST, politeness.concurrency)
