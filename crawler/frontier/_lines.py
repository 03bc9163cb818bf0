"""Which host may have a request now: every host has a line, and politeness says when it moves.

    put ──► [line of a] ─┐   a line is   ready     in `_ready`, in turn
            [line of b] ─┼─►             resting   in `_resting`, until its instant
            [line of c] ─┘               busy      in neither: an exchange of it has to end first
                                         empty     in neither

A line whose host has no rules yet begins with its robots.txt, and stands still until they are
known. No step costs more than a heap operation, however many hosts and requests there are.
Read beside it: politeness.py (how long a line waits), memory.py and sqlite.py (what fills lines).
"""

from __future__ import annotations

import heapq
import math
import time
from collections import deque
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from crawler import addresses
from crawler.frontier._line import DEAD, Address, Line
from crawler.model import Pause, Purpose, Request, Skip
from crawler.robots import ALLOW_ALL
from crawler.why import OF_HOLD, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from crawler.pace import Pace
    from crawler.politeness import Answer
    from crawler.robots import Robots, Rules

_BLOCKED = "policy.address_blocked"
_FIRST = -1  # the depth under which robots.txt, hops and retries stand: before all pages
_RULES_LAST = 24 * 3600.0  # seconds: RFC 9309 2.4
_UNREACHABLE = 3  # times robots.txt may be unreachable before its host is given up


class Lines:
    """The lines of all hosts.

    Args:
        pace_of: makes the pace of an origin.
        robots: every host's robots.txt comes first.
        fields: the header fields it is asked for with.
        per_address: most exchanges under way at one public address; 0 = no limit.
        is_public: whether an address is not the user's own.
        clock: a monotonic clock, in seconds.

    Attributes:
        waiting: requests in lines, and those that come again later.
        by_origin: the lines.
        forgotten: called with a line that is forgotten.
        told: called with a line whose host has told something.
    """

    def __init__(
        self,
        pace_of: Callable[[str], Pace],
        *,
        robots: bool = True,
        fields: tuple[tuple[str, str], ...] = (),
        per_address: int = 0,
        is_public: Callable[[str], bool] = addresses.is_public,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.waiting = 0
        self.by_origin: dict[str, Line] = {}
        self.forgotten: Callable[[Line], None] | None = None
        self.told: Callable[[Line], None] | None = None
        self._pace_of = pace_of
        self._robots = robots
        self._fields = fields
        self._per_address = per_address
        self._is_public = is_public
        self._clock = clock
        self._turn = count()
        self._ready: deque[Line] = deque()
        self._resting: list[tuple[float, int, Line]] = []
        self._later: list[tuple[float, int, Request]] = []
        self._addresses: dict[str, Address] = {}

    @property
    def resting(self) -> int:
        """Hosts with something to do that may not have it yet."""
        return len(self._resting)

    def line(self, origin: str) -> Line:
        """The line of that origin, made when there is none."""
        line = self.by_origin.get(origin)
        if line is None:
            line = self.by_origin[origin] = Line(origin, self._pace_of(origin))
        return line

    def put(self, request: Request, *, first: bool = False) -> None:
        """Queue the request; `first` before all pages of its host."""
        line = self.line(request.origin)
        depth = _FIRST if first or request.purpose is Purpose.ROBOTS else request.depth
        heapq.heappush(line.queue, (depth, next(self._turn), request))
        self.waiting += 1
        self._line_up(line)

    def again(self, request: Request, *, after: float = 0.0) -> None:
        """Queue a hop or a retry, not before `after` seconds."""
        if after > 0:
            heapq.heappush(self._later, (self._clock() + after, next(self._turn), request))
            self.waiting += 1
        else:
            self.put(request, first=True)

    def take(self, *, new: bool = True) -> Request | Skip | Pause | None:
        """What may begin now: see `contracts.Frontier`."""
        now = self._clock()
        while self._later and self._later[0][0] <= now:
            self.waiting -= 1
            self.put(heapq.heappop(self._later)[2], first=True)
        while self._resting and self._resting[0][0] <= now:
            self._ready.append(heapq.heappop(self._resting)[2])
        while self._ready:
            line = self._ready.popleft()
            line.waits = False
            item = self._of(line, now, new=new)
            if item is not None:
                return item
        due = min(
            self._resting[0][0] if self._resting else math.inf,
            self._later[0][0] if self._later else math.inf,
        )
        return Pause(max(0.0, due - now)) if due < math.inf else None

    def waits_for(self) -> tuple[Reason, str]:
        """Why `take` gave no request, and the host that is due first."""
        if self._resting and (not self._later or self._resting[0][0] <= self._later[0][0]):
            line = self._resting[0][2]
            return OF_HOLD[line.pace.hold(self._clock())], line.origin
        if self._later:
            return Reason.RETRY, ""
        return (Reason.WINDOW if self.waiting else Reason.LAST), ""

    def ended(
        self, request: Request, answer: Answer, *, latency: float, rest: float, peer: str
    ) -> None:
        """An exchange with the request's host ended: see `contracts.Frontier`."""
        line = self.by_origin[request.origin]
        line.pace.end(answer, self._clock(), latency=latency, retry_after=rest)
        if line.pace.news:
            self._tell(line)
        if line.pace.dead and not line.refused:
            line.refused, line.reason = DEAD
        if line.address is not None:
            line.address.under_way -= 1
            self._release(line.address)
        elif peer:
            self._meet(line, peer)
        self._line_up(line)

    def may_retry(self, request: Request) -> bool:
        """Whether the budget of the request's host has another retry in it; if so it is used."""
        return self.line(request.origin).pace.may_retry()

    def learn(self, origin: str, robots: Robots) -> None:
        """What came of the origin's robots.txt."""
        line = self.line(origin)
        line.asked = False
        if robots.rules is not None:
            self.obey(line, robots.rules)
        elif robots.code == _BLOCKED and line.asked_public:
            line.blocked = robots.reason  # a seed may name this host all the same
        elif not line.pace.is_public:
            self.obey(line, ALLOW_ALL)  # the user's own host: nobody else's rules are missing
        else:
            line.rules = None
            line.tries += 1
            if not robots.retry_in or line.tries >= _UNREACHABLE:
                line.refused, line.reason = robots.code, robots.reason
            else:
                now = self._clock()
                line.pace.rest(now + robots.retry_in, now)
            self._tell(line)
        self._line_up(line)

    def obey(self, line: Line, rules: Rules, *, age: float = 0.0) -> None:
        """Give the line its rules, which were read `age` seconds ago."""
        line.rules = rules
        line.read_at = self._clock() - age
        line.rules_until = line.read_at + _RULES_LAST
        if line.tries:
            line.tries = 0
            self._tell(line)
        if rules.delay:
            line.pace.crawl_delay(rules.delay)

    def sweep(self, *, keep: Container[str] = ()) -> None:
        """Forget the lines that have nothing to do and no rest to keep, and are not in `keep`."""
        now = self._clock()
        for origin, line in list(self.by_origin.items()):
            if line.is_idle and origin not in keep and line.pace.wait(now) == 0:
                if self.forgotten is not None:
                    self.forgotten(line)
                del self.by_origin[origin]

    def _tell(self, line: Line) -> None:
        line.pace.news = False
        if self.told is not None:
            self.told(line)

    def _of(self, line: Line, now: float, *, new: bool) -> Request | Skip | None:
        """What the line has now; None when it has to wait, and then it is put where it does."""
        request = self._startable(line, now, new=new)
        if not isinstance(request, Request):
            # The place at the address that the line would have taken is another's.
            if line.address is not None:
                self._release(line.address)
            return request
        if self._lacks_rules(line, request, now):
            line.asked = True
            line.asked_public = request.public_only
            request = Request(
                f"{line.origin}/robots.txt",
                self._fields,
                purpose=Purpose.ROBOTS,
                since=now,
                public_only=request.public_only,  # what leads to a page leads to its rules
            )
        else:
            self._pop(line)
            if line.is_public and not request.public_only:
                # Its name led outside; where it leads inside by now, somebody else says so.
                request = replace(request, public_only=True)
        line.pace.start(now)
        if line.address is not None:
            line.address.under_way += 1
        self._line_up(line)
        return request

    def _startable(self, line: Line, now: float, *, new: bool) -> Request | Skip | None:
        """The first of the line, still in it, when it may begin now."""
        if not line.queue:
            return None
        depth, _, request = line.queue[0]
        refused, reason = self._refused(line, request)
        if refused:
            self._pop(line)
            self._line_up(line)
            return Skip(request, refused, reason)
        if (not new and depth > _FIRST) or self._waits(line, now):
            return None
        return request

    def _pop(self, line: Line) -> None:
        heapq.heappop(line.queue)
        self.waiting -= 1

    def _lacks_rules(self, line: Line, request: Request, now: float) -> bool:
        if not self._robots or request.purpose is Purpose.ROBOTS:
            return False
        return line.rules is None or now >= line.rules_until

    def _refused(self, line: Line, request: Request) -> tuple[str, str]:
        """The code and the reason why the request is not made; empty when it is."""
        if line.refused:
            return line.refused, line.reason
        if request.purpose is Purpose.ROBOTS:
            return "", ""
        if line.blocked and request.public_only:
            return _BLOCKED, line.blocked
        if line.rules is None:
            return "", ""
        verdict = line.rules.verdict(request.url)
        return ("", "") if verdict.allowed else ("robots.disallowed", verdict.line)

    def _line_up(self, line: Line) -> None:
        """Put the line where its state belongs, unless it stands somewhere already."""
        if line.waits or not line.queue:
            return
        if line.asked and not line.refused and line.queue[0][2].purpose is not Purpose.ROBOTS:
            return
        if line.refused or not self._waits(line, self._clock()):
            line.waits = True
            self._ready.append(line)

    def _waits(self, line: Line, now: float) -> bool:
        """Whether the line has to wait; if so it is where it will be found again."""
        wait = line.pace.wait(now)
        if wait == math.inf:
            return True  # until one of its own ends
        if wait > 0:
            line.waits = True
            heapq.heappush(self._resting, (now + wait, next(self._turn), line))
            return True
        address = line.address
        if address is not None and address.under_way >= address.most:
            line.waits = True
            address.blocked.append(line)
            return True
        return False

    def _meet(self, line: Line, peer: str) -> None:
        """The line's address became known."""
        if peer == line.peer:
            return
        line.peer = peer
        line.is_public = line.is_public or addresses.is_public(peer)
        if not self._is_public(peer):
            line.pace.is_own()
        elif self._per_address:
            address = self._addresses.get(peer)
            if address is None:
                address = self._addresses[peer] = Address(self._per_address)
            line.address = address
            address.under_way += line.pace.under_way

    def _release(self, address: Address) -> None:
        """Let the next line have a place at the address, when there is one."""
        while address.blocked and address.under_way < address.most:
            line = address.blocked.popleft()
            line.waits = False
            self._line_up(line)
            if line.waits:
                return
