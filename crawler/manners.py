"""What every host had to bear, as a table for people and as records for programs. Pure.

    host                  requests  peak  window  gap     429/503  asked  rested  parked  robots
    https://slow.example       120     4       2  0.252 s       3      2    12 s       0  14:02:11

Read beside it: pace.py, whose `Pace.manners` is what is shown.
"""

from __future__ import annotations

import heapq
import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from crawler.safety import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from crawler.politeness import Manners

SHOWN = 20  # hosts in the table; all are among the records
_WIDEST = 60  # characters of an origin
_HEAD = ("host", "requests", "peak", "window", "gap", "429/503", "asked", "rested", "parked",
         "robots")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Borne:
    """One host and what it had to bear."""

    origin: str
    manners: Manners
    robots: datetime | None = None  # when its robots.txt was fetched; None = it was not


def table(hosts: Iterable[Borne], *, shown: int = SHOWN) -> list[str]:
    """Lines for people: the hosts with the most trouble, then those that were asked for most."""
    number = 0

    def counted() -> Iterator[Borne]:
        nonlocal number
        for host in hosts:
            number += 1
            yield host

    rows = [_HEAD, *(_row(host) for host in heapq.nlargest(shown, counted(), key=_trouble))]
    if not number:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells[1:]]))
    if number > shown:
        lines.append(f"and {number - shown:,} more")
    return lines


def records(hosts: Iterable[Borne]) -> Iterator[str]:
    """A JSON object per host, a line each, without line end."""
    for host in hosts:
        yield json.dumps(record(host), ensure_ascii=False)


def record(host: Borne) -> dict[str, object]:
    """The host as a value for JSON: seconds and counts; null where there is nothing to say."""
    values: dict[str, object] = {"origin": host.origin, **asdict(host.manners)}
    if not math.isfinite(host.manners.gap):
        values["gap"] = None
    # Every rest is kept to its end unless an exchange began during one.
    values["obeyed"] = host.manners.early == 0
    values["robots"] = host.robots.isoformat() if host.robots is not None else None
    return values


def _trouble(host: Borne) -> tuple[bool, bool, int, int, int]:
    manners = host.manners
    return (
        manners.early > 0, manners.is_dead, manners.parked, manners.throttled, manners.exchanges,
    )  # fmt: skip


def _row(host: Borne) -> tuple[str, ...]:
    manners = host.manners
    origin = safe_text(host.origin)
    return (
        origin if len(origin) <= _WIDEST else f"{origin[: _WIDEST - 3]}...",
        f"{manners.exchanges:,}",
        str(manners.peak),
        str(manners.window) if manners.is_public else "own",
        f"{manners.gap:.3f} s" if math.isfinite(manners.gap) else "-",
        str(manners.throttled) + (f" ({manners.early} early)" if manners.early else ""),
        str(manners.asked),
        f"{manners.rested:,.0f} s",
        f"{manners.parked} (dead)" if manners.is_dead else str(manners.parked),
        f"{host.robots:%H:%M:%S}" if host.robots is not None else "-",
    )
