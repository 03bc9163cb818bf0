"""A list of requests, taken lazily, with host queues where hosts have limits.

    input ──► [host queue a] ─┐                   a host is in exactly one of four states:
              [host queue b] ─┼─ ready, in turn   empty, ready (in `_ready`), resting (in `_resting`
              [host queue c] ─┘                   until its time), or busy (at `per_host`)

Without limits per host there are no host queues: requests pass straight through. With them, as
many requests as `window` wait in memory, so that a host at its limit does not hold up the others.
No step costs more than a heap operation, however many hosts there are.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from itertools import count
from typing import TYPE_CHECKING

from crawler.model import Pause, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WINDOW = 10_000  # requests waiting in host queues at most: some 5 MB
_CATCH_UP = 0.1  # seconds a start may be late and still be made up for
_SWEEP = 1_000  # hosts known before the first look for idle ones


class _Host:
    """One origin's line."""

    __slots__ = ("not_before", "queue", "under_way", "waits")

    def __init__(self) -> None:
        self.queue: deque[Request] = deque()
        self.under_way = 0
        self.not_before = 0.0  # monotonic instant
        self.waits = False  # it stands in _ready or _resting


class Listed:
    """A `Source` over an iterator, with limits per host and over all.

    Args:
        requests: what to fetch; a Pause in it means "nothing has arrived yet".
        per_host: most requests of one origin under way at once; 0 = no limit.
        delay: seconds between two starts to one origin.
        rate: starts per second over all; 0 = no limit.
        window: most requests held back for their hosts.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        requests: Iterator[Request | Pause],
        *,
        per_host: int = 0,
        delay: float = 0.0,
        rate: float = 0.0,
        window: int = WINDOW,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._input = requests
        self._dry = False
        self._per_host = per_host
        self._delay = delay
        self._gap = 1.0 / rate if rate > 0 else 0.0
        self._window = window
        self._clock = clock
        self._next_start = 0.0
        self._order = count()
        self._later: list[tuple[float, int, Request]] = []
        self._again: deque[Request] = deque()
        self._hosts: dict[str, _Host] = {}
        self._ready: deque[str] = deque()
        self._resting: list[tuple[float, str]] = []
        self._sweep_at = _SWEEP
        self._waiting = 0  # requests in host queues
        self._by_host = bool(per_host or delay)

    def take(self) -> Request | Pause | None:
        now = 0.0
        if self._gap:
            now = self._clock()
            if now < self._next_start:
                return Pause(self._next_start - now)
        item = self._next_of_hosts() if self._by_host else self._next()
        if self._gap and isinstance(item, Request):
            # From the planned instant, so that late wake-ups do not lower the rate.
            late = now - self._next_start
            self._next_start = (self._next_start if late < _CATCH_UP else now) + self._gap
        return item

    def again(self, request: Request, *, after: float = 0.0) -> None:
        """Take `request` back into the line: a hop or a retry, not before `after` seconds."""
        if after > 0:
            heapq.heappush(self._later, (self._clock() + after, next(self._order), request))
        elif self._by_host:
            self._queue(request, first=True)
        else:
            self._again.append(request)

    def done(self, request: Request, *, ready_in: float = 0.0) -> None:
        """`request` ended, so its host may have another, after resting `ready_in` seconds."""
        if not self._by_host:
            return
        origin = request.origin
        host = self._hosts[origin]
        host.under_way -= 1
        if ready_in:
            host.not_before = max(host.not_before, self._clock() + ready_in)
        self._line_up(origin, host)

    def unfinished(self) -> int:
        """Requests taken from the input that wait here: what a stop leaves behind."""
        return len(self._later) + len(self._again) + self._waiting

    def _next(self) -> Request | Pause | None:
        """The next request, hosts aside."""
        if self._later:
            due = self._later[0][0] - self._clock()
            if due <= 0:
                return heapq.heappop(self._later)[2]
        if self._again:
            return self._again.popleft()
        item = None if self._dry else next(self._input, None)
        if item is not None and not isinstance(item, Pause):
            return item
        self._dry = self._dry or item is None
        if self._later:
            due = max(0.0, self._later[0][0] - self._clock())
            return Pause(min(due, item.seconds) if item is not None else due)
        return item

    def _next_of_hosts(self) -> Request | Pause | None:
        pause = self._fill()
        now = self._clock()
        while self._resting and self._resting[0][0] <= now:
            self._ready.append(heapq.heappop(self._resting)[1])
        if self._ready:
            return self._start(self._ready.popleft(), now)
        if self._resting:
            rest = self._resting[0][0] - now
            return Pause(min(rest, pause.seconds) if pause else rest)
        return pause

    def _fill(self) -> Pause | None:
        """Move requests into host queues until one host is ready; the Pause that stopped it."""
        while not self._ready and self._waiting < self._window:
            item = self._next()
            if item is None:
                return None
            if isinstance(item, Pause):
                return item
            self._queue(item)
        # What is due again must not wait until the window has room.
        while self._later and self._later[0][0] <= self._clock():
            self._queue(heapq.heappop(self._later)[2], first=True)
        return None

    def _start(self, origin: str, now: float) -> Request:
        host = self._hosts[origin]
        host.waits = False
        host.under_way += 1
        if self._delay:
            host.not_before = max(host.not_before, now + self._delay)
        request = host.queue.popleft()
        self._waiting -= 1
        self._line_up(origin, host)
        return request

    def _queue(self, request: Request, *, first: bool = False) -> None:
        origin = request.origin
        host = self._hosts.get(origin)
        if host is None:
            if len(self._hosts) >= self._sweep_at:
                self._sweep()
            host = self._hosts[origin] = _Host()
        if first:
            host.queue.appendleft(request)
        else:
            host.queue.append(request)
        self._waiting += 1
        self._line_up(origin, host)

    def _sweep(self) -> None:
        """Forget hosts that have nothing here; as often as their number doubles."""
        now = self._clock()
        for origin, host in list(self._hosts.items()):
            if not host.queue and not host.under_way and host.not_before <= now:
                del self._hosts[origin]
        self._sweep_at = max(_SWEEP, 2 * len(self._hosts))

    def _line_up(self, origin: str, host: _Host) -> None:
        """Put the host where its state belongs, unless it stands there already."""
        if host.waits or not host.queue or (self._per_host and host.under_way >= self._per_host):
            return
        host.waits = True
        if host.not_before > self._clock():
            heapq.heappush(self._resting, (host.not_before, origin))
        else:
            self._ready.append(origin)
