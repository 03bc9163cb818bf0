"""The records of a former output, read back: what failed is fetched again by `--retry-failed`.

    out.jsonl  out.csv  out.sqlite ──► records ──► those with an error ──► URL and what it carried

Read line by line, however long the output is. What a kill has torn is left out.
"""

from __future__ import annotations

import csv
import gzip
import json
import logging
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.entries import of_records
from crawler.errors import InputError
from crawler.sinks.record import CARRIED, FIELDS, ON_REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawler.entries import Said

_OURS = frozenset({*FIELDS, *ON_REQUEST, CARRIED, "id", "state"})
_SQLITE = b"SQLite format 3\0"
_GZIP = b"\x1f\x8b"
_OTHERS = (b"PAR1", b"WARC/")

log = logging.getLogger(__name__)


def failed(name: str) -> Iterator[Said]:
    """The URLs that failed, by the output of that name.

    Raises:
        InputError: it cannot be read, or is no output of ours.
    """
    path = Path(name)
    try:
        if not path.is_file():
            raise InputError(f"cannot read {name!r}: a former output must be a regular file")
        with path.open("rb") as file:
            start = file.read(16)
        if start.startswith(_OTHERS) or ".warc" in path.suffixes:
            raise InputError(f"cannot read {name!r}: only .jsonl, .csv and .sqlite are read again")
        if start == _SQLITE:
            yield from of_records(_of_table(path), _OURS)
        elif path.name.lower().removesuffix(".gz").endswith(".csv"):
            yield from of_records(_of_csv(path), _OURS)
        else:
            yield from of_records(_of_lines(path), _OURS)
    except OSError as error:
        raise InputError(f"cannot read {name!r}: {error.strerror or error}") from error


def _lines(path: Path) -> Iterator[str]:
    """The lines with their ends, but for the last where that is torn."""
    with path.open("rb") as file:
        is_gzip = file.read(2) == _GZIP
    opened = gzip.open if is_gzip else open
    with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as lines:
        try:
            yield from lines
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            log.warning("%r is torn: %s", str(path), error)


def _of_lines(path: Path) -> Iterator[dict[str, object]]:
    is_first = True
    for line in _lines(path):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            yield record
        elif is_first and line.endswith("\n"):
            raise InputError(f"{str(path)!r} holds no records: {line[:60]!a}")
        else:
            log.warning("%r: no record: %a", str(path), line[:60])
        is_first = False


def _of_csv(path: Path) -> Iterator[dict[str, object]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    rows = csv.reader(line for line in _lines(path) if line.endswith(("\n", "\r")))
    try:
        names = next(rows, [])
        if "url" not in names or "error" not in names:
            raise InputError(f"{str(path)!r} holds no records: it has no columns url and error")
        for row in rows:
            if len(row) == len(names):
                yield dict(zip(names, row, strict=True))
            elif row:
                log.warning("%r: no record: %a", str(path), row[:2])
    except csv.Error as error:
        raise InputError(f"{str(path)!r} holds no records: {error}") from error


def _of_table(path: Path) -> Iterator[dict[str, object]]:
    import sqlite3

    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            db.row_factory = sqlite3.Row
            for row in db.execute("SELECT * FROM pages WHERE error IS NOT NULL"):
                yield dict(row)
        finally:
            db.close()
    except sqlite3.Error as error:
        raise InputError(f"{str(path)!r} holds no records: {error}") from error
