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
from crawler import robots as rules_of
from crawler.contracts import State
from crawler.frontier import _schema
from crawler.frontier._lines import Lines
from crawler.frontier._rows import Fields, fields_of, hash_of, origin_of, request_of, told_of
from crawler.model import Purpose, Request, Skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from crawler.contracts import Facts
    from crawler.model import Pause
    from crawler.politeness import Answer, Pace
    from crawler.robots import Robots

_LINES = 3_000  # hosts with something waiting that are in memory
_CHUNK = 64  # hosts loaded at once
_FEW, _BATCH = 4, 32  # requests of one host in memory, at least and at most
_IDLE = 3_000  # lines without work that are remembered for their pace
_HOSTS = 100_000  # origins that are known to have a row
_AGAIN = 0.25  # seconds between two looks for hosts when the last one found none
_VALIDATOR = 1024  # characters of an ETag or a date that are kept
_COLUMNS = {
    State.QUEUED: "queued", State.DONE: "done", State.FAILED: "failed", State.SKIPPED: "skipped",
}  # fmt: skip


class _Host:
    """A host whose line is in memory."""

    __slots__ = ("number", "queued", "taken")

    def __init__(self, number: int, queued: int) -> None:
        self.number = number
        self.queued = queued  # requests in the file without an outcome
        self.taken: set[int] = set()  # rows of those that are in memory


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
        clock: a monotonic clock, in seconds.
        wall: Unix time, in seconds.

    Attributes:
        durable: True; what was committed outlives the process.
        marks: of the outputs at the last commit.
        added: pages, since it was opened.
        counts: pages by what became of them.
        lines: of the hosts in memory.

    Raises:
        FrontierError: the file is in use, damaged, or none of ours.
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
        self._agent = agent
        self._same = same
        self._fields: dict[Fields, int] = {fields: 0}
        self._conditional = conditional
        self._clock = clock
        self._wall = wall
        self._lock = _schema.locked(path)
        try:
            self._db = _schema.opened(path)
            self.marks = _schema.recovered(self._db)
        except BaseException:
            self._lock.close()
            raise
        self._generation = int(_schema.get(self._db, "generation", "1"))
        self._last_row = _schema.one(self._db, "SELECT coalesce(max(id), 0) FROM urls")
        self._known: set[int] = set()  # hosts that have a row
        self._hosts: dict[str, _Host] = {}  # by origin: those whose line is in memory
        self._dry: set[str] = set()  # origins whose line is empty and whose file is not
        self._changes: dict[int, Counter[str]] = {}  # of the hosts' counters
        self._cursor = 0  # number of the host that was loaded last
        self._look_at = 0.0  # monotonic instant of the next look for hosts
        self._marked = ""  # the marks of the last commit, as they were written
        self._begun = False  # a transaction is open
        self.counts: Counter[State] = Counter()
        self.added = 0
        self._count_all()
        for number, text in self._db.execute("SELECT id, fields FROM fields"):
            self._fields.setdefault(fields_of(text), number)
        self._fields_by_number = {number: fields for fields, number in self._fields.items()}
        self.may_retry = self.lines.may_retry
        self.waits_for = self.lines.waits_for

    # -- the contract ----------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Pages without an outcome."""
        return self.counts[State.QUEUED]

    def add(self, request: Request, /) -> bool:
        self._begin()
        origin = request.origin
        number = self._number(origin)
        sitemap = request.purpose is Purpose.SITEMAP
        added = self._db.execute(
            _schema.ADD,
            (
                self._last_row + 1,
                hash_of(f"sitemap:{request.url}" if sitemap else self._same(request.url)),
                number,
                int(sitemap),
                request.depth,
                request.url,
                request.parent,
                request.number,
                told_of(request),
                self._fields_number(request.headers),
                int(request.public_only),
            ),
        ).rowcount
        if added <= 0:
            return False
        self._last_row += 1
        self._count(number, State.QUEUED, 1, sitemap=sitemap)
        self.added += not sitemap
        host = self._hosts.get(origin)
        if host is None:
            self._look_at = 0.0
        else:
            host.queued += 1
            if not self.lines.by_origin[origin].queue:
                self._dry.add(origin)
        return True

    def take(self, *, new: bool = True) -> Request | Skip | Pause | None:
        while self._dry:
            self._top_up(self._dry.pop())
        item = self.lines.take(new=new)
        if not isinstance(item, Request | Skip) and new and self._load():
            item = self.lines.take(new=new)
        if isinstance(item, Request | Skip):
            self._used((item.request if isinstance(item, Skip) else item).origin)
        return item

    def again(self, request: Request, /, *, after: float = 0.0) -> None:
        if request.row and request.attempt > 1:
            self._begin()
            self._db.execute(
                "UPDATE urls SET attempt = ? WHERE id = ?", (request.attempt, request.row)
            )
        self.lines.again(request, after=after)

    def ended(
        self, request: Request, answer: Answer, /, *, latency: float, rest: float, peer: str
    ) -> None:
        self.lines.ended(request, answer, latency=latency, rest=rest, peer=peer)
        if rest:
            self._begin()
            self._db.execute(
                "UPDATE hosts SET not_before = ? WHERE id = ?",
                (self._wall() + rest, self._number(request.origin)),
            )

    def learn(self, origin: str, robots: Robots, /) -> None:
        self.lines.learn(origin, robots)
        if robots.rules is not None:
            self._begin()
            self._db.execute(
                "UPDATE hosts SET robots = ?, robots_at = ? WHERE id = ?",
                (zlib.compress(robots.body), self._wall(), self._number(origin)),
            )

    def is_new(self, hop: Request, /) -> bool:
        same = self._same(hop.url)
        if any(self._same(url) == same for url in hop.via):
            return True  # what led there is the same page in another spelling: a session's, say
        self._begin()
        key = hash_of(same)
        number = self._number(hop.origin)
        values = (self._last_row + 1, key, number, hop.depth, hop.url, hop.parent, hop.row)
        if self._db.execute(_schema.REACHED, values).rowcount > 0:
            self._last_row += 1
            return True
        # What led there may have been killed on the way, and is fetched a second time.
        return bool(_schema.one(self._db, _schema.OWNER, hop.row, key))

    def finish(self, request: Request, state: State, facts: Facts, /) -> None:
        self._begin()
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
        number = self._number(origin)
        sitemap = request.purpose is Purpose.SITEMAP
        self._count(number, State.QUEUED, -1, sitemap=sitemap)
        self._count(number, state, 1, sitemap=sitemap)
        host = self._hosts.get(origin)
        if host is not None:
            host.queued -= 1
            host.taken.discard(request.row)
            if not host.queued:
                self._drop(origin)

    def commit(self, marks: Mapping[str, str], /, *, synced: bool = False) -> None:
        text = json.dumps(dict(marks))
        if not self._begun and not synced and text == self._marked:
            return
        self._begin()
        self._settle()
        _schema.put(self._db, "marks", text)
        if synced:
            _schema.put(self._db, "synced", str(self._generation))
            _schema.put(self._db, "synced_marks", text)
            self._generation += 1
            _schema.put(self._db, "generation", str(self._generation))
        self._db.execute("COMMIT")
        self._begun = False
        self._marked = text

    def close(self) -> None:
        with contextlib.suppress(Exception):
            if self._begun:
                self._db.execute("ROLLBACK")
        self._db.close()
        self._lock.close()

    # -- what else is kept -----------------------------------------------------------------------

    def note(self, key: str, value: str) -> None:
        """Keep a value beside the URLs, from the next commit on."""
        self._begin()
        _schema.put(self._db, key, value)

    def noted(self, key: str) -> str:
        """A value that was kept; "" where there is none."""
        return _schema.get(self._db, key, "")

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
        self._begin()
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
        self._begin()
        return self._queue_again([row for (row,) in self._db.execute(_schema.ENDED)])

    def _queue_again(self, rows: list[int]) -> int:
        self._settle()
        self._db.executemany(_schema.AGAIN, [(row,) for row in rows])
        self._db.execute(_schema.RECOUNT)
        self._count_all()
        self._look_at = 0.0
        return len(rows)

    def _count_all(self) -> None:
        totals = self._db.execute(_schema.COUNTS).fetchone()
        for state, total in zip(_COLUMNS, totals, strict=True):
            self.counts[state] = total or 0

    # -- the front -------------------------------------------------------------------------------

    def _load(self) -> bool:
        """Bring hosts with queued requests into memory; whether any came."""
        now = self._clock()
        if now < self._look_at or len(self._hosts) >= _LINES:
            return False
        self._begin()
        self._settle()
        rows = self._db.execute(_schema.HOSTS, (self._cursor, self._wall(), _CHUNK)).fetchall()
        self._cursor = rows[-1][0] if len(rows) == _CHUNK else 0
        loaded = False
        for number, origin, queued, packed, read_at in rows:
            if origin not in self._hosts:
                self._hosts[origin] = _Host(number, queued)
                self._remember(origin, packed, read_at)
                self._top_up(origin)
                loaded = True
        if not loaded and not self._cursor:
            self._look_at = now + _AGAIN
        return loaded

    def _remember(self, origin: str, packed: bytes | None, read_at: float) -> None:
        """Give the line its rules, when they were read less than a day ago."""
        line = self.lines.line(origin)
        if line.rules is None and packed is not None:
            rules = rules_of.parse(zlib.decompress(packed), f"{origin}/robots.txt", self._agent)
            self.lines.obey(line, rules, age=max(0.0, self._wall() - read_at))

    def _top_up(self, origin: str) -> None:
        """Bring the next requests of a loaded host into its line."""
        host, line = self._hosts.get(origin), self.lines.line(origin)
        if host is None or host.queued <= len(host.taken) or line.queue:
            return
        wanted = min(_BATCH, max(_FEW, 2 * line.pace.window))
        rows = self._db.execute(_schema.NEXT, (host.number, wanted + len(host.taken)))
        now = self._clock()
        for row in rows:
            if row[0] not in host.taken:
                host.taken.add(row[0])
                self.lines.put(self._request(row, now))

    def _used(self, origin: str) -> None:
        """A request of that origin left its line."""
        host = self._hosts.get(origin)
        if host is None or self.lines.by_origin[origin].queue:
            return
        if host.queued > len(host.taken):
            self._dry.add(origin)

    def _drop(self, origin: str) -> None:
        """Nothing of the host is left to do."""
        del self._hosts[origin]
        self._dry.discard(origin)
        if len(self.lines.by_origin) > _LINES + _IDLE:
            self.lines.sweep(keep=self._hosts)

    def _request(self, row: tuple[Any, ...], now: float) -> Request:
        return request_of(row, now, self._fields_by_number, conditional=self._conditional)

    # -- the file --------------------------------------------------------------------------------

    def _begin(self) -> None:
        if not self._begun:
            self._db.execute("BEGIN IMMEDIATE")
            self._begun = True

    def _number(self, origin: str) -> int:
        """The host's number in the file, where it is entered when it is not there."""
        # It is made from the name: to look it up would cost more than all else about a URL.
        number = hash_of(origin)
        if number not in self._known:
            if len(self._known) >= _HOSTS:
                self._known.clear()
            self._db.execute("INSERT OR IGNORE INTO hosts(id, origin) VALUES (?, ?)",
                             (number, origin))  # fmt: skip
            self._known.add(number)
        return number

    def _fields_number(self, fields: Fields) -> int:
        """The number of these header fields in the file."""
        number = self._fields.get(fields)
        if number is None:
            added = self._db.execute("INSERT INTO fields(fields) VALUES (?)", (json.dumps(fields),))
            number = added.lastrowid or 0
            self._fields[fields] = number
            self._fields_by_number[number] = fields
        return number

    def _count(self, number: int, state: State, change: int, *, sitemap: bool) -> None:
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

    def _settle(self) -> None:
        """Write the hosts' counters."""
        self._db.executemany(
            _schema.COUNT,
            [
                (*(each[column] for column in (*_COLUMNS.values(), "sitemaps")), number)
                for number, each in self._changes.items()
            ],
        )
        self._changes.clear()
