"""A request as a row of the state file, and back. Read beside it: sqlite.py, _schema.py."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeAlias

from crawler.frontier import damage
from crawler.model import Purpose, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crawler.frontier._schema import Db

Fields: TypeAlias = "tuple[tuple[str, str], ...]"


class FieldsTable:
    """Header fields by number, each kept once.

    Args:
        db: the file.
        usual: the fields of requests that have no others: number 0, and not kept.

    Attributes:
        by_number: the fields.
    """

    def __init__(self, db: Db, usual: Fields) -> None:
        self._db = db
        self._numbers: dict[Fields, int] = {usual: 0}
        for number, text in db.execute("SELECT id, fields FROM fields"):
            fields = tuple((str(name), str(value)) for name, value in json.loads(text))
            self._numbers.setdefault(fields, number)
        self.by_number = {number: fields for fields, number in self._numbers.items()}

    def number(self, fields: Fields) -> int:
        """The number of these fields, which are kept when they are new. Raises FrontierError."""
        number = self._numbers.get(fields)
        if number is None:
            added = self._db.execute("INSERT INTO fields(fields) VALUES (?)", (json.dumps(fields),))
            number = added.lastrowid or 0
            self._numbers[fields] = number
            self.by_number[number] = fields
        return number


def request_of(
    row: tuple[Any, ...], now: float, fields_by_number: Mapping[int, Fields], *, conditional: bool
) -> Request:
    """The request of a row that `_schema.NEXT` gave.

    Args:
        row: as in that statement.
        now: monotonic instant at which it was read.
        fields_by_number: the header fields that rows name by number.
        conditional: it says which version is known already (RFC 9110 13.1).
    """
    identity, sitemap, depth, url, parent, number, told, fields, public_only = row[:9]
    attempt, etag, modified = row[9:]
    request = Request(
        damage.url(url),
        fields_by_number[fields],
        depth=depth,
        parent=parent,
        purpose=Purpose.SITEMAP if sitemap else Purpose.PAGE,
        number=number,
        attempt=attempt,
        since=now,
        public_only=bool(public_only),
        row=identity,
    )
    if told is not None:
        request = _with_told(request, json.loads(told))
    if conditional and (etag or modified):
        known = (("If-None-Match", etag), ("If-Modified-Since", modified))
        given = tuple((name, value) for name, value in known if value)
        request = replace(request, headers=(*request.headers, *given))
    return request


def hash_of(text: str) -> int:
    """63 bits of BLAKE2b (RFC 7693): the key of a URL in the seen set, the number of a host."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1


def origin_of(url: str) -> str:
    """Scheme, host and port of a canonical URL."""
    end = url.find("/", 8)
    return url if end < 0 else url[:end]


def told_of(request: Request) -> str | None:
    """What a seed says beyond its URL; None for a link."""
    told: dict[str, object] = {}
    if request.text and request.text != request.url:
        told["text"] = request.text
    if request.carried:
        told["carried"] = request.carried
    if request.method != "GET":
        told["method"] = request.method
    if request.body:
        told["body"] = request.body.decode("latin-1")
    return json.dumps(told) if told else None


def _with_told(request: Request, told: dict[str, Any]) -> Request:
    return replace(
        request,
        text=told.get("text", ""),
        carried=told.get("carried", ""),
        method=told.get("method", "GET"),
        body=told.get("body", "").encode("latin-1"),
    )
