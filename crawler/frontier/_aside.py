"""Lines that are no requests, while they wait for their turn: kept beside the URLs.

No table of the frontier knows such a line, and the input is read beyond it; so until its record is
written, it is written down here. Read beside it: ordered.py, sqlite.py.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from crawler.errors import FetchError
from crawler.model import Failure, Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crawler.frontier._schema import Db

_PREFIX = "aside:"
_END = "aside;"  # the next text after all that begin so
_PUT = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
_DROP = "DELETE FROM meta WHERE key = ?"
_ALL = "SELECT value FROM meta WHERE key >= ? AND key < ?"
_MISSING = "SELECT number FROM urls WHERE state = 0 AND purpose = 0 AND number > 0"


def put(db: Db, lines: Iterable[Failure]) -> None:
    """Write them down. Raises FrontierError."""
    for line in lines:
        db.execute(_PUT, (_key(line), _text_of(line)))


def drop(db: Db, lines: Iterable[Failure]) -> None:
    """Forget them. Raises FrontierError."""
    for line in lines:
        db.execute(_DROP, (_key(line),))


def lines(db: Db) -> list[Failure]:
    """What was written down, by the number of its line. Raises FrontierError."""
    found = (_line_of(text) for (text,) in db.execute(_ALL, (_PREFIX, _END)))
    return sorted(found, key=lambda line: line.request.number)


def missing(db: Db) -> set[int]:
    """The numbers of the lines that were read and have no record. Raises FrontierError."""
    queued = {number for (number,) in db.execute(_MISSING)}
    return queued | {line.request.number for line in lines(db)}


def _key(line: Failure) -> str:
    request = line.request
    return f"{_PREFIX}{request.number}:{line.error.code}:{request.text}"


def _text_of(line: Failure) -> str:
    request = line.request
    return json.dumps(
        [
            request.url,
            request.number,
            request.text,
            request.carried,
            line.error.code,
            str(line.error),
            line.started.isoformat(),
        ]
    )


def _line_of(text: str) -> Failure:
    url, number, shown, carried, code, message, at = json.loads(text)
    request = Request(url, number=number, text=shown, carried=carried)
    error = FetchError(message, code=code)
    return Failure(request, error, datetime.fromisoformat(at), 0.0, attempts=0)
