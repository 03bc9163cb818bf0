"""A crawl without sockets: thousands of hosts as functions, and a clock that jumps to what is next.

    Crawl(paces) ── start ──► Host.reply(now, under_way) ── (seconds, answer, Retry-After) ──► end

It asks the paces as the frontier does and retries as the command does, so what is measured here is
what politeness decides, in simulated seconds.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from crawler.pace import Pace
from crawler.politeness import Answer, Politeness

if TYPE_CHECKING:
    from collections.abc import Callable

    Served = Callable[[float, int], "Reply"]

RETRIES = 2
SLOWEST_RETRY = 60.0


@dataclass(frozen=True)
class Reply:
    """How one exchange will end."""

    seconds: float
    answer: Answer = Answer.FINE
    retry_after: float = 0.0


@dataclass
class Host:
    """One server: `reply` is given the instant and how many it serves at once, with this one."""

    name: str
    reply: Served
    pages: int = 20
    gauge: int = 0
    peak: int = 0
    peaks: list[tuple[float, int]] = field(default_factory=list)  # (instant, under way) at starts
    starts: list[float] = field(default_factory=list)
    done: int = 0
    failed: int = 0
    ended: float = 0.0  # when its last page was settled


def honest(seconds: float = 0.1) -> Served:
    return lambda now, under_way: Reply(seconds)


def throttling(above: int, *, seconds: float = 0.1, retry_after: float = 0.0) -> Served:
    def reply(now: float, under_way: int) -> Reply:
        if under_way > above:
            return Reply(0.005, Answer.THROTTLED, retry_after)
        return Reply(seconds)

    return reply


def dying(at: float, *, until: float = math.inf, seconds: float = 0.1) -> Served:
    def reply(now: float, under_way: int) -> Reply:
        return Reply(10.0, Answer.LOST) if at <= now < until else Reply(seconds)

    return reply


def queueing(seconds: float = 0.1, *, each: int = 10) -> Served:
    """Its latency doubles with each further so many under way."""
    return lambda now, under_way: Reply(seconds * 2.0 ** (under_way / each))


def storming(retry_after: float = 0.0) -> Served:
    return lambda now, under_way: Reply(0.01, Answer.THROTTLED, retry_after)


def flaky(share: float, seed: int) -> Served:
    dice = random.Random(seed)

    def reply(now: float, under_way: int) -> Reply:
        return Reply(0.05, Answer.LOST) if dice.random() < share else Reply(0.1)

    return reply


class Crawl:
    """All pages of all hosts, at most `concurrency` at once."""

    def __init__(
        self,
        hosts: list[Host],
        politeness: Politeness,
        *,
        is_public: bool = True,
        robots: bool = False,
    ) -> None:
        self.now = 1000.0  # a monotonic clock begins anywhere
        self.hosts = {host.name: host for host in hosts}
        dice = random.Random(7)
        self.paces = {
            name: Pace(politeness, is_public=is_public, jitter=dice.uniform) for name in self.hosts
        }
        self.answers: Counter[Answer] = Counter()
        self.most = 0
        self._concurrency = politeness.concurrency
        self._lines = {name: deque([1] * host.pages) for name, host in self.hosts.items()}
        self._known = set[str]() if robots else set(self.hosts)
        self._turn = count()
        self._ready = deque(self.hosts)
        self._stands = set(self.hosts)  # in _ready or in _resting
        self._events: list[tuple[float, int, str, Reply | None, int]] = []
        self._under_way = 0

    def run(self, *, until: float = math.inf) -> None:
        """Until all is settled, or so many simulated seconds have passed."""
        end = self.now + until
        while self._step() and self.now < end:
            pass

    def _step(self) -> bool:
        self._start_all()
        if not self._events:
            return False
        self.now, _, name, reply, attempt = heapq.heappop(self._events)
        if reply is not None:
            self._end(name, reply, attempt)
        elif attempt:
            self._lines[name].appendleft(attempt)
        else:
            self._stands.discard(name)
        self._line_up(name)
        return True

    def _start_all(self) -> None:
        while self._ready and self._under_way < self._concurrency:
            name = self._ready.popleft()
            self._stands.discard(name)
            pace, line, host = self.paces[name], self._lines[name], self.hosts[name]
            if not line:
                continue
            if pace.dead:
                host.failed += len(line)
                host.ended = self.now
                line.clear()
                continue
            if self._wait(name) > 0:
                self._line_up(name)
                continue
            attempt = line.popleft()
            pace.start(self.now)
            self._under_way += 1
            self.most = max(self.most, self._under_way)
            host.gauge += 1
            host.peak = max(host.peak, host.gauge)
            host.starts.append(self.now)
            host.peaks.append((self.now, host.gauge))
            reply = host.reply(self.now, host.gauge)
            self._at(self.now + reply.seconds, name, reply, attempt)
            self._line_up(name)

    def _wait(self, name: str) -> float:
        """As the pace says; before the first answer, robots.txt, nothing else begins."""
        pace = self.paces[name]
        if name not in self._known and pace.under_way:
            return math.inf
        return pace.wait(self.now)

    def _end(self, name: str, reply: Reply, attempt: int) -> None:
        host, pace = self.hosts[name], self.paces[name]
        self._under_way -= 1
        host.gauge -= 1
        self.answers[reply.answer] += 1
        if reply.answer is Answer.FINE:
            self._known.add(name)
        again = reply.answer in (Answer.THROTTLED, Answer.LOST) and attempt <= RETRIES
        again = again and (bool(reply.retry_after) or pace.may_retry())
        pace.end(reply.answer, self.now, latency=reply.seconds, retry_after=reply.retry_after)
        if again:
            wait = reply.retry_after or min(SLOWEST_RETRY, 2.0 ** (attempt - 1)) / 2
            self._at(self.now + wait, name, None, attempt + 1)
            return
        if reply.answer is Answer.FINE:
            host.done += 1
        else:
            host.failed += 1
        host.ended = self.now

    def _line_up(self, name: str) -> None:
        if name in self._stands or not self._lines[name]:
            return
        pace = self.paces[name]
        wait = 0.0 if pace.dead else self._wait(name)
        if wait == math.inf:
            return
        self._stands.add(name)
        if wait > 0:
            self._at(self.now + wait, name, None, 0)
        else:
            self._ready.append(name)

    def _at(self, when: float, name: str, reply: Reply | None, attempt: int) -> None:
        heapq.heappush(self._events, (when, next(self._turn), name, reply, attempt))
