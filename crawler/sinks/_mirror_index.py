"""Which URL lies where in a mirror, kept in the mirror itself: it holds in the next run, too.

    DIR/.crawl-mirror.sqlite     pages(url, file, folded, encoding, digest)  folders  aliases

A file's own name is taken when another URL has it, in whatever case, or when it is a folder; the
later one gets a hash. A folder whose name a file has gets a tilde. Names are compared in lower
case, because some file systems do.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

from crawler.errors import SinkError
from crawler.sinks import _places

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NamedTuple

    class Page(NamedTuple):
        """An HTML page or a style sheet in the mirror."""

        url: str
        file: str
        encoding: str
        digest: bytes  # of what was fetched


NAME = ".crawl-mirror.sqlite"  # no URL leads to a name that begins with a dot
_TABLES = """
    CREATE TABLE IF NOT EXISTS pages(
        url TEXT PRIMARY KEY, file TEXT NOT NULL, folded TEXT NOT NULL UNIQUE, encoding TEXT,
        digest BLOB) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS folders(folded TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS aliases(url TEXT PRIMARY KEY, file TEXT NOT NULL) WITHOUT ROWID;
"""
_REMEMBERED = 10_000  # folders known without asking
_WAIT = 5.0  # seconds for another crawl's lock


class Index:
    """The index of one mirror.

    Args:
        folder: of the mirror.
        fd: of the same.

    Raises:
        SinkError: it is damaged, or cannot be written.
    """

    def __init__(self, folder: str, fd: int) -> None:
        self._folder = folder
        self._known: set[str] = set()
        with self._faults():
            _refuse_links(fd)
            self._db = sqlite3.connect(
                os.path.join(folder, NAME),  # noqa: PTH118 - as the folder was given
                isolation_level=None,
                timeout=_WAIT,
            )
        try:
            with self._faults():
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.executescript(_TABLES)
        except BaseException:
            self._db.close()
            raise

    def place(self, url: str, kind: str, *, is_page: bool) -> str:
        """Where the body of the URL belongs, below the folder; the same place every time."""
        with self._faults():
            self._begin()
            found = self._one("SELECT file FROM pages WHERE url = ?", url)
            return found or self._new(url, kind, is_page=is_page)

    def note(self, url: str, file: str, encoding: str | None, digest: bytes | None) -> None:
        """The body is there; of an HTML page or a style sheet its encoding and digest."""
        with self._faults():
            self._db.execute(
                "INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?)",
                (url, file, file.lower(), encoding, digest),
            )

    def lead(self, url: str, file: str) -> None:
        """The URL was redirected to what is in that file."""
        with self._faults():
            self._db.execute("INSERT OR REPLACE INTO aliases VALUES (?, ?)", (url, file))

    def file(self, url: str) -> str:
        """Where the URL leads to; "" when that is not in the mirror."""
        with self._faults():
            page = self._one("SELECT file FROM pages WHERE url = ?", url)
            return page or self._one("SELECT file FROM aliases WHERE url = ?", url)

    def pages(self) -> Iterator[Page]:
        """The HTML pages and style sheets, by URL."""
        with self._faults():
            yield from self._db.execute(
                "SELECT url, file, encoding, digest FROM pages WHERE encoding IS NOT NULL"
            )

    def commit(self) -> None:
        """Make what was noted last."""
        with self._faults():
            if self._db.in_transaction:
                self._db.execute("COMMIT")

    def close(self) -> None:
        """Commit and close."""
        try:
            self.commit()
        finally:
            self._db.close()

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")

    def _new(self, url: str, kind: str, *, is_page: bool) -> str:
        names = _places.place(url, kind, is_page=is_page)
        for count in range(1, len(names)):
            while self._is_file("/".join(names[:count])):
                names[count - 1] += "~"
            self._take_folder("/".join(names[:count]).lower())
        turn, own = 0, names[-1]
        while self._is_taken("/".join(names)):
            names[-1] = _places.other(own, url, turn)
            turn += 1
        return "/".join(names)

    def _take_folder(self, folded: str) -> None:
        if folded in self._known:
            return
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known.add(folded)
        self._db.execute("INSERT OR IGNORE INTO folders VALUES (?)", (folded,))

    def _is_file(self, path: str) -> bool:
        folded = path.lower()
        if folded in self._known:
            return False
        return bool(self._one("SELECT file FROM pages WHERE folded = ?", folded))

    def _is_taken(self, path: str) -> bool:
        folder = self._one("SELECT folded FROM folders WHERE folded = ?", path.lower())
        return bool(folder) or self._is_file(path)

    def _one(self, query: str, value: str) -> str:
        row = self._db.execute(query, (value,)).fetchone()
        return row[0] if row is not None else ""

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise SinkError(f"cannot mirror into {self._folder!r}: {NAME}: {error}") from error


def _refuse_links(fd: int) -> None:
    """SQLite follows links: there must be none in the places of its files. Raises OSError."""
    for suffix in ("-wal", "-shm", "-journal", ""):
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        if not suffix:
            flags |= os.O_CREAT
        with contextlib.suppress(FileNotFoundError):
            os.close(os.open(NAME + suffix, flags, 0o666, dir_fd=fd))
