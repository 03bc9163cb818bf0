"""What a crawl keeps in its state file beside its URLs: settings, place in the input, progress.

    crawl.db ── settings, inputs ──► `crawl resume` needs no other argument
             ── marks ──► outputs are cut back to what the last commit knew of
             ── "" among the marks ──► lines of the input that were read

Read beside it: frontier/sqlite.py (the URLs), run_command.py, state_commands.py.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from crawler.contracts import State as Became
from crawler.frontier import damage
from crawler.frontier.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from crawler.config import Settings
    from crawler.frontier.sqlite import Sqlite
    from crawler.model import Failure, Pause, Request
    from crawler.reading import Reading
    from crawler.scope import Scope

INPUT = ""  # the key among the marks that no output can have
_POINT = 5.0  # seconds between two points of the progress that are kept
_POINTS = 24


class State:
    """The state of a crawl; with a frontier in memory there is none.

    Args:
        frontier: what has the URLs.
        settings: remembered for the next run.
        inputs: names of the inputs.
        clock: a monotonic clock, in seconds.
        wall: Unix time, in seconds.

    Attributes:
        marks: how much of each output is whole; None when nothing is kept.
        read: lines that earlier runs read.
        queued: URLs that an earlier run left.
        goes_on: an earlier run began with this state.
        round: 1, and one more each time that all was fetched anew.
        aside: lines that are no requests, whose records an earlier run left.
    """

    def __init__(
        self,
        frontier: Memory | Sqlite,
        settings: Settings,
        inputs: Sequence[str],
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - instants that outlive the process
    ) -> None:
        self.marks: dict[str, str] | None = None
        self.queued = frontier.waiting
        self.round = 1
        self.aside: list[Failure] = []
        self.goes_on = False
        self.frontier = frontier
        self.read = 0
        self._given = 0  # of `aside`
        self._clock = clock
        self._wall = wall
        self._point_at = 0.0
        self._points: list[tuple[float, int]] = []
        if isinstance(frontier, Memory):
            return
        self.marks = dict(frontier.marks)
        self.goes_on = INPUT in self.marks  # the first commit comes when all outputs are open
        with damage.as_error():
            self.aside = frontier.aside()
            read = int(self.marks.pop(INPUT, "0"))
            self.round = int(frontier.noted("round") or "1")
        named = json.dumps(list(inputs))
        part = settings.text("shard")
        if frontier.noted("inputs") == named and frontier.noted("shard") == part:
            self.read = read
        if settings.flag("if_modified") and frontier.noted("finished") and not self.queued:
            self.queued = frontier.queue_all()
            self.round += 1
            frontier.note("round", str(self.round))
        frontier.note("inputs", named)
        frontier.note("shard", part)
        frontier.note("settings", json.dumps([settings.values, settings.origins]))
        frontier.note("finished", "")
        frontier.note("progress", "[]")

    @property
    def is_finished(self) -> bool:
        """Whether an earlier run left nothing to do, as far as is known before reading on."""
        return self.marks is not None and self.read > 0 and not self.queued and not self.aside

    def unread(self, entries: Reading) -> Iterator[Request | Failure | Pause]:
        """What earlier runs have not read of the input, or read and not written down."""
        for line in self.aside:
            self._given += 1
            self.frontier.set_aside((), [line])  # until the next commit it is written, or again
            yield line
        for entry in entries:
            if self.read and self._number(entry) <= self.read:
                continue
            yield entry

    def lines(self, entries: Reading) -> int:
        """Lines of the input that this run read, or had from an earlier one."""
        return max(0, entries.lines - self.read) + self._given

    def missing(self) -> set[int]:
        """The numbers of lines that earlier runs read and left without a record."""
        if isinstance(self.frontier, Memory) or not self.read:
            return set()
        return self.frontier.missing()

    def widen(self, scope: Scope | None) -> None:
        """Take what earlier runs were given into the scope."""
        if scope is not None and not isinstance(self.frontier, Memory):
            with damage.as_error():
                scope.recall(self.frontier)

    def place(self, entries: Reading) -> str:
        """How much of the input was read, for the marks."""
        return str(max(self.read, entries.lines))

    def point(self) -> None:
        """Keep how far the crawl is, now and then."""
        now = self._clock()
        if isinstance(self.frontier, Memory) or now < self._point_at:
            return
        self._point_at = now + _POINT
        counts = self.frontier.counts
        ended = sum(counts[each] for each in (Became.DONE, Became.FAILED, Became.SKIPPED))
        self._points = [*self._points[-_POINTS:], (round(self._wall(), 1), ended)]
        self.frontier.note("progress", json.dumps(self._points))

    def finished(self) -> None:
        """Nothing is left to do."""
        if not isinstance(self.frontier, Memory):
            self.frontier.note("finished", str(self._wall()))

    @staticmethod
    def _number(entry: Request | Failure | Pause) -> int:
        request = getattr(entry, "request", entry)
        number: int = getattr(request, "number", 0)
        return number or (1 << 62)
