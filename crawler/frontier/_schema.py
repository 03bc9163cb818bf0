"""The file of a crawl: its tables, who may open it, and how it is put right after a crash.

    urls     one row for each URL that was ever added, or reached by a redirect
    seen     the same by fingerprint, all but the newest
    hosts    one row for each origin: counters, how long it rests, its robots.txt
    meta     the version, the settings, how long the outputs were at the last commit

Only one process writes: it holds a lock beside the file (flock(2)), with its number in it. Others
may read at any time (https://www.sqlite.org/wal.html).
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.errors import FrontierError

if TYPE_CHECKING:
    from typing import IO, Any

VERSION = 2
READABLE = frozenset({1, VERSION})  # by those that only look
MARK = 0x63726177  # "craw", the application_id: says whose file it is

_TABLES = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE hosts(
    id INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,                   -- id is made from it
    queued INTEGER NOT NULL DEFAULT 0,      -- URLs in state 0, sitemaps among them
    sitemaps INTEGER NOT NULL DEFAULT 0,    -- those of them that are sitemaps
    done INTEGER NOT NULL DEFAULT 0,        -- pages
    failed INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    not_before REAL NOT NULL DEFAULT 0,     -- Unix time it rests until
    robots BLOB,                            -- robots.txt, deflated; NULL where not known
    robots_at REAL NOT NULL DEFAULT 0,      -- Unix time it was read
    told TEXT                               -- what it told us besides, see told.py; NULL nothing
);
CREATE INDEX hosts_queued ON hosts(id) WHERE queued > 0;
CREATE INDEX hosts_resting ON hosts(not_before) WHERE not_before > 0;
CREATE TABLE urls(
    id INTEGER PRIMARY KEY,
    fingerprint INTEGER NOT NULL,           -- no two have the same: see _rows_seen.py
    host INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,       -- contracts.State
    purpose INTEGER NOT NULL DEFAULT 0,     -- 0 a page, 1 a sitemap
    depth INTEGER NOT NULL,
    url TEXT NOT NULL,
    parent TEXT,
    number INTEGER NOT NULL DEFAULT 0,      -- line of the input; 0 for a link
    told TEXT,                              -- what a seed says beyond its URL, JSON
    fields INTEGER NOT NULL DEFAULT 0,      -- header fields, of the table; 0 those of the crawl
    public_only INTEGER NOT NULL DEFAULT 0, -- private addresses are refused
    owner INTEGER,                          -- of a URL in state 4: the one that led there
    attempt INTEGER NOT NULL DEFAULT 1,
    code TEXT NOT NULL DEFAULT '',          -- why it failed or was skipped
    status INTEGER NOT NULL DEFAULT 0,
    etag TEXT,
    modified TEXT,                          -- Last-Modified
    generation INTEGER NOT NULL DEFAULT 0   -- in which it ended
);
CREATE TABLE seen(fingerprint INTEGER PRIMARY KEY, row INTEGER NOT NULL);
CREATE TABLE fields(id INTEGER PRIMARY KEY, fields TEXT NOT NULL UNIQUE);
CREATE INDEX urls_queued ON urls(host, depth, id) WHERE state = 0;
"""
_FROM_1 = """
ALTER TABLE hosts ADD COLUMN told TEXT;
CREATE INDEX hosts_resting ON hosts(not_before) WHERE not_before > 0;
CREATE TABLE seen(fingerprint INTEGER PRIMARY KEY, row INTEGER NOT NULL);
INSERT INTO seen SELECT fingerprint, id FROM urls ORDER BY fingerprint;
INSERT INTO meta SELECT 'merged', coalesce(max(id), 0) FROM urls;
"""

ADD = """INSERT INTO urls(id, fingerprint, host, purpose, depth, url, parent, number,
told, fields, public_only) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
HOST = "INSERT OR IGNORE INTO hosts(id, origin) VALUES (?, ?)"
REACHED = """INSERT INTO urls(id, fingerprint, host, state, depth, url, parent, owner)
VALUES (?, ?, ?, 4, ?, ?, ?, ?)"""
OWNER = "SELECT state = 4 AND owner = ? FROM urls WHERE id = ?"
SEEN = "SELECT row FROM seen WHERE fingerprint = ?"
SEE = "INSERT INTO seen VALUES (?, ?)"
FRESH = "SELECT fingerprint, id FROM urls WHERE id > ?"  # since the last merge
_HOST = """SELECT id, origin, queued, robots, robots_at, not_before, told,
done + failed + skipped FROM hosts"""
HOSTS = f"{_HOST} WHERE queued > 0 AND id > ? AND not_before <= ? ORDER BY id LIMIT ?"
RESTING = f"""{_HOST} WHERE queued > 0 AND not_before > ? AND not_before > 0
ORDER BY not_before LIMIT ?"""
TOLD = "UPDATE hosts SET not_before = ?, told = ? WHERE id = ?"
FORGET = "UPDATE hosts SET told = NULL WHERE told IS NOT NULL"
NEXT = """SELECT id, purpose, depth, url, parent, number, told, fields, public_only, attempt, etag,
modified FROM urls WHERE state = 0 AND host = ? ORDER BY depth, id LIMIT ?"""
FINISH = """UPDATE urls SET state = ?, code = ?, status = ?, etag = ?, modified = ?, generation = ?
WHERE id = ?"""
COUNT = """UPDATE hosts SET queued = queued + ?, done = done + ?, failed = failed + ?,
skipped = skipped + ?, sitemaps = sitemaps + ? WHERE id = ?"""
COUNTS = """SELECT sum(queued - sitemaps), sum(done), sum(failed), sum(skipped) FROM hosts"""

SEEDS = "SELECT url FROM urls WHERE depth = 0 AND parent IS NULL AND purpose = 0 AND state != 4"
MOVED = """SELECT seed.url, urls.url FROM urls JOIN urls AS seed ON seed.id = urls.owner
WHERE urls.depth = 0 AND urls.parent IS NULL AND urls.state = 4"""
FOUND = """SELECT origin, count FROM hosts JOIN (SELECT host, COUNT(*) AS count FROM urls
WHERE depth > 0 AND purpose = 0 AND state != 4 GROUP BY host) ON host = hosts.id"""
FAILED = "SELECT id, code FROM urls WHERE state = 2 AND purpose = 0"
ENDED = "SELECT id FROM urls WHERE state IN (1, 2, 3)"
AGAIN = "UPDATE urls SET state = 0, code = '', attempt = 1 WHERE id = ?"

_UNDO = """UPDATE urls SET state = 0, code = '' WHERE state IN (1, 2, 3) AND generation > ?"""
RECOUNT = """UPDATE hosts SET queued = n.queued, sitemaps = n.sitemaps, done = n.done,
failed = n.failed, skipped = n.skipped FROM (SELECT host, sum(state = 0) AS queued,
sum(state = 0 AND purpose = 1) AS sitemaps,
sum(state = 1 AND purpose = 0) AS done, sum(state = 2 AND purpose = 0) AS failed,
sum(state = 3 AND purpose = 0) AS skipped FROM urls GROUP BY host) AS n WHERE hosts.id = n.host"""


def locked(path: Path) -> IO[str]:
    """The lock of the file, held until it is closed.

    Raises:
        FrontierError: another process has it, or it cannot be made.
    """
    name = Path(f"{path}.lock")
    try:
        lock = name.open("a+")
    except OSError as error:
        raise FrontierError(f"cannot open {str(name)!r}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read(20).strip() or "another"
        lock.close()
        raise FrontierError(
            f"{str(path)!r} is in use by process {holder}: wait for it, or give another --state"
        ) from error
    lock.seek(0)
    lock.truncate()
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


class Db(sqlite3.Connection):
    """A connection whose errors are ours."""

    def begin(self) -> None:
        """Begin a transaction, unless one is under way. Raises FrontierError."""
        if not self.in_transaction:
            self.execute("BEGIN IMMEDIATE")

    def execute(self, statement: str, values: Any = (), /) -> sqlite3.Cursor:
        """As in sqlite3. Raises FrontierError."""
        try:
            return super().execute(statement, values)
        except sqlite3.Error as error:
            raise FrontierError(f"the state of the crawl cannot be kept: {error}") from error

    def executescript(self, script: str, /) -> sqlite3.Cursor:
        """As in sqlite3. Raises FrontierError."""
        try:
            return super().executescript(script)
        except sqlite3.Error as error:
            raise FrontierError(f"the state of the crawl cannot be kept: {error}") from error

    def executemany(self, statement: str, rows: Any, /) -> sqlite3.Cursor:
        """As in sqlite3. Raises FrontierError."""
        try:
            return super().executemany(statement, rows)
        except sqlite3.Error as error:
            raise FrontierError(f"the state of the crawl cannot be kept: {error}") from error


def opened(path: Path) -> Db:
    """The file, made when it is not there.

    Raises:
        FrontierError: it cannot be opened, is damaged, none of ours, or of another version.
    """
    try:
        # It may hold what is secret: header fields, a proxy's password.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(path, isolation_level=None, timeout=5.0, factory=Db)
    except (sqlite3.Error, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FrontierError(f"cannot open {str(path)!r}: {reason}") from error
    try:
        _prepare(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: Db, path: Path) -> None:
    try:
        (tables,) = sqlite3.Connection.execute(db, "SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        raise FrontierError(f"{str(path)!r} is not the state of a crawl: {error}") from error
    (mark,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if tables and mark != MARK:
        raise FrontierError(f"{str(path)!r} is not the state of a crawl")
    if tables and version not in READABLE:
        raise FrontierError(
            f"{str(path)!r} is of version {version}, and this program reads up to {VERSION}:"
            " finish it with the program that began it, or give another --state"
        )
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA wal_autocheckpoint = 4000")  # pages: what changes often is written back once
    db.execute("PRAGMA cache_size = -24576")  # KiB
    if not tables:
        db.execute(f"PRAGMA application_id = {MARK}")
        db.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {VERSION};COMMIT;")
        return
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise FrontierError(
            f"{str(path)!r} is damaged: {found}; `crawl export` reads what can still be read"
        )
    if version < VERSION:
        db.executescript(f"BEGIN;{_FROM_1}PRAGMA user_version = {VERSION};COMMIT;")


def recovered(db: Db) -> dict[str, str]:
    """The marks of the outputs at the last commit that is to be trusted.

    After a reboot that is the last one whose outputs were on the disk, and what ended since then is
    queued again. What was added since then stays: so does the mark "", the place in the input.
    """
    boot = _boot()
    db.execute("BEGIN IMMEDIATE")
    marks = get(db, "marks", "{}")
    if get(db, "boot", boot) != boot:
        place = json.loads(marks).get("", "0")
        marks = json.dumps({**json.loads(get(db, "synced_marks", "{}")), "": place})
        db.execute(_UNDO, (int(get(db, "synced", "0")),))
        db.execute(RECOUNT)
    put(db, "boot", boot)
    put(db, "marks", marks)
    db.execute("COMMIT")
    told = json.loads(marks)
    return {str(name): str(mark) for name, mark in told.items()}


def get(db: Db, key: str, default: str) -> str:
    """A value of the table `meta`."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return default if row is None else str(row[0])


def put(db: Db, key: str, value: str) -> None:
    """Set a value of the table `meta`."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def one(db: Db, statement: str, *values: str | int) -> int:
    """The number that the statement gives."""
    (number,) = db.execute(statement, values).fetchone()
    assert isinstance(number, int)
    return number


def _boot() -> str:
    """The number of this boot of the machine; "" where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
