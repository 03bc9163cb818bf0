"""The one table of what an engine may do differently from the catalogue, each with its reason.

The key is an engine or a transport, and a row; the value is the aspect that may differ (the word
before the colon in what `battery.misses` says) and why. Everything else about the row must still
agree, and a difference that is listed but no longer there fails the contract test.
"""

from __future__ import annotations

from hostile.catalogue import ROWS

EVERY = "every engine"
_URLLIB = "urllib.request sends Connection: close whatever it is told: nothing is ever reused"

DIFFERENCES: dict[tuple[str, str], tuple[str, str]] = {
    ("urllib", row.id): ("connection", _URLLIB)
    for row in ROWS.values()
    if row.connection == "reuse"
}
DIFFERENCES |= {
    ("urllib", "KA02"): ("requests", _URLLIB),
    ("urllib", "KA02-close"): ("requests", _URLLIB),
    ("urllib", "KA02-both"): ("requests", _URLLIB),
    ("urllib", "KA02-head"): ("requests", _URLLIB),
    ("urllib", "KA03"): ("outcome", _URLLIB),
    ("urllib", "KA07"): ("outcome", _URLLIB),
    ("urllib", "KA09-crossed"): ("requests", _URLLIB),
}
DIFFERENCES |= {
    (EVERY, "RB22-host"): (
        "requests",
        "a sitemap may stand on another public host (sitemaps.org: cross submits); its URLs not",
    ),
}


def allowed(engine: str, row: str) -> str:
    """The aspect in which this engine may differ on this row; "" where there is none."""
    transport = engine.partition("+")[2]
    for key in ((engine, row), (transport, row), (EVERY, row)):
        if key in DIFFERENCES:
            return DIFFERENCES[key][0]
    return ""
