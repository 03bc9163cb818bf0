"""The one table of what the engines may do differently from the catalogue, each with its reason.

The key is an engine, a transport, or "all", and a row. A difference that is listed here and no
longer there fails the contract test: the table only shrinks by itself.
"""

from __future__ import annotations

DIFFERENCES: dict[tuple[str, str], str] = {}


def reason(engine: str, row: str) -> str:
    """Why this engine may differ on this row; "" when it may not."""
    transport = engine.partition("+")[2] or {"selectors": "wire"}.get(engine, "requests")
    for key in (engine, transport, "all"):
        if (key, row) in DIFFERENCES:
            return DIFFERENCES[key, row]
    return ""
