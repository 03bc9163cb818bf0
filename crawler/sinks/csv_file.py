"""CSV after RFC 4180, safe to open in a spreadsheet.

A cell that begins as a formula does (= + - @, TAB, CR, also behind invisible characters) gets an
apostrophe in front when it is text from outside: spreadsheets run formulas, and anyone can put one
into a URL or a header (CWE-1236). Numbers of ours stay numbers.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.model import Outcome
    from crawler.sinks._file import RecordFile
    from crawler.sinks.record import Describer, Field

# White space, controls, soft hyphen, zero-width and directional marks, then what starts a formula;
# also the full-width signs that some spreadsheets take for the plain ones.
_FORMULA = re.compile(
    "[\\s\\x00-\\x1f\\x7f-\\xa0\\xad\\u200b-\\u200f\\u2028-\\u202f\\u2060-\\u206f\\ufeff]*"
    "[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\\t\\r]"
)


class CsvFile:
    """A sink of comma-separated values with a heading line."""

    def __init__(self, file: RecordFile, describer: Describer) -> None:
        self._file = file
        self._record = describer.record
        self._row = io.StringIO(newline="")
        self._writer = csv.writer(self._row, lineterminator="\n")
        self.flush = file.flush
        self.close = file.close
        if file.begins:
            self._write(list(describer.fields))

    def write(self, outcome: Outcome) -> None:
        record = self._record(outcome)
        self._write([_cell(value) for value in record.values()])

    def _write(self, cells: list[str]) -> None:
        self._row.seek(0)
        self._row.truncate()
        self._writer.writerow(cells)
        self._file.add(self._row.getvalue().encode("utf-8", "replace"))


def _cell(value: Field) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A newline inside quotes is legal, but would make half a line look whole.
        text = value.replace("\r", "\\r").replace("\n", "\\n")
        return "'" + text if _FORMULA.match(value) else text
    if isinstance(value, list):
        return json.dumps(value) if value else ""
    return str(value)
