"""The front of a frontier in a file: the few hosts, and the few requests of each, in memory.

    hosts with something queued ──load──► lines ──take──► exchange
    their next rows ─────────────top up───┘

A host comes in when there is room, with what it told an earlier run, and goes when nothing of it is
left. So memory does not grow with the file. Read beside it: sqlite.py, _lines.py, told.py.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from crawler import robots as rules_of
from crawler.frontier import _schema, damage
from crawler.told import of_text, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from crawler.frontier._line import Line
    from crawler.frontier._lines import Lines
    from crawler.frontier._schema import Db
    from crawler.frontier._tallies import Tallies
    from crawler.model import Request

_LINES = 3_000  # hosts with something waiting that are in memory
_CHUNK = 64  # hosts loaded at once
_FEW, _BATCH = 4, 32  # requests of one host in memory, at least and at most
_RESTING = _LINES // 2  # hosts in memory, at most, when some are loaded that rest
_IDLE = 3_000  # lines without work that are remembered for their pace
_AGAIN = 0.25  # seconds between two looks for hosts when the last one found none


class _Host:
    """A host whose line is in memory."""

    __slots__ = ("number", "queued", "taken")

    def __init__(self, number: int, queued: int) -> None:
        self.number = number
        self.queued = queued  # requests in the file without an outcome
        self.taken: set[int] = set()  # rows of those that are in memory


class Front:
    """Fills the lines from the file. Its methods raise FrontierError.

    Args:
        db: the file.
        lines: of the hosts in memory.
        tallies: the hosts' counters, which say whether something is queued.
        request: makes the request of a row; the second argument is the monotonic instant.
        agent: our product token, for robots.txt.
        clock: a monotonic clock, in seconds.
        wall: Unix time, in seconds.
    """

    def __init__(
        self,
        db: Db,
        lines: Lines,
        tallies: Tallies,
        *,
        request: Callable[[tuple[Any, ...], float], Request],
        agent: str,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._db = db
        self._lines = lines
        self._tallies = tallies
        self._request = request
        self._agent = agent
        self._clock = clock
        self._wall = wall
        self._opened = clock()
        self._hosts: dict[str, _Host] = {}  # by origin: those whose line is in memory
        self._dry: set[str] = set()  # origins whose line is empty and whose file is not
        self._news: dict[str, Line] = {}  # by origin: those whose host told something
        self._cursor = 0  # number of the host that was loaded last
        self._look_at = 0.0  # monotonic instant of the next look for hosts
        lines.told = self._hear

    def __len__(self) -> int:
        return len(self._hosts)

    @property
    def has_news(self) -> bool:
        """Whether a host told something that was not written yet."""
        return bool(self._news)

    def look(self) -> None:
        """Hosts may have come into the file."""
        self._look_at = 0.0

    def added(self, origin: str) -> None:
        """A request of that origin was added to the file."""
        host = self._hosts.get(origin)
        if host is None:
            self._look_at = 0.0
            return
        host.queued += 1
        if not self._lines.by_origin[origin].queue:
            self._dry.add(origin)

    def finished(self, origin: str, row: int) -> None:
        """The request of that row has its outcome."""
        host = self._hosts.get(origin)
        if host is not None:
            host.queued -= 1
            host.taken.discard(row)
            if not host.queued:
                self._drop(origin)

    def used(self, origin: str) -> None:
        """A request of that origin left its line."""
        host = self._hosts.get(origin)
        if host is None or self._lines.by_origin[origin].queue:
            return
        if host.queued > len(host.taken):
            self._dry.add(origin)

    def fill(self) -> None:
        """Bring the next requests of those hosts whose line has run dry into it."""
        while self._dry:
            self._top_up(self._dry.pop())

    def load(self) -> bool:
        """Bring hosts with queued requests into memory; whether any came."""
        now = self._clock()
        if now < self._look_at or len(self._hosts) >= _LINES:
            return False
        self._db.begin()
        self.settle()
        wall = self._wall()
        rows = self._db.execute(_schema.HOSTS, (self._cursor, wall, _CHUNK)).fetchall()
        self._cursor = rows[-1][0] if len(rows) == _CHUNK else 0
        loaded = self._take_in(rows)
        if not loaded and not self._cursor:
            if len(self._hosts) < _RESTING:
                loaded = self._take_in(self._db.execute(_schema.RESTING, (wall, _CHUNK)))
            self._look_at = now + _AGAIN
        return loaded

    def settle(self) -> None:
        """Write what hosts told, where it is something else than is there, and their counters."""
        now, wall = self._clock(), self._wall()
        for line in self._news.values():
            told, until = line.told(now)
            if (told, until) != line.kept:
                line.kept = told, until
                not_before = wall + until - now if until else 0.0
                number = self._tallies.number(line.origin)
                self._db.execute(_schema.TOLD, (not_before, text_of(told, wall), number))
        self._news.clear()
        self._tallies.settle()

    def _hear(self, line: Line) -> None:
        self._news[line.origin] = line

    def _take_in(self, rows: Iterable[tuple[Any, ...]]) -> bool:
        """Bring the hosts of these rows into memory; whether any was not there."""
        loaded = False
        for number, origin, queued, *kept in rows:
            if origin not in self._hosts:
                with damage.as_error():
                    self._hosts[damage.url(origin)] = _Host(number, queued)
                    self._remember(origin, *kept)
                self._top_up(origin)
                loaded = True
        return loaded

    def _remember(
        self,
        origin: str,
        packed: bytes | None,
        read_at: float,
        not_before: float,
        told: str | None,
        ended: int,
    ) -> None:
        """Give the line what its host told, and its rules if they were read in the last day."""
        is_new = origin not in self._lines.by_origin
        line = self._lines.line(origin)
        if is_new:
            wall, now = self._wall(), self._clock()
            if ended or read_at:
                line.pace.resumed(self._opened)
            line.recall(of_text(told, wall), not_before - wall, now)
        if line.rules is None and packed is not None:
            rules = rules_of.parse(zlib.decompress(packed), f"{origin}/robots.txt", self._agent)
            self._lines.obey(line, rules, age=max(0.0, self._wall() - read_at))

    def _top_up(self, origin: str) -> None:
        """Bring the next requests of a loaded host into its line."""
        host, line = self._hosts.get(origin), self._lines.line(origin)
        if host is None or host.queued <= len(host.taken) or line.queue:
            return
        wanted = min(_BATCH, max(_FEW, 2 * line.pace.window))
        rows = self._db.execute(_schema.NEXT, (host.number, wanted + len(host.taken)))
        now = self._clock()
        with damage.as_error():
            for row in rows:
                if row[0] not in host.taken:
                    host.taken.add(row[0])
                    self._lines.put(self._request(row, now))

    def _drop(self, origin: str) -> None:
        """Nothing of the host is left to do."""
        del self._hosts[origin]
        self._dry.discard(origin)
        if len(self._lines.by_origin) > _LINES + _IDLE:
            self._lines.sweep(keep=self._hosts)
