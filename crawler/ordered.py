"""Outcomes in the order of their lines, with a bound on what waits for its turn. Pure.

    ended: 3 1 4 2 ──► held: 3 ──► 1 ──► held: 3 4 ──► 2 3 4

A line that takes long holds back the records of those after it. So that they do not fill the
memory, no line is read further than `window` beyond the first that is missing: one slow line then
holds up the crawl, too. What has no line, a page that was found, waits for nobody.

A crawl that goes on waits for the lines that its earlier runs read and left, too.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from crawler.model import Failure, Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crawler.model import Final

LEAST = 1_000  # lines
BYTES = 64 * 1024 * 1024  # of bodies that are held


class Ordered:
    """Holds outcomes until those of all earlier lines are there.

    Args:
        before: the number of the last line that earlier runs read.
        window: lines that may be read beyond the first whose outcome is missing.
        missing: the lines up to `before` that have no record yet.
    """

    def __init__(self, before: int, window: int, missing: Iterable[int] = ()) -> None:
        self._before = before
        self._missing = {number for number in missing if 0 < number <= before}
        self._left = deque(sorted(self._missing))  # those of them whose turn is still to come
        self._next = self._left.popleft() if self._left else before + 1
        self._window = window
        # Lists, for the lines of another input that an earlier run read have numbers, too.
        self._held: dict[int, list[Final]] = {}  # empty: its line has no record
        self._bytes = 0

    def may_read(self, lines: int) -> bool:
        """Whether another line may be read when `lines` were."""
        return lines - self._next + 1 < self._window and self._bytes < BYTES

    def passes(self, number: int) -> None:
        """The line of that number will have no record: it names a sitemap."""
        if number >= self._next:
            self._held.setdefault(number, [])

    def holds(self, final: Final) -> bool:
        """Whether it waits for its turn."""
        return any(final is held for held in self._held.get(final.request.number, ()))

    def released(self, finals: Iterable[Final]) -> list[Final]:
        """What may be written now that these have ended, in order."""
        free: list[Final] = []
        for final in finals:
            number = final.request.number
            if number < self._next or (number <= self._before and number not in self._missing):
                free.append(final)
            else:
                self._held.setdefault(number, []).append(final)
                self._bytes += _size(final)
        while self._next in self._held:
            ready = self._held.pop(self._next)
            self._bytes -= sum(map(_size, ready))
            free += ready
            self._next = self._left.popleft() if self._left else max(self._next, self._before) + 1
        return free

    def rest(self) -> list[Final]:
        """What is still held when nothing more will end, in order."""
        held = [final for _, finals in sorted(self._held.items()) for final in finals]
        self._held.clear()
        self._bytes = 0
        return held


def _size(final: Final) -> int:
    kept = final.error.partial if isinstance(final, Failure) else final
    return len(kept.body) + len(kept.raw) if isinstance(kept, Response) else 0
