"""Read what a crawl has written, by other means than it was written with."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path


def records(path: Path) -> Counter[str]:
    """How often each URL has a record; every line whole and JSON."""
    text = path.read_bytes() if path.exists() else b""
    assert not text or text.endswith(b"\n"), "a torn record"
    return Counter(json.loads(line)["url"] for line in text.splitlines())


def fetched(path: Path) -> Counter[str]:
    """The same, of those that were fetched."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return Counter(record["url"] for record in map(json.loads, lines) if record["ok"])


def archived(folder: Path) -> Counter[str]:
    """How often each URL has an answer in the WARC parts of a folder, whose members are whole."""
    found: Counter[str] = Counter()
    for part in sorted(folder.glob("*.warc.gz")):
        with gzip.open(part) as file:
            kind = ""
            for line in file.read().split(b"\r\n"):
                if line.startswith(b"WARC-Type: "):
                    kind = line[11:].decode()
                if line.startswith(b"WARC-Target-URI: ") and kind in {"response", "revisit"}:
                    found[line[17:].decode()] += 1
    return found


def states(path: Path) -> Counter[int]:
    """How many pages the state has in each of contracts.State; the file is sound."""
    if not path.exists():
        return Counter()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            return Counter()  # it died before the first commit
        rows = db.execute("SELECT state, count(*) FROM urls WHERE purpose = 0 GROUP BY state")
        return Counter(dict(rows.fetchall()))


def of_rows(path: Path) -> Counter[str]:
    """How often each URL has a row in an SQLite output."""
    if not path.exists():
        return Counter()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (table,) = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchone()
        return Counter(url for (url,) in db.execute(f"SELECT url FROM {table}"))
