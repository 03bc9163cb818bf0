"""What a line of the input says: a URL, and what it carries beside it. Pure.

    lines    http://a/<TAB>shop=7<TAB>lang=de            URL, then key=value
    csv      url,price,name  /  "a;b";7                  a column is the URL, the others are carried
    jsonl    {"url": "http://a/", "price": 7}            a key is the URL, the others are carried

Each takes lines as they arrive (lines.py) and gives the number of the line, the URL as it was
written, and what is carried as the text of a JSON object. RFC 4180 for CSV: a quoted cell may hold
line ends; comma, semicolon or tab, whichever the first line has most of.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from crawler.errors import InputError
from crawler.lines import SHOWN, Bad
from crawler.model import Pause

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Lines: TypeAlias = Iterator[tuple[int, bytes | Bad] | Pause]
    Entries: TypeAlias = Iterator["Said | Pause"]

FORMATS = ("auto", "lines", "csv", "jsonl", "sitemap")
_SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".xml": "sitemap",
}  # fmt: skip
_MOST_ROW = 1024 * 1024  # bytes of one row of CSV, quoted line ends included
_DELIMITERS = (",", "\t", ";")
_NAMED = ("url", "link", "href", "address", "loc")  # columns that are taken for the URL's


@dataclass(frozen=True, slots=True)
class Said:
    """What one line said."""

    line: int
    text: str | Bad  # the URL as it was written; "" for a line that says nothing
    carried: str = ""  # JSON object


def format_of(name: str, chosen: str) -> str:
    """How the input of that name is read: as was asked, else by its suffix."""
    if chosen != "auto":
        return chosen
    lowered = name.lower().removesuffix(".gz")
    return next((kind for suffix, kind in _SUFFIXES.items() if lowered.endswith(suffix)), "lines")


def with_fields(text: str) -> tuple[str, str]:
    """A line of a list as its URL and what stands after the tabs, as a JSON object.

    Raises:
        ValueError: something after a tab is no ``key=value``.
    """
    url, *parts = text.split("\t")
    fields = {}
    for part in parts:
        key, equals, value = part.strip().partition("=")
        if not equals or not key.strip():
            raise ValueError(f"no key=value after a tab: {part[:SHOWN]!a}")
        fields[key.strip()] = value
    return url.strip(), json.dumps(fields) if fields else ""


def of_objects(found: Lines, column: str) -> Entries:
    """A JSON object on each line; one of its keys is the URL. A line may be a text alone."""
    key = column or "url"
    for item in found:
        if isinstance(item, Pause):
            yield item
            continue
        number, line = item
        if isinstance(line, Bad) or not line.strip():
            yield Said(number, line if isinstance(line, Bad) else "")
            continue
        yield _of_object(number, line, key)


def _of_object(number: int, line: bytes, key: str) -> Said:
    shown = line[:SHOWN].decode("utf-8", "replace")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return Said(number, Bad("not JSON", shown))
    if isinstance(value, str):
        return Said(number, value)
    if not isinstance(value, dict):
        return Said(number, Bad("neither a JSON object nor a text", shown))
    url = value.pop(key, None)
    if not isinstance(url, str) or not url:
        return Said(number, Bad(f"no text under {key!r}", shown))
    return Said(number, url, json.dumps(value) if value else "")


def of_rows(found: Lines, column: str, shown: str) -> Entries:
    """Rows of CSV.

    Args:
        found: the lines.
        column: name or number of the column that has the URL; "" = it is looked for.
        shown: the input's name.

    Raises:
        InputError: there is no such column; the message names those there are.
    """
    table: _Table | None = None
    for item in _rows(found):
        if isinstance(item, Pause):
            yield item
            continue
        number, text = item
        if isinstance(text, Bad) or not text.strip():
            yield Said(number, text if isinstance(text, Bad) else "")
        elif table is None:
            table = _Table(text, column, shown)
            if not table.has_heading:
                yield table.said(number, text)
        else:
            yield table.said(number, text)


def columns_of(head: bytes, column: str) -> tuple[str, ...]:
    """The columns of a CSV file that are carried, from its beginning; empty without a heading."""
    text = head.decode("utf-8-sig", "replace").partition("\n")[0].rstrip("\r")
    if not text.strip():
        return ()
    try:
        table = _Table(text, column, "")
    except InputError:
        return ()
    return tuple(name for n, name in enumerate(table.names) if n != table.at) if (
        table.has_heading and table.at is not None
    ) else ()  # fmt: skip


class _Table:
    """Which column is the URL's, and what the others are called."""

    def __init__(self, first: str, column: str, shown: str) -> None:
        self._delimiter = max(_DELIMITERS, key=first.count)
        self._shown = shown
        cells = self._cells(first)
        self.has_heading = not any(_is_url(cell) for cell in cells)
        numbers = [f"column {n}" for n in range(1, len(cells) + 1)]
        self.names = [name.strip() or number for name, number in zip(cells, numbers, strict=True)]
        if not self.has_heading:
            self.names = numbers
        self.at: int | None = self._column(column, cells)

    def said(self, number: int, row: str) -> Said:
        """What the row says."""
        cells = self._cells(row)
        if self.at is None:
            self.at = next((n for n, cell in enumerate(cells) if _is_url(cell)), None)
            if self.at is None:
                raise self._no_column("none of them has a URL in the first row")
        if self.at >= len(cells):
            return Said(number, Bad("the row has too few cells", row[:SHOWN]))
        carried = {
            name: cell
            for n, (name, cell) in enumerate(zip(self.names, cells, strict=False))
            if n != self.at
        }
        carried |= {f"column {n + 1}": cells[n] for n in range(len(self.names), len(cells))}
        return Said(number, cells[self.at].strip(), json.dumps(carried) if carried else "")

    def _cells(self, row: str) -> list[str]:
        row = row.replace("\0", "\ufffd")
        return next(csv.reader([row], delimiter=self._delimiter, strict=False), [])

    def _column(self, column: str, cells: list[str]) -> int | None:
        lowered = [name.strip().lower() for name in cells] if self.has_heading else []
        if column:
            if column.lower() in lowered:
                return lowered.index(column.lower())
            if column.isdigit() and 0 < int(column) <= len(cells):
                return int(column) - 1
            raise self._no_column(f"no column {column!r}")
        known = [lowered.index(name) for name in _NAMED if name in lowered]
        if known:
            return known[0]
        if self.has_heading:
            return None  # the first row tells
        return next(n for n, cell in enumerate(cells) if _is_url(cell))

    def _no_column(self, reason: str) -> InputError:
        names = ", ".join(self.names[:20])
        return InputError(f"{self._shown}: {reason} (--column; there are: {names})")


def _is_url(cell: str) -> bool:
    return cell.strip()[:8].lower().startswith(("http://", "https://"))


def _rows(found: Lines) -> Iterator[tuple[int, str | Bad] | Pause]:
    """Whole rows: lines whose quotes are not closed go on with the next."""
    open_at, held = 0, ""
    for item in found:
        if isinstance(item, Pause):
            yield item
            continue
        number, line = item
        if isinstance(line, Bad):
            open_at, held = 0, ""
            yield number, line
            continue
        text = line.decode("utf-8", "replace").removesuffix("\r")
        held = f"{held}\n{text}" if open_at else text
        open_at = open_at or number
        if held.count('"') % 2 == 0:
            yield open_at, held
            open_at, held = 0, ""
        elif len(held) > _MOST_ROW:
            yield open_at, Bad(f"a row of more than {_MOST_ROW} bytes: a quote is not closed",
                               held[:SHOWN])  # fmt: skip
            open_at, held = 0, ""
    if open_at:
        yield open_at, held  # the last quote is missing: what is there counts


def of_records(found: Iterable[dict[str, object]], known: frozenset[str]) -> Iterator[Said]:
    """The URLs of those records of an output that say that something failed."""
    for number, record in enumerate(found, 1):
        error = record.get("error")
        url = record.get("url") or record.get("input")
        if not error or error in {"url.invalid", "url.duplicate"} or not isinstance(url, str):
            continue
        carried = {key: value for key, value in record.items() if key not in known}
        told = record.get("carried")
        if isinstance(told, dict):
            carried |= told
        elif isinstance(told, str) and told.startswith("{"):
            carried |= json.loads(told)
        yield Said(number, url, json.dumps(carried) if carried else "")
