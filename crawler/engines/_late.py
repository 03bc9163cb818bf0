"""Ends what greenlets wait for in time: one timer of gevent's hub for all of them.

    begin(greenlet, instant) ... end(greenlet)          two steps in a dictionary
    the nearest instant has come ──► throw into those that are late, and look for the next

Nearly every wait ends long before its limit, so the timer is set to the nearest instant ever asked
for and finds, mostly, that it is over. A timer for each wait costs a tenth of an exchange.
Read beside it: _green.py, gevent_pool.py.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from gevent.hub import get_hub  # noqa: TID253 - only gevent_pool.py, which needs it, loads this

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlet import greenlet

_now = time.monotonic


class Late:
    """What greenlets of one hub wait for, and until when.

    Args:
        error: thrown into a greenlet that has waited too long.
    """

    def __init__(self, error: type[BaseException]) -> None:
        self._error = error
        self._until: dict[greenlet, float] = {}  # monotonic instants
        self._loop: Any = get_hub().loop
        self._timer: Any = None
        self._look_at = math.inf

    def begin(self, waiter: greenlet, instant: float) -> None:
        """Throw into `waiter` at that monotonic instant, unless `end` comes before."""
        self._until[waiter] = instant
        if instant < self._look_at:
            self._set(instant)

    def end(self, waiter: greenlet) -> None:
        """It waits no longer."""
        self._until.pop(waiter, None)

    def close(self) -> None:
        """Give back the timer."""
        self._until.clear()
        self._look_at = math.inf
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _set(self, instant: float) -> None:
        self._look_at = instant
        self._after(max(0.0, instant - _now()), self._look)

    def _after(self, seconds: float, function: Callable[[], None]) -> None:
        """Have the hub call it: after 0 seconds that is in the next turn of its loop."""
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
        # It alone must not keep a loop going: without waits there is nothing it could end.
        self._timer = self._loop.timer(seconds, ref=False)
        self._timer.start(function, update=True)

    def _look(self) -> None:
        # For a process that was stopped meanwhile (SIGSTOP) all may have come in time, but libev is
        # told of it in the turn after this one only, and begins each turn with the timers. What is
        # ready goes on in that turn; what waits in the one after it is late.
        self._after(0.0, lambda: self._after(0.0, self._throw))

    def _throw(self) -> None:
        now = _now()
        self._look_at = math.inf
        for waiter, instant in tuple(self._until.items()):
            if instant <= now and self._until.get(waiter) == instant:
                del self._until[waiter]
                waiter.throw(self._error)
        nearest = min(self._until.values(), default=math.inf)
        if nearest < self._look_at:
            self._set(nearest)
