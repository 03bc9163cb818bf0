"""A state file as others see it: read, never written, also while its crawl goes on.

Facts: readers of a database in WAL mode neither wait for the writer nor hold it up
(https://www.sqlite.org/wal.html). Read beside it: sqlite.py (who writes it).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crawler.contracts import State
from crawler.errors import FrontierError
from crawler.frontier import _schema, damage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HOSTS = """SELECT origin, queued, done, failed, skipped, not_before FROM hosts
ORDER BY queued DESC, done + failed + skipped DESC, id LIMIT ?"""
_CODES = "SELECT code, count(*) FROM urls WHERE state = ? AND purpose = 0 GROUP BY code"
_ROWS = """SELECT id, url, state, code, status, depth, parent, number, attempt, etag, modified, told
FROM urls WHERE purpose = 0"""


@dataclass(frozen=True, slots=True)
class Host:
    """One host of a crawl."""

    origin: str
    queued: int
    done: int
    failed: int
    skipped: int
    not_before: float  # Unix time until which it rests; 0.0 where it does not


@dataclass(frozen=True, slots=True)
class Overview:
    """A crawl at the instant of its last commit."""

    counts: dict[State, int]  # pages
    hosts: int
    busiest: tuple[Host, ...]  # those with the most left to do
    failed: tuple[tuple[str, int], ...]  # (code, count), most frequent first
    skipped: tuple[tuple[str, int], ...]
    process: int  # that crawls now; 0 where none does
    finished: bool
    round: int
    progress: tuple[tuple[float, int], ...]  # (Unix time, pages that had ended), oldest first


class StateFile:
    """Reads a state file.

    Raises:
        FrontierError: it is not there, damaged, or none of ours.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise FrontierError(f"no such state: {str(path)!r}")
        try:
            self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
            (mark,) = self._db.execute("PRAGMA application_id").fetchone()
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as error:
            raise FrontierError(f"{str(path)!r} is not the state of a crawl: {error}") from error
        if mark != _schema.MARK or version not in _schema.READABLE:
            self._db.close()
            raise FrontierError(f"{str(path)!r} is not the state of a crawl of this version")

    def __enter__(self) -> StateFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def overview(self, *, hosts: int = 20) -> Overview:
        """How the crawl stands, with its `hosts` busiest hosts."""
        with damage.as_error():
            return self._overview(hosts)

    def _overview(self, hosts: int) -> Overview:
        totals = self._query(_schema.COUNTS)[0]
        states = (State.QUEUED, State.DONE, State.FAILED, State.SKIPPED)
        return Overview(
            counts={state: total or 0 for state, total in zip(states, totals, strict=True)},
            hosts=self._query("SELECT count(*) FROM hosts")[0][0],
            busiest=tuple(Host(*row) for row in self._query(_HOSTS, hosts)),
            failed=self._codes(State.FAILED),
            skipped=self._codes(State.SKIPPED),
            process=holder(self._path),
            finished=bool(self.noted("finished")),
            round=int(self.noted("round") or "1"),
            progress=tuple((at, done) for at, done in json.loads(self.noted("progress") or "[]")),
        )

    def noted(self, key: str) -> str:
        """A value that the crawl kept; "" where there is none."""
        rows = self._query("SELECT value FROM meta WHERE key = ?", key)
        return str(rows[0][0]) if rows else ""

    def rows(self) -> Iterator[dict[str, object]]:
        """Every page that was ever known, in the order it became known, as a record."""
        last = 0
        while True:
            # A few at a time: a reader that stays would keep the log of the crawl from shrinking.
            found = self._query(f"{_ROWS} AND id > ? ORDER BY id LIMIT 1000", last)
            if not found:
                return
            for row in found:
                yield _record(row)
            last = found[-1][0]

    def _codes(self, state: State) -> tuple[tuple[str, int], ...]:
        rows = self._query(_CODES, state.value)
        return tuple(sorted(rows, key=lambda row: (-row[1], row[0])))

    def _query(self, statement: str, *values: object) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise FrontierError(f"{str(self._path)!r} cannot be read: {error}") from error


def holder(path: Path) -> int:
    """The process that crawls with this state now; 0 where none does."""
    with contextlib.suppress(OSError, ValueError), open(f"{path}.lock") as lock:  # noqa: PTH123
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return int(lock.read(20).strip() or "0")
    return 0


def _record(row: tuple[Any, ...]) -> dict[str, object]:
    identity, url, state, code, status, depth, parent, number, attempts, etag, modified, told = row
    said = json.loads(told) if told else {}
    return {
        "id": identity,
        "n": number or None,
        "input": said.get("text") or None,
        "url": url,
        "state": State(state).name.lower(),
        "status": status or None,
        "error": code or None,
        "depth": depth,
        "parent": parent,
        "attempts": attempts,
        "etag": etag,
        "last_modified": modified,
        "carried": json.loads(said["carried"]) if said.get("carried") else None,
    }
