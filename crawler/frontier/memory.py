"""A frontier in memory: for crawls that need not survive their process.

What is waiting takes some 500 bytes a request; what was seen takes 16 (seen.py). A crawl of more
than a few million pages, or one that must survive, takes a file: sqlite.py.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from crawler import addresses
from crawler.contracts import State
from crawler.frontier._lines import Lines
from crawler.frontier.seen import Seen
from crawler.model import Purpose, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from crawler.contracts import Facts
    from crawler.model import Failure, Pause, Skip
    from crawler.pace import Pace
    from crawler.robots import Robots

_SWEEP = 10_000  # hosts known before the first look for idle ones


class Memory:
    """A `Frontier` without a file.

    Args:
        pace_of: makes the pace of an origin.
        robots: every host's robots.txt comes first.
        fields: the header fields it is asked for with.
        same: the text that all spellings of one page share.
        per_address: most exchanges under way at one public address; 0 = no limit.
        is_public: whether an address is not the user's own.
        clock: a monotonic clock, in seconds.

    Attributes:
        durable: False; nothing is kept.
        added: pages, since it was opened.
        counts: pages by what became of them.
        lines: of the hosts.
    """

    durable = False

    def __init__(
        self,
        pace_of: Callable[[str], Pace],
        *,
        robots: bool = True,
        fields: tuple[tuple[str, str], ...] = (),
        same: Callable[[str], str] = str,
        per_address: int = 0,
        is_public: Callable[[str], bool] = addresses.is_public,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lines = Lines(
            pace_of,
            robots=robots,
            fields=fields,
            per_address=per_address,
            is_public=is_public,
            clock=clock,
        )
        self.added = 0
        self.counts: Counter[State] = Counter()
        self._seen = Seen()
        self._same = same
        self._sweep_at = _SWEEP
        self._clock = clock
        self.take: Callable[..., Request | Skip | Pause | None] = self.lines.take
        self.ended: Callable[..., None] = self.lines.ended
        self.may_retry = self.lines.may_retry
        self.waits_for = self.lines.waits_for
        self._again = self.lines.again

    @property
    def waiting(self) -> int:
        """Pages without an outcome."""
        return self.counts[State.QUEUED]

    def add(self, request: Request, /) -> bool:
        sitemap = request.purpose is Purpose.SITEMAP
        if not self._seen.add(f"sitemap:{request.url}" if sitemap else self._same(request.url)):
            return False
        if len(self.lines.by_origin) >= self._sweep_at:
            self._sweep()
        if not sitemap:
            self.added += 1
            self.counts[State.QUEUED] += 1
        self.lines.put(request)
        return True

    def again(self, request: Request, /, *, after: float = 0.0) -> None:
        self._again(request, after=after)

    def learn(self, origin: str, robots: Robots, /) -> None:
        self.lines.learn(origin, robots)

    def is_new(self, hop: Request, /) -> bool:
        key = self._same(hop.url)
        # What led there may be the same page in another spelling: a session's, say.
        return self._seen.add(key) or any(self._same(url) == key for url in hop.via)

    def finish(self, request: Request, state: State, facts: Facts, /) -> None:
        if request.purpose is Purpose.PAGE:
            self.counts[State.QUEUED] -= 1
            self.counts[state] += 1

    def set_aside(self, waiting: Iterable[Failure], written: Iterable[Failure], /) -> None:
        """Nothing is kept."""

    def commit(self, marks: Mapping[str, str], /, *, synced: bool = False) -> None:
        """Nothing is kept, so nothing is to be made safe."""

    def close(self) -> None:
        """Nothing is open."""

    def _sweep(self) -> None:
        """Forget lines with nothing to do and no rest to keep; as often as their number doubles."""
        self.lines.sweep()
        self._sweep_at = max(_SWEEP, 2 * len(self.lines.by_origin))
