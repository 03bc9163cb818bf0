"""The records of a former output, read back: what failed is fetched again by `--retry-failed`.

    out.jsonl  out.csv  out.sqlite ──► records ──► those with an error ──► URL and what it carried

A last line that is torn, as a kill leaves it, is left out.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
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


def failed(name: str) -> Iterator[Said]:
    """The URLs that failed, by the output of that name.

    Raises:
        InputError: it cannot be read, or is no output of ours.
    """
    path = Path(name)
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise InputError(f"cannot read {name!r}: {error.strerror}") from error
    if start == _SQLITE:
        yield from of_records(_of_table(path), _OURS)
    elif path.name.lower().removesuffix(".gz").endswith(".csv"):
        yield from of_records(_of_csv(path), _OURS)
    else:
        yield from of_records(_of_lines(path), _OURS)


def _of_lines(path: Path) -> Iterator[dict[str, object]]:
    opened = gzip.open if path.name.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                if line.endswith("\n"):
                    raise InputError(f"{str(path)!r} holds no records: {line[:60]!a}") from None
                return
            if isinstance(record, dict):
                yield record


def _of_csv(path: Path) -> Iterator[dict[str, object]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = csv.DictReader(lines)
        if "url" not in (rows.fieldnames or ()) or "error" not in (rows.fieldnames or ()):
            raise InputError(f"{str(path)!r} holds no records: it has no columns url and error")
        for row in rows:
            yield {name: value for name, value in row.items() if name is not None}


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
