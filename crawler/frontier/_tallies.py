"""The hosts' rows: their numbers, and how many of their URLs are in which state.

Counters change with every URL and are written once a commit. Read beside it: sqlite.py, _schema.py.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from crawler.contracts import State
from crawler.frontier import _schema
from crawler.frontier._rows import hash_of

if TYPE_CHECKING:
    from crawler.frontier._schema import Db

_HOSTS = 1 << 14  # known to have a row: what is forgotten is entered again, in vain
_COLUMNS = {
    State.QUEUED: "queued", State.DONE: "done", State.FAILED: "failed", State.SKIPPED: "skipped",
}  # fmt: skip


class Tallies:
    """Numbers and counters of hosts. Its methods raise FrontierError.

    Attributes:
        counts: pages of all hosts by what became of them.
    """

    def __init__(self, db: Db) -> None:
        self._db = db
        self._known: set[int] = set()  # hosts that have a row
        self._changes: dict[int, Counter[str]] = {}
        self.counts: Counter[State] = Counter()
        self.read()

    def read(self) -> None:
        """Take `counts` from the file."""
        totals = self._db.execute(_schema.COUNTS).fetchone()
        for state, total in zip(_COLUMNS, totals, strict=True):
            self.counts[state] = total or 0

    def number(self, origin: str) -> int:
        """The host's number in the file, where it is entered when it is not there."""
        # It is made from the name: to look it up would cost more than all else about a URL.
        number = hash_of(origin)
        if number not in self._known:
            if len(self._known) >= _HOSTS:
                self._known.clear()
            self._db.execute(_schema.HOST, (number, origin))
            self._known.add(number)
        return number

    def count(self, number: int, state: State, change: int, *, sitemap: bool) -> None:
        """So many more of the host's URLs are in that state; sitemaps count while queued only."""
        changes = self._changes.get(number)
        if changes is None:
            changes = self._changes[number] = Counter()
        if not sitemap:
            self.counts[state] += change
        elif state is State.QUEUED:
            changes["sitemaps"] += change
        else:
            return
        changes[_COLUMNS[state]] += change

    def settle(self) -> None:
        """Write what has changed."""
        self._db.executemany(
            _schema.COUNT,
            [
                (*(each[column] for column in (*_COLUMNS.values(), "sitemaps")), number)
                for number, each in self._changes.items()
            ],
        )
        self._changes.clear()
