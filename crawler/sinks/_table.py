"""What a table holds of a record: the kind of each column, and values that fit in a cell.

Shared by csv_file.py, sqlite_file.py and parquet_file.py. Lists and objects become JSON text;
nothing, and an empty list, stays empty.
"""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.sinks.record import Field

_INT64 = 2**63


class Kind(enum.Enum):
    """What a column holds."""

    TEXT = "TEXT"
    INTEGER = "INTEGER"
    REAL = "REAL"
    BOOLEAN = "BOOLEAN"
    INSTANT = "INSTANT"  # text in ISO 8601


_KINDS = {
    **dict.fromkeys(("n", "status", "attempts", "bytes", "size", "port", "depth"), Kind.INTEGER),
    **dict.fromkeys(("ok", "reused"), Kind.BOOLEAN),
    **dict.fromkeys(
        ("time_queue", "time_dns", "time_connect", "time_tls", "time_first_byte", "time_total"),
        Kind.REAL,
    ),
    "started": Kind.INSTANT,
}


def kind(name: str) -> Kind:
    """What the column of this field holds."""
    return _KINDS.get(name, Kind.TEXT)


def text(value: Field) -> str | None:
    """The value of a column of text."""
    if value is None:
        return None
    if isinstance(value, str):
        # A lone surrogate, which JSON can say, has no place in UTF-8.
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(value) if value else None
