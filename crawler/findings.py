"""What a shard found on a page besides fetching it, so that the crawl need not look again. Pure.

All of it is what the crawl itself would have found: a page without findings gives the same result,
only later. Read beside it: shard_worker.py (who makes them), parsing.py, fields.py and settling.py
(who would have to look otherwise).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crawler.extract import Found
    from crawler.selecting import Value


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of a page.

    Attributes:
        decoded: its content is decoded.
        found: what it refers to; None when nobody looked.
        fields: what --select and --text take from it; None when nobody looked.
    """

    decoded: bool = False
    found: Found | None = None
    fields: Mapping[str, Value] | None = None
