"""Records as rows of an SQLite table that can be read while it is written.

    out.sqlite   pages(record INTEGER PRIMARY KEY, n INTEGER, input TEXT, url TEXT, ...)

What is flushed is one transaction: the file holds all of it or nothing. Its mark is the last row's
number and a checksum of that row; to resume is to delete the rows after it.

Facts. In WAL others read while one writes, and a commit outlives the process but, with
synchronous=NORMAL, no power cut (https://www.sqlite.org/wal.html, pragma.html#pragma_synchronous);
commits are in FILE-wal until a checkpoint, which syncs it first, so fsync(2) of that file is what
makes them last. Names of columns do not differ by case alone. A full disk is SQLITE_FULL, a limit
of the file's size SQLITE_IOERR; either way the transaction is undone.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING
from zlib import crc32

from crawler.errors import SinkError
from crawler.sinks._file import sync_directory
from crawler.sinks._table import Kind, kind, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crawler.model import Final
    from crawler.sinks.record import Describer, Field

_GATHER = 500  # rows of one transaction at most
_WAIT = 5.0  # seconds for another writer's lock
_TYPES = {Kind.INTEGER: "INTEGER", Kind.BOOLEAN: "INTEGER", Kind.REAL: "REAL"}
_ADVICE = "put it back, or name another output"


class SqliteFile:
    """A sink of rows.

    Args:
        path: the file.
        describer: makes the rows.
        mode: ``new``, ``overwrite``, ``append`` or ``resume``.
        mark: with ``resume``, of an earlier `mark()`.

    Raises:
        SinkError: it cannot be opened, is not ours to replace, damaged, or not what the mark is of.
    """

    def __init__(
        self, path: str, describer: Describer, *, mode: str = "new", mark: str = ""
    ) -> None:
        self.name = path
        self._row = describer.row
        self._kinds = [kind(name) for name in describer.fields]
        self._rows: list[list[object]] = []
        self._fault: SinkError | None = None
        self._mark = ""
        is_new = _prepare(path, mode, mark)
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=_WAIT)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        try:
            columns = _columns(describer.fields)
            self._check(must_be_new=mode == "resume" and not mark)
            self._begin(columns)
            if mark:
                self._cut(mark)
            if is_new:
                sync_directory(path)
            self._id = _identity(path)
        except sqlite3.Error as error:
            self._db.close()
            raise self._failed(error) from error
        except BaseException:
            self._db.close()
            raise
        names = ", ".join(map(_quoted, columns))
        places = ", ".join("?" * len(columns))
        self._insert = f"INSERT INTO pages({names}) VALUES ({places})"  # noqa: S608 - quoted

    def write(self, outcome: Final) -> None:
        if self._fault is not None:
            raise self._fault
        values = zip(self._row(outcome), self._kinds, strict=True)
        self._rows.append([_cell(value, what) for value, what in values])
        if len(self._rows) >= _GATHER:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered, in one transaction. Raises SinkError."""
        if self._fault is not None:
            raise self._fault
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        self._mark = ""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(self._insert, rows)
            self._db.execute("COMMIT")
            if _identity(self.name) != self._id:
                raise SinkError(f"{self.name} was removed while it was written")
        except (sqlite3.Error, SinkError) as error:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            self._fault = error if isinstance(error, SinkError) else self._failed(error)
            raise self._fault from error

    def mark(self) -> str:
        """Flush; the number of the last row and its checksum. Raises SinkError."""
        self.flush()
        if not self._mark:
            try:
                last = self._last()
                self._mark = f"{last}:{self._checksum(last):08x}"
            except sqlite3.Error as error:
                self._fault = self._failed(error)
                raise self._fault from error
        return self._mark

    def sync(self) -> None:
        """Wait until what was flushed is on the disk. Raises SinkError."""
        self.flush()
        try:
            # The log alone: SQLite would lose its locks if the file itself were closed here.
            fd = os.open(f"{os.path.realpath(self.name)}-wal", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # without a log every commit was waited for
            return
        except OSError as error:
            raise SinkError(f"cannot write {self.name}: {error.strerror}") from error
        try:
            os.fsync(fd)
        except OSError as error:
            self._fault = SinkError(f"cannot write {self.name}: {error.strerror}")
            raise self._fault from error
        finally:
            os.close(fd)

    def close(self) -> None:
        """Flush and close. Raises SinkError."""
        try:
            if self._fault is None and self._rows:
                self.flush()
        finally:
            try:
                self._db.close()
            except sqlite3.Error as error:
                raise self._failed(error) from error

    def _check(self, *, must_be_new: bool) -> None:
        """Look at what is there."""
        (found,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise SinkError(f"{self.name!r} is damaged: {found}")
        names = [name for (name,) in self._db.execute("SELECT name FROM sqlite_schema")]
        if must_be_new and names and (names != ["pages"] or self._last()):
            raise SinkError(f"{self.name!r} exists: give --overwrite or --append, or another name")

    def _begin(self, columns: list[str]) -> None:
        """Make the table, or give it the columns it lacks."""
        (mode,) = self._db.execute("PRAGMA journal_mode = WAL").fetchone()
        self._db.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
        defined = [
            f"{_quoted(name)} {_TYPES.get(what, 'TEXT')}"
            for name, what in zip(columns, self._kinds, strict=True)
        ]
        self._db.execute("BEGIN IMMEDIATE")
        there = {str(row[1]).lower() for row in self._db.execute("PRAGMA table_info(pages)")}
        if there and "record" not in there:
            raise SinkError(f"{self.name!r} has a table 'pages' of somebody else: {_ADVICE}")
        if there:
            for name, definition in zip(columns, defined, strict=True):
                if name.lower() not in there:
                    self._db.execute(f"ALTER TABLE pages ADD COLUMN {definition}")
        else:
            listed = ", ".join(defined)
            self._db.execute(f"CREATE TABLE pages(record INTEGER PRIMARY KEY, {listed})")
        self._db.execute("COMMIT")

    def _cut(self, mark: str) -> None:
        """Delete the rows after the mark."""
        number, _, checksum = mark.partition(":")
        if not (number.isascii() and number.isdigit()):
            raise SinkError(f"cannot go on with {self.name!r}: {mark!r} is no mark of a table")
        last = int(number)
        found = self._last()
        if found < last:
            raise SinkError(
                f"{self.name!r} has {found} records, and this crawl had written {last}: it was"
                f" replaced or changed; {_ADVICE}"
            )
        if f"{self._checksum(last):08x}" != checksum:
            raise SinkError(
                f"{self.name!r} does not hold what this crawl had written as record {last}: it was"
                f" replaced or changed; {_ADVICE}"
            )
        self._db.execute("DELETE FROM pages WHERE record > ?", (last,))

    def _last(self) -> int:
        (last,) = self._db.execute("SELECT coalesce(max(record), 0) FROM pages").fetchone()
        return int(last)

    def _checksum(self, record: int) -> int:
        """Of what the row holds; columns that were added since do not count."""
        row = self._db.execute("SELECT * FROM pages WHERE record = ?", (record,)).fetchone()
        return crc32(repr([value for value in row or () if value is not None]).encode())

    def _failed(self, error: sqlite3.Error) -> SinkError:
        return SinkError(f"cannot write {self.name}: {error}")


def _prepare(path: str, mode: str, mark: str) -> bool:
    """Whether the file has to be made; what is to be overwritten is taken away."""
    try:
        size = os.stat(path).st_size  # noqa: PTH116 - as the path was given
    except FileNotFoundError:
        if mark:
            records = mark.partition(":")[0]
            raise SinkError(
                f"{path!r} is gone, and {records} records of this crawl were in it: {_ADVICE}"
            ) from None
        return True
    except (OSError, ValueError) as error:
        raise SinkError(f"cannot write {path!r}: {error}") from error
    if not os.path.isfile(path):  # noqa: PTH113
        raise SinkError(f"cannot write {path!r}: a database has to be a regular file")
    if size and mode == "new":
        raise SinkError(f"{path!r} exists: give --overwrite or --append, or another name")
    if mode == "overwrite":
        real = os.path.realpath(path)
        for name in (real, f"{real}-wal", f"{real}-shm", f"{real}-journal"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)  # noqa: PTH108
    return mode == "overwrite" or not size


def _identity(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return (0, 0)
    return status.st_dev, status.st_ino


def _columns(fields: Iterable[str]) -> list[str]:
    """The names of the columns: no two differ by case alone, and none is `record`."""
    taken = {"record"}
    names: list[str] = []
    for field in fields:
        plain = field.replace("\0", "")
        name, number = plain, 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name.lower())
        names.append(name)
    return names


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _cell(value: Field, what: Kind) -> object:
    return text(value) if what in {Kind.TEXT, Kind.INSTANT} else value
