"""How a run is told to stop, by a signal or by the clock, and how it obeys.

    first SIGINT, SIGTERM, SIGHUP; --max-run-time ─► `asked`: nothing new is taken
    grace seconds later, or a second signal       ─► `over`:  what is under way is abandoned

Handlers only count; the loop looks. The one exception is an engine that waits for longer than the
loop's tick (sequential does, for a whole exchange): there `over` raises `Leave` out of the wait,
and only there, so that no record is ever cut in half by a signal.

Facts: equal signals that arrive before Python runs its handler become one call, and gevent lets
Python look only every 0.3 s; so signals are counted by the bytes that the C handler writes to
`signal.set_wakeup_fd` (signal module documentation). gevent's hub passes a SystemExit that is
raised in a handler on to the main greenlet, silently (Hub.SYSTEM_ERROR, Hub.NOT_ERROR).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from crawler.errors import EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

INTERRUPTED = 130
TERMINATED = 143
LOCAL_FAULT = 3
LIMIT_REACHED = 4
_EXIT = {
    signal.SIGINT: INTERRUPTED,
    signal.SIGTERM: TERMINATED,
    signal.SIGHUP: TERMINATED,
}


class Leave(SystemExit):
    """What is under way is abandoned, now."""


class Stop:
    """Whether the run is to stop.

    Args:
        grace: seconds that what is under way gets after the first request to stop.
        max_run_time: seconds after which the run stops by itself; 0 = never.
        clock: a monotonic clock, in seconds.

    Attributes:
        asked: nothing new is to be taken.
        code: the exit code that goes with the reason; 0 while `asked` is False.
        reason: the reason in words.
    """

    def __init__(
        self,
        *,
        grace: float = 10.0,
        max_run_time: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.asked = False
        self.code = 0
        self.reason = ""
        self._clock = clock
        self._grace = grace
        self._over_at = float("inf")
        self._stop_at = clock() + max_run_time if max_run_time else float("inf")
        self._max_run_time = max_run_time
        self._waiting = False
        self._bytes = -1  # the pipe that signals are counted by

    def ask(self, code: int, reason: str) -> None:
        """Take nothing new; abandon what is under way after the grace."""
        if not self.asked:
            self.asked = True
            self.code = code
            self.reason = reason
            self._over_at = self._clock() + self._grace
            self._set_alarm()
        elif code not in {LIMIT_REACHED, LOCAL_FAULT}:
            self._over_at = 0.0

    @property
    def over(self) -> bool:
        """Whether what is under way is to be abandoned."""
        self._count()
        now = self._clock()
        if now >= self._stop_at and not self.asked:
            self.ask(LIMIT_REACHED, f"the run took {self._max_run_time:g} s")
        return now >= self._over_at

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Within it, `Leave` is raised as soon as the stop is over. Raises Leave."""
        self._waiting = True
        try:
            if self.over:
                raise Leave
            yield
        finally:
            self._waiting = False

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Within it, signals and the clock stop the run. Main thread only.

        Raises EngineUnavailable when the pipe that they wake us by cannot be had.
        """
        try:
            self._bytes, end = os.pipe()
        except OSError as error:
            raise EngineUnavailable(f"signals cannot be waited for: {error.strerror}") from error
        os.set_blocking(self._bytes, False)
        os.set_blocking(end, False)
        before = signal.set_wakeup_fd(end, warn_on_full_buffer=False)
        # A signal ignored from the start stays so: nohup, and jobs of a shell without job control.
        taken = [number for number in _EXIT if signal.getsignal(number) is not signal.SIG_IGN]
        old = {number: signal.signal(number, self._handle) for number in taken}
        old[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._handle)
        self._set_alarm()
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in old.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
            os.close(self._bytes)
            os.close(end)
            self._bytes = -1

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._waiting and self.over:
            self._waiting = False
            raise Leave

    def _count(self) -> None:
        """Take note of the signals that arrived."""
        if self._bytes < 0:
            return
        try:
            numbers = os.read(self._bytes, 4096)
        except OSError:  # nothing is there yet; or the pipe cannot be read, and the next look can
            return
        for number in numbers:
            if number in _EXIT:
                known = signal.Signals(number)
                self.ask(_EXIT[known], known.name)

    def _set_alarm(self) -> None:
        """Have SIGALRM end a wait that would outlast the clock."""
        if self._bytes < 0:
            return
        at = self._over_at if self.asked else self._stop_at
        if at < float("inf"):
            # Again and again: the first may come a moment early, or between two waits.
            signal.setitimer(signal.ITIMER_REAL, max(0.001, at - self._clock()), 0.1)


def unwind_on_signals() -> None:
    """Have a signal leave through the code that ends children and servers."""
    for number, code in _EXIT.items():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_, code=code: sys.exit(code))
