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
import math
import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from crawler.errors import InputError
from crawler.lines import MAX_LINE, SHOWN, Bad
from crawler.model import Pause

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Lines: TypeAlias = Iterator[tuple[int, bytes | Bad] | Pause]
    Entries: TypeAlias = Iterator["Said | Pause"]

FORMATS = ("auto", "lines", "csv", "jsonl", "sitemap")
_SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".xml": "sitemap",
}  # fmt: skip
_MOST_ROW = MAX_LINE  # characters of one row of CSV, quoted line ends included
_DELIMITERS = (",", "\t", ";")
_CR = "a carriage return outside of quotes"  # all that the csv module finds fault with
_QUOTED = re.compile(r'"[^"]*"')
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
        value = json.loads(line, parse_constant=str, parse_float=_float)
        if isinstance(value, str):
            return Said(number, value or Bad("an empty text", shown))
        if not isinstance(value, dict):
            return Said(number, Bad("neither a JSON object nor a text", shown))
        url = value.pop(key, None)
        carried = json.dumps(value) if value else ""
    except (ValueError, RecursionError):
        return Said(number, Bad("not JSON", shown))
    if not isinstance(url, str) or not url:
        return Said(number, Bad(f"no text under {key!r}", shown), carried)
    return Said(number, url, carried)


def _float(text: str) -> float | str:
    """The number; as it was written when no JSON can say it."""
    value = float(text)
    return value if math.isfinite(value) else text


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


def columns_of(found: Lines, column: str) -> tuple[str, ...]:
    """The columns of a CSV file that are carried, from its first lines; none without a heading."""
    texts = (item[1] for item in _rows(found) if not isinstance(item, Pause))
    rows = (text for text in texts if isinstance(text, str) and text.strip())
    try:
        table = _Table(next(rows, ""), column, "")
        if table.has_heading and table.at is None:
            table.said(0, next(rows, ""))
    except InputError:
        return ()
    names = enumerate(table.names if table.has_heading else ())
    return tuple(name for n, name in names if n != table.at)


class _Table:
    """Which column is the URL's, and what the others are called."""

    def __init__(self, first: str, column: str, shown: str) -> None:
        self._delimiter = _delimiter_of(first)
        self._shown = shown
        try:
            cells = self._cells(first)
        except csv.Error as error:
            raise InputError(f"{shown}: its first row is no CSV: {_CR}") from error
        self.has_heading = not any(_is_url(cell) for cell in cells)
        numbers = [f"column {n}" for n in range(1, len(cells) + 1)]
        self.names = [name.strip() or number for name, number in zip(cells, numbers, strict=True)]
        if not self.has_heading:
            self.names = numbers
        self.at: int | None = self._column(column, cells)

    def said(self, number: int, row: str) -> Said:
        """What the row says."""
        try:
            cells = self._cells(row)
        except csv.Error:
            return Said(number, Bad(f"the row is no CSV: {_CR}", row[:SHOWN]))
        if self.at is None:
            self.at = next((n for n, cell in enumerate(cells) if _is_url(cell)), None)
            if self.at is None:
                raise self._no_column("none of them has a URL in the first row")
        carried = {
            name: cell
            for n, (name, cell) in enumerate(zip(self.names, cells, strict=False))
            if n != self.at
        }
        carried |= {f"column {n + 1}": cells[n] for n in range(len(self.names), len(cells))}
        text = cells[self.at].strip() if self.at < len(cells) else ""
        told: str | Bad = text or Bad("the row has no URL", row[:SHOWN])
        return Said(number, told, json.dumps(carried) if carried else "")

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


def _delimiter_of(row: str) -> str:
    return max(_DELIMITERS, key=_QUOTED.sub("", row).count)


def _rows(found: Lines) -> Iterator[tuple[int, str | Bad] | Pause]:
    """Whole rows: lines whose quotes are not closed go on with the next."""
    quoted = _Quoted()
    for item in found:
        if isinstance(item, Pause):
            yield item
            continue
        number, line = item
        if isinstance(line, Bad):
            yield from quoted.end()
            yield number, line
        else:
            yield from quoted.rows(number, line.decode("utf-8", "replace").removesuffix("\r"))
    yield from quoted.end()


class _Quoted:
    """The lines of a row that is not whole yet.

    A quote that is closed nowhere takes no other line with it: its line is then a row for itself.
    """

    def __init__(self) -> None:
        self._held: list[tuple[int, str]] = []
        self._size = 0
        self._is_open = False
        self._delimiter = ""  # the first row tells

    def rows(self, number: int, text: str) -> Iterator[tuple[int, str]]:
        """The rows that are whole with this line."""
        lines = deque([(number, text)])
        while lines:
            line = lines.popleft()
            self._held.append(line)
            self._size += len(line[1]) + 1
            delimiter = self._delimiter or _delimiter_of(line[1])
            self._is_open = _is_open(line[1], delimiter, was_open=self._is_open)
            if not self._is_open:
                held = self._taken()
                row = "\n".join(text for _, text in held)
                self._delimiter = self._delimiter or (row.strip() and _delimiter_of(row))
                yield held[0][0], row
            elif self._size > _MOST_ROW:
                first, *others = self._taken()
                yield first
                lines.extendleft(reversed(others))

    def end(self) -> Iterator[tuple[int, str]]:
        """The rows in what is left."""
        while self._held:
            first, *others = self._taken()
            yield first
            for line in others:
                yield from self.rows(*line)

    def _taken(self) -> list[tuple[int, str]]:
        held, self._held = self._held, []
        self._size, self._is_open = 0, False
        return held


def _is_open(line: str, delimiter: str, *, was_open: bool) -> bool:
    """Whether the line ends within quotes: the csv module then asks for another."""
    if '"' not in line:
        return was_open
    lines = iter((f'"{line}' if was_open else line, ""))
    try:
        next(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return False
    return next(lines, None) is None


def of_records(found: Iterable[dict[str, object]], known: frozenset[str]) -> Iterator[Said]:
    """What those records of an output say that tell of a failure; the others say nothing."""
    for number, record in enumerate(found, 1):
        error = record.get("error")
        url = record.get("url") or record.get("input")
        if not error or error in {"url.invalid", "url.duplicate"} or not isinstance(url, str):
            yield Said(number, "")
            continue
        carried = {
            key: value
            for key, value in record.items()
            if key not in known and not isinstance(value, bytes)
        }
        carried |= _object(record.get("carried"))
        yield Said(number, url, json.dumps(carried) if carried else "")


def _object(told: object) -> dict[str, object]:
    """What was carried, as records have it: an object, or in tables its text."""
    if isinstance(told, str):
        try:
            told = json.loads(told, parse_constant=str, parse_float=_float)
        except (ValueError, RecursionError):  # torn
            return {}
    return told if isinstance(told, dict) else {}
