"""How much a host is asked for at once, and how long it rests. Pure: instants come in as numbers.

    start ──► end(answer) ──► window, rest ──► wait: now, in so many seconds, or when one has ended

Speed is earned: a public host begins with a few exchanges at once, and twice as many after each
round of clean answers. A host that says 429 or 503, drops connections, or answers three times
slower than it can, has its window halved, and from there it grows by one a round (additive
increase, multiplicative decrease: Chiu and Jain, 1989; slow start and threshold are TCP's, RFC
5681 3.1). The window that brought a 429 is tried again after more and more clean rounds. A fast
error never raises the rate. Five lost exchanges in a row park the host; then it is tried with one
at a time, and the next that is lost parks it for twice as long.

Hosts on this machine and in private networks are the user's own: no window, no delay, no rest, no
parking. What a host asks for by Retry-After or Crawl-delay holds for all.
Read beside it: politeness.py (the values), outage.py (our own network is down), frontier/_lines.py
"""

from __future__ import annotations

import math
import random
from statistics import median
from typing import TYPE_CHECKING

from crawler.politeness import Answer, Hold, Manners
from crawler.told import Told

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.politeness import Politeness

FIRST, FIRST_FOLLOWING = 4, 2  # exchanges at once with a public host that is not known yet
MOST_FOLLOWING = 4  # ... at most, where links are followed and nothing else was asked for
DELAY_FOLLOWING = 0.25  # seconds between two starts, where links are followed
MOST_DELAY = 30.0  # seconds
PER_ADDRESS = 4  # times the window of a host: what all hosts at one address may have
_MOST_RETRY_AFTER = 300.0  # seconds; the requests come again later all the same
_JITTER = (0.5, 1.5)  # times the delay of a crawl that follows links
_SLOW = 3.0  # times the best median of a round
_SLOW_FLOOR = 0.05  # seconds; below it nobody is slow
_REST, _MOST_REST = 1.0, 300.0  # seconds after a 429 without Retry-After; doubled each time
_LOST_IN_A_ROW = 5
_PARK, _MOST_PARK, _PARKS = 60.0, 1800.0, 10  # seconds, seconds, times
_MOST_PATIENCE = 64  # rounds before a window that was too large is tried again
_HEALED = 100  # answers in a row after which a host's parks are forgotten
_FREE_RETRIES = 10  # of one host; beyond them a tenth of its exchanges may be retries
_RETRY_SHARE = 0.1


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
        news: what `told` says may have changed; who keeps it sets this to False.
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
        self.news = False
        self._politeness = politeness
        self._jitter = jitter
        self.is_public = is_public
        self._most = _most(politeness, is_public=is_public)
        first = FIRST_FOLLOWING if politeness.follow else FIRST
        self.window = min(self._most, first) if is_public else self._most
        self._threshold = self._most  # below it a round doubles the window, from it on adds one
        self._ceiling = 0  # the window at which it was throttled last; 0 = none
        self._patience = 1  # clean rounds before the ceiling is tried again
        self._clean_rounds = 0
        self._crawl_delay = 0.0
        self._rest_until = 0.0
        self._hold = Hold.NONE  # why it rests
        self._next_start = 0.0
        self._latency = 0.0
        self._best = math.inf  # the best median of a round
        self._round: list[float] = []  # latencies since the window last changed
        self._forgiven = 0  # exchanges that began before the last brake
        self._parked_over = 0  # exchanges that were under way when it was parked
        self._answers_in_a_row = self._throttled_in_a_row = self._lost_in_a_row = 0
        self._retries = self._parks = 0
        self._started = -math.inf
        # for the manners
        self._exchanges = self._peak = self._throttled = self._asked = self._early = 0
        self._parked = 0
        self._gap = math.inf
        self._rested = 0.0

    def wait(self, now: float) -> float:
        """Seconds until an exchange may begin: 0.0 now, math.inf not before one has ended."""
        if self.under_way >= self.window:
            return math.inf
        if now >= self._rest_until and now >= self._next_start:
            return 0.0
        return max(self._rest_until - now, self._next_start - now)

    def hold(self, now: float) -> Hold:
        """What makes `wait` say what it says; of two, the one that lasts longer."""
        if self.under_way >= self.window:
            return Hold.WINDOW
        if self.wait(now) <= 0:
            return Hold.NONE
        if self._rest_until >= self._next_start:
            return self._hold
        return Hold.CRAWL_DELAY if self._crawl_delay else Hold.DELAY

    def start(self, now: float) -> None:
        """An exchange begins."""
        self.under_way = under_way = self.under_way + 1
        self._exchanges += 1
        if under_way > self._peak:
            self._peak = under_way
        gap = now - self._started
        if gap < self._gap:
            self._gap = gap
        if now < self._rest_until:
            self._early += 1
        self._started = now
        pause = self._pause()
        if pause:
            self._next_start = now + pause

    def end(
        self, answer: Answer, now: float, *, latency: float = 0.0, retry_after: float = 0.0
    ) -> None:
        """An exchange has ended; `retry_after` is what the host asked for, in seconds."""
        self.under_way -= 1
        forgiven = parked_over = False
        if self._forgiven:
            forgiven = True
            self._forgiven -= 1
        if self._parked_over:
            parked_over = True
            self._parked_over -= 1
        if answer is Answer.OURS:
            return
        self._answers_in_a_row += 1
        if answer is Answer.LOST:
            self._lose(now, forgiven=forgiven, parked_over=parked_over)
            return
        if self._lost_in_a_row:
            self._lost_in_a_row = 0
            self.news = True
        if answer is Answer.FINE:
            self._latency = latency
            if self._throttled_in_a_row or self._parks:
                self._heal()
            if self.is_public and not forgiven:
                self._clean(latency)
        elif answer is Answer.THROTTLED:
            self._throttle(now, retry_after, forgiven=forgiven)

    def rest(self, until: float, now: float, *, hold: Hold = Hold.ROBOTS) -> None:
        """Begin nothing before the instant `until`."""
        if until > self._rest_until:
            self._rested += until - max(now, self._rest_until)
            self._rest_until = until
            self._hold = hold
            self.news = True

    def may_retry(self) -> bool:
        """Whether the host's budget has another retry in it; if so it is taken.

        Call it before `end`. What was under way when the window was halved is not counted: however
        many the host refused or dropped at once, it was one misfortune, and its cause is mended.
        """
        if self._forgiven:
            return True
        if self._retries >= _FREE_RETRIES + _RETRY_SHARE * self._exchanges:
            return False
        self._retries += 1
        return True

    def crawl_delay(self, seconds: float) -> None:
        """Its robots.txt asks for so much between two requests: one at a time from now on."""
        if self._politeness.crawl_delay and seconds > 0:
            self._crawl_delay = min(seconds, MOST_DELAY)
            self._most = self.window = 1
            self._next_start = max(self._next_start, self._started + self._crawl_delay)

    def told(self, now: float) -> tuple[Told, float]:
        """What is to be remembered of it, and the instant until which it rests; 0.0 for none."""
        until = self._rest_until if self._rest_until > now else 0.0
        hold = self._hold.name if until else ""
        if not self.is_public:
            return Told(hold=hold), until
        is_braked = self._threshold < self._most
        return Told(
            self.window if is_braked else 0,
            self._threshold if is_braked else 0,
            self._ceiling,
            self._patience,
            self._throttled_in_a_row,
            self._lost_in_a_row,
            self._parks,
            hold,
        ), until

    def recall(self, told: Told, rest: float, now: float) -> None:
        """Begin as a host that told an earlier process so, and rests for `rest` seconds yet."""
        self._ceiling = told.ceiling
        self._patience = told.patience
        self._throttled_in_a_row = told.throttled
        self._lost_in_a_row = min(told.lost, _LOST_IN_A_ROW - 1)
        self._parks = told.parks
        self.dead = told.parks >= _PARKS
        if told.window:
            self.window = max(1, min(self._most, told.window))
            self._threshold = max(1, min(self._most, told.threshold))
        if rest > 0:
            hold = Hold.__members__.get(told.hold, Hold.RETRY_AFTER)
            self.rest(now + min(rest, _MOST_PARK), now, hold=hold)
        self.news = False

    def resumed(self, now: float) -> None:
        """An earlier process asked it, at any instant until `now`."""
        self._started = max(self._started, now)
        self._next_start = max(self._next_start, now + self._pause())

    def is_own(self) -> None:
        """The host turned out to be on this machine or in a private network."""
        if not self.is_public:
            return
        self.is_public = False
        if not self._crawl_delay:
            self._most = self.window = _most(self._politeness, is_public=False)

    def manners(self, now: float = math.inf) -> Manners:
        """What the host had to bear until `now`."""
        rested = max(0.0, self._rested - max(0.0, self._rest_until - now))
        return Manners(
            self._exchanges, self._peak, self._gap, self._throttled, self._asked, self._early,
            rested, self._parked, self.window, self._crawl_delay, self.is_public, self.dead,
        )  # fmt: skip

    def _pause(self) -> float:
        """Seconds between a start and the next."""
        if self._crawl_delay:
            return max(self._crawl_delay, self._politeness.delay)
        if self._politeness.delay:
            return self._politeness.delay
        if not self.is_public or not self._politeness.follow:
            return 0.0
        return min(MOST_DELAY, max(DELAY_FOLLOWING, self._latency) * self._jitter(*_JITTER))

    def _heal(self) -> None:
        """A clean answer after trouble."""
        self._throttled_in_a_row = 0
        if self._answers_in_a_row >= _HEALED:
            self._parks = 0
        self.news = True

    def _clean(self, latency: float) -> None:
        """A clean answer; after a round of them the window grows."""
        self._round.append(latency)
        if len(self._round) < self.window:
            return
        middle = median(self._round)
        self._round.clear()
        if self.window == 1:
            self._best = middle  # alone, a host is as slow as it is
        elif middle > max(_SLOW_FLOOR, _SLOW * self._best):
            self._brake()
            return
        self._best = min(self._best, middle)
        self._clean_rounds += 1
        self._grow()

    def _grow(self) -> None:
        grown = min(self._most, max(self.window + 1, min(2 * self.window, self._threshold)))
        if self.window < self._ceiling <= grown and self._clean_rounds < self._patience:
            return
        if self._ceiling and self.window >= self._ceiling:
            self._ceiling, self._patience = 0, 1  # it bears more than it did
            self.news = True
        self.window = grown
        self._clean_rounds = 0

    def _brake(self) -> None:
        self._round.clear()
        self._clean_rounds = 0
        self._forgiven = self.under_way
        if self.is_public:
            self.window = self._threshold = max(1, self.window // 2)
            self.news = True

    def _throttle(self, now: float, retry_after: float, *, forgiven: bool) -> None:
        self._throttled += 1
        self._answers_in_a_row = 0
        if not forgiven:
            self._throttled_in_a_row += 1
            self._ceiling = self.window
            self._patience = min(_MOST_PATIENCE, 2 * self._patience)
            self._brake()
        if retry_after > 0:
            self._asked += 1
            self.rest(now + min(_MOST_RETRY_AFTER, retry_after), now, hold=Hold.RETRY_AFTER)
        elif self.is_public and not forgiven:
            doubled = _REST * 2.0 ** min(self._throttled_in_a_row - 1, 10)
            self.rest(now + min(_MOST_REST, doubled), now, hold=Hold.THROTTLED)

    def _lose(self, now: float, *, forgiven: bool, parked_over: bool) -> None:
        self._answers_in_a_row = 0
        if not forgiven:
            self._brake()
        if not self.is_public or parked_over:
            return  # one misfortune is not counted twice
        self._lost_in_a_row += 1
        self.news = True
        if self._lost_in_a_row < _LOST_IN_A_ROW:
            return
        self._lost_in_a_row = _LOST_IN_A_ROW - 1  # the next one in this row parks it again
        self.window = 1
        self._parked_over = self.under_way
        self._parks += 1
        self._parked += 1
        self.dead = self._parks >= _PARKS
        pause = min(_MOST_PARK, _PARK * 2.0 ** (self._parks - 1))
        self.rest(now + pause, now, hold=Hold.PARKED)


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
