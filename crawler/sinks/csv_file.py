r"""CSV after RFC 4180, safe to open in a spreadsheet.

A cell that begins as a formula does (= + - @, TAB, CR, also behind invisible characters) gets an
apostrophe in front when it is text from outside: spreadsheets run formulas, and anyone can put one
into a URL or a header (CWE-1236). Numbers of ours stay numbers. Controls are written as ``\xNN``,
for files are shown on terminals; marks of writing direction stay, for they belong to the text.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

from crawler.safety import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crawler.model import Final
    from crawler.sinks._file import RecordFile
    from crawler.sinks.record import Describer

# White space, controls, soft hyphen, zero-width and directional marks, then what starts a formula;
# also the full-width signs that some spreadsheets take for the plain ones.
_FORMULA = re.compile(
    "[\\s\\x00-\\x1f\\x7f-\\xa0\\xad\\u200b-\\u200f\\u2028-\\u202f\\u2060-\\u206f\\ufeff]*"
    "[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\\t\\r]"
)
# C0 but TAB and line ends, DEL, C1, and what some readers take for line ends.
_STEERING = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u2028\\u2029]")


class CsvFile:
    """A sink of comma-separated values; the file begins with its heading."""

    def __init__(self, file: RecordFile, describer: Describer) -> None:
        self._file = file
        self._values = describer.row
        self.flush = file.flush
        self.mark = file.mark
        self.sync = file.sync
        self.close = file.close

    def write(self, outcome: Final) -> None:
        self._file.add(line(self._values(outcome)))


def line(values: Iterable[object]) -> bytes:
    """The values as one line, or names as the heading."""
    row = io.StringIO(newline="")
    csv.writer(row, lineterminator="\n").writerow([_cell(value) for value in values])
    return row.getvalue().encode("utf-8", "replace")


def _escaped(match: re.Match[str]) -> str:
    return safe_text(match[0])


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A newline inside quotes is legal, but would make half a line look whole.
        text = value.replace("\r", "\\r").replace("\n", "\\n")
        text = _STEERING.sub(_escaped, text)
        return "'" + text if _FORMULA.match(value) else text
    if isinstance(value, list | dict):
        return json.dumps(value) if value else ""
    return str(value)
