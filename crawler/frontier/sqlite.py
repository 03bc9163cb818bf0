"""A frontier in a file: a crawl that survives its process, and the power cut too.

    add ──► urls (state queued) ──load──► lines ──take──► exchange ──finish──► urls (done, ...)
                                          few                                  │
                                                                               ▼
                                                     one commit for all that happened in a turn

Everything between two `commit`s is one transaction: the states of the URLs that ended, the links
found on them, and how long the outputs were then. A URL stays queued until its outcome is there, so
a killed process leaves nothing to be put right: the file is as of its last commit, and the outputs
are cut back to the marks it names. No record is lost, and none is there twice.

A commit does not wait for the disk: the kernel keeps what a dead process wrote. For the power cut
there is a second mark: `commit(..., synced=True)` says that the outputs were fsynced. Rows carry
the generation they ended in; after a reboot those of later generations are queued again.

Facts. WAL lets others read while the crawl writes (https://www.sqlite.org/wal.html); in it
synchronous=NORMAL cannot corrupt the file, only forget the last commits. The boot's number is in
/proc/sys/kernel/random/boot_id (random(4)). Only the front of the frontier is in memory: some lines
and a few requests each, so memory does not grow with the file.
"""

from __future__ import annotations

import contextlib
import json
import time
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from crawler import addresses
from crawler.contracts import State
from crawler.errors import FrontierError
from crawler.frontier import _aside, _mounted, _schema, damage
from crawler.frontier._front import Front
from crawler.frontier._lines import Lines
from crawler.frontier._rows import Fields, FieldsTable, hash_of, origin_of, request_of, told_of
from crawler.frontier._rows_seen import SEEN, RowsSeen
from crawler.frontier._tallies import Tallies
from crawler.model import Purpose, Request, Skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from crawler.contracts import Facts
    from crawler.model import Failure, Pause
    from crawler.pace import Pace
    from crawler.politeness import Answer
    from crawler.robots import Robots

_VALIDATOR = 1024  # characters of an ETag or a date that are kept


class Sqlite:
    """A `Frontier` in an SQLite file.

    Args:
        path: the file; made when it is not there.
        pace_of: makes the pace of an origin.
        agent: our product token, for robots.txt.
        fields: the header fields of requests that have no others.
        robots_fields: those that robots.txt is asked for with.
        robots: every host's robots.txt comes first.
        same: the text that all spellings of one page share.
        per_address: most exchanges under way at one public address; 0 = no limit.
        is_public: whether an address is not the user's own.
        conditional: requests say which version is known already (RFC 9110 13.1).
        seen: URLs that are found in memory alone before they go into the table of those seen.
        clock: a monotonic clock, in seconds.
        wall: Unix time, in seconds.

    Attributes:
        durable: True; what was committed outlives the process.
        marks: of the outputs at the last commit.
        added: pages, since it was opened.
        counts: pages by what became of them.
        lines: of the hosts in memory.

    Raises:
        FrontierError: the file is in use, damaged, on another machine, or none of ours.
    """

    durable = True

    def __init__(
        self,
        path: Path,
        pace_of: Callable[[str], Pace],
        *,
        agent: str = "",
        fields: Fields = (),
        robots_fields: Fields = (),
        robots: bool = True,
        same: Callable[[str], str] = str,
        per_address: int = 0,
        is_public: Callable[[str], bool] = addresses.is_public,
        conditional: bool = False,
        seen: int = SEEN,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - instants that outlive the process
    ) -> None:
        self.lines = Lines(
            pace_of,
            robots=robots,
            fields=robots_fields,
            per_address=per_address,
            is_public=is_public,
            clock=clock,
        )
        self._same = same
        self._conditional = conditional
        self._wall = wall
        kind = _mounted.remote(path)
        if kind:
            raise FrontierError(
                f"{str(path)!r} lies on another machine ({kind}), where a state would be damaged:"
                " give a --state on a disk of this one"
            )
        self._lock = _schema.locked(path)
        try:
            self._db = _schema.opened(path)
            with damage.as_error():
                self.marks = _schema.recovered(self._db)
                self._generation = int(_schema.get(self._db, "generation", "1"))
                self._seen = RowsSeen(self._db, most=seen)
                self._fields = FieldsTable(self._db, fields)
        except BaseException:
            self._lock.close()
            raise
        self._last_row = _schema.one(self._db, "SELECT coalesce(max(id), 0) FROM urls")
        self._tallies = Tallies(self._db)
        self._front = Front(
            self._db,
            self.lines,
            self._tallies,
            request=self._request,
            agent=agent,
            clock=clock,
            wall=wall,
        )
        self._marked = ""  # the marks of the last commit, as they were written
        self.counts = self._tallies.counts
        self.added = 0
        self.may_retry = self.lines.may_retry
        self.waits_for = self.lines.waits_for

    # -- the contract ----------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Pages without an outcome."""
        return self.counts[State.QUEUED]

    def add(self, request: Request, /) -> bool:
        self._db.begin()
        origin = request.origin
        sitemap = request.purpose is Purpose.SITEMAP
        key = hash_of(f"sitemap:{request.url}" if sitemap else self._same(request.url))
        if self._seen.row(key):
            return False
        number = self._tallies.number(origin)
        self._last_row += 1
        self._seen.put(key, self._last_row)
        self._db.execute(
            _schema.ADD,
            (
                self._last_row,
                key,
                number,
                int(sitemap),
                request.depth,
                request.url,
                request.parent,
                request.number,
                told_of(request),
                self._fields.number(request.headers),
                int(request.public_only),
            ),
        )
        self._tallies.count(number, State.QUEUED, 1, sitemap=sitemap)
        self.added += not sitemap
        self._front.added(origin)
        return True

    def take(self, *, new: bool = True) -> Request | Skip | Pause | None:
        self._front.fill()
        item = self.lines.take(new=new)
        if not isinstance(item, Request | Skip) and new and self._front.load():
            item = self.lines.take(new=new)
        if isinstance(item, Request | Skip):
            self._front.used((item.request if isinstance(item, Skip) else item).origin)
        return item

    def again(self, request: Request, /, *, after: float = 0.0) -> None:
        if request.row and request.attempt > 1:
            self._db.begin()
            self._db.execute(
                "UPDATE urls SET attempt = ? WHERE id = ?", (request.attempt, request.row)
            )
        self.lines.again(request, after=after)

    def ended(
        self, request: Request, answer: Answer, /, *, latency: float, rest: float, peer: str
    ) -> None:
        self.lines.ended(request, answer, latency=latency, rest=rest, peer=peer)

    def learn(self, origin: str, robots: Robots, /) -> None:
        self.lines.learn(origin, robots)
        if robots.rules is not None:
            self._db.begin()
            self._db.execute(
                "UPDATE hosts SET robots = ?, robots_at = ? WHERE id = ?",
                (zlib.compress(robots.body), self._wall(), self._tallies.number(origin)),
            )

    def is_new(self, hop: Request, /) -> bool:
        same = self._same(hop.url)
        if any(self._same(url) == same for url in hop.via):
            return True  # what led there is the same page in another spelling: a session's, say
        self._db.begin()
        key = hash_of(same)
        row = self._seen.row(key)
        if row:
            # What led there may have been killed on the way, and is fetched a second time.
            return bool(_schema.one(self._db, _schema.OWNER, hop.row, row))
        number = self._tallies.number(hop.origin)
        self._last_row += 1
        self._seen.put(key, self._last_row)
        values = (self._last_row, key, number, hop.depth, hop.url, hop.parent, hop.row)
        self._db.execute(_schema.REACHED, values)
        return True

    def finish(self, request: Request, state: State, facts: Facts, /) -> None:
        self._db.begin()
        self._db.execute(
            _schema.FINISH,
            (
                state.value,
                facts.code,
                facts.status,
                facts.etag[:_VALIDATOR] or None,
                facts.modified[:_VALIDATOR] or None,
                self._generation,
                request.row,
            ),
        )
        origin = origin_of(request.via[0] if request.via else request.url)
        number = self._tallies.number(origin)
        sitemap = request.purpose is Purpose.SITEMAP
        self._tallies.count(number, State.QUEUED, -1, sitemap=sitemap)
        self._tallies.count(number, state, 1, sitemap=sitemap)
        self._front.finished(origin, request.row)

    def set_aside(self, waiting: Iterable[Failure], written: Iterable[Failure], /) -> None:
        self._db.begin()
        _aside.put(self._db, waiting)
        _aside.drop(self._db, written)

    def commit(self, marks: Mapping[str, str], /, *, synced: bool = False) -> None:
        text = json.dumps(dict(marks))
        if not (self._db.in_transaction or self._front.has_news or synced) and text == self._marked:
            return
        self._db.begin()
        self._front.settle()
        self._seen.merge()
        _schema.put(self._db, "marks", text)
        if synced:
            _schema.put(self._db, "synced", str(self._generation))
            _schema.put(self._db, "synced_marks", text)
            self._generation += 1
            _schema.put(self._db, "generation", str(self._generation))
        self._db.execute("COMMIT")
        self._marked = text

    def close(self) -> None:
        with contextlib.suppress(Exception):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        self._db.close()
        self._lock.close()

    # -- what else is kept -----------------------------------------------------------------------

    def note(self, key: str, value: str) -> None:
        """Keep a value beside the URLs, from the next commit on."""
        self._db.begin()
        _schema.put(self._db, key, value)

    def noted(self, key: str) -> str:
        """A value that was kept; "" where there is none."""
        return _schema.get(self._db, key, "")

    def aside(self) -> list[Failure]:
        """The lines that are no requests and whose record was not written yet."""
        return _aside.lines(self._db)

    def missing(self) -> set[int]:
        """The numbers of the lines that were read and have no record yet."""
        return _aside.missing(self._db)

    def seeds(self) -> Iterator[str]:
        """The URLs that were given: see `scope.Kept`."""
        for (url,) in self._db.execute(_schema.SEEDS):
            yield url

    def moved(self) -> Iterator[tuple[str, str]]:
        """Seeds, each with a URL that redirects led to from it."""
        yield from self._db.execute(_schema.MOVED)

    def found(self) -> Iterator[tuple[str, int]]:
        """Origins, each with the number of its pages that were found."""
        yield from self._db.execute(_schema.FOUND)

    def queue_failed(self, codes: frozenset[str]) -> int:
        """Queue again what failed with one of `codes` or their families; how many that were."""
        self._db.begin()
        wanted = [
            row
            for row, code in self._db.execute(_schema.FAILED)
            if not codes or code in codes or code.partition(".")[0] in codes
        ]
        return self._queue_again(wanted)

    def failed_codes(self) -> list[tuple[str, int]]:
        """The codes that pages failed with, and how many did."""
        found = Counter(code for _, code in self._db.execute(_schema.FAILED))
        return found.most_common()

    def queue_all(self) -> int:
        """Queue again all that has an outcome: the next round. How many that are."""
        self._db.begin()
        return self._queue_again([row for (row,) in self._db.execute(_schema.ENDED)])

    def _queue_again(self, rows: list[int]) -> int:
        self._front.settle()
        self._db.execute(_schema.FORGET)  # but not how long they rest: to try again was asked for
        self._db.executemany(_schema.AGAIN, [(row,) for row in rows])
        self._db.execute(_schema.RECOUNT)
        self._tallies.read()
        self._front.look()
        return len(rows)

    def _request(self, row: tuple[Any, ...], now: float) -> Request:
        return request_of(row, now, self._fields.by_number, conditional=self._conditional)
