"""A list of requests, taken one by one as they are needed: the source of `fetch_all`.

    input ──► take ──► exchange ──┐      what comes again comes before what is new,
                ▲                 │      and not before its time
                └──── again ◄─────┘

It knows no hosts, asks no robots.txt and keeps nothing: a crawl has memory.py or sqlite.py.
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

    from crawler.model import Outcome


class Listed:
    """A `Source` over an iterator.

    Args:
        requests: what to fetch; a Pause in it means "nothing has arrived yet".
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        requests: Iterator[Request | Pause],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._input = requests
        self._dry = False
        self._clock = clock
        self._order = count()
        self._later: list[tuple[float, int, Request]] = []
        self._again: deque[Request] = deque()

    def take(self) -> Request | Pause | None:
        """The next request: see `contracts.Source`."""
        if self._later and self._later[0][0] <= self._clock():
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

    def again(self, request: Request, *, after: float = 0.0) -> None:
        """Take `request` back into the line: a hop or a retry, not before `after` seconds."""
        if after > 0:
            heapq.heappush(self._later, (self._clock() + after, next(self._order), request))
        else:
            self._again.append(request)

    def ended(self, outcome: Outcome, rest: float, /) -> None:
        """An exchange ended: of no matter to a list."""

    def may_retry(self, request: Request, /) -> bool:
        """Always: a list has no budget for retries."""
        return True
