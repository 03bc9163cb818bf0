"""An engine that is waited for in short steps, so that the loop sees the clock and signals.

Read beside it: stopping.py, crawling.py.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.contracts import Engine
    from crawler.model import Outcome, Request
    from crawler.stopping import Stop

TICK = 0.25  # seconds: how late a stop is noticed at most, and four progress lines a second


class Watched:
    """The engine, with a look at the stop and a tick before every step.

    Args:
        engine: what is waited for.
        stop: ends a wait.
        tick: called before every step, with the number under way.
        waited: called after every step with the seconds it took.
    """

    def __init__(
        self,
        engine: Engine,
        stop: Stop,
        tick: Callable[[int], None],
        waited: Callable[[float], None],
    ) -> None:
        self.under_way = 0
        self._waited = waited
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
            before = time.monotonic()
            left = TICK if end is None else min(TICK, max(0.0, end - before))
            with self._stop.waiting():
                ended = self._engine.wait(left)
            now = time.monotonic()
            self._waited(now - before)
            if ended:
                self.under_way -= len(ended)
                return ended
            if self._stop.asked or (end is not None and now >= end):
                return []
