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

_LOOK = 0.01  # seconds between two looks for room


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
        most = attempt.limits.bodies
        with self._lock:
            self._sum += size - self._held.get(attempt, 0)
            self._held[attempt] = size
        waited = False
        while self._sum > most and not self._is_first(attempt) and not attempt.is_over():
            waited = True
            self._sleep(_LOOK)
        return waited

    def release(self, attempt: Attempt) -> None:
        """The attempt's bytes are no longer under way."""
        if attempt in self._held:
            with self._lock:
                self._sum -= self._held.pop(attempt)

    def _is_first(self, attempt: Attempt) -> bool:
        with self._lock:
            return next(iter(self._held)) is attempt
