"""Memory for the bodies under way: who has to stop reading when there is too much of it.

Beyond `Limits.bodies` an exchange does not read on, and TCP's window holds its peer back, until
others have ended. The one that began first goes on whatever happens, or nothing would ever become
free. Only bodies that did not come in one piece are counted.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.transports._attempt import Attempt

LOOK = 0.01  # seconds between two looks for room


class Bodies:
    """The bytes that the exchanges of one engine hold, oldest exchange first.

    Args:
        sleep: lets time pass for the caller only.
    """

    def __init__(self, sleep: Callable[[float], object]) -> None:
        self._sleep = sleep
        self._held: dict[Attempt, int] = {}
        self._sum = 0
        self._lock = threading.Lock()  # for a few additions, never across a wait

    def hold(self, attempt: Attempt, size: int) -> bool:
        """Count `size` bytes as the attempt's, wait for room; True when it had to wait."""
        self.count(attempt, size)
        waited = False
        while not self.has_room(attempt):
            waited = True
            self._sleep(LOOK)
        return waited

    def count(self, attempt: Attempt, size: int) -> None:
        """Count `size` bytes as the attempt's."""
        with self._lock:
            self._sum += size - self._held.get(attempt, 0)
            self._held[attempt] = size

    def has_room(self, attempt: Attempt) -> bool:
        """Whether the attempt may read on now."""
        return self._sum <= attempt.limits.bodies or self._is_first(attempt) or attempt.is_over()

    def release(self, attempt: Attempt) -> None:
        """The attempt's bytes are no longer under way."""
        if attempt in self._held:
            with self._lock:
                self._sum -= self._held.pop(attempt)

    def _is_first(self, attempt: Attempt) -> bool:
        with self._lock:
            return next(iter(self._held)) is attempt
