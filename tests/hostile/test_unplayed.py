"""Every row of the catalogue is played, or there is a reason."""

from __future__ import annotations

from hostile.catalogue import CRAWL_ROWS, ROWS
from hostile.unplayed import IDS, UNPLAYED

LEAST = 230


def test_every_row_is_played_or_has_a_reason_why_not() -> None:
    named = {row.partition("-")[0] for row in (*ROWS, *CRAWL_ROWS)}
    played = named & IDS

    assert named - IDS == {"PX"}  # PX-tunnel: a proxy that does as it should
    assert len(IDS) == 272
    assert not played & UNPLAYED.keys()
    assert played | UNPLAYED.keys() == IDS
    assert len(played) >= LEAST
    assert all(UNPLAYED.values())


def test_no_row_is_in_both_batteries() -> None:
    assert not ROWS.keys() & CRAWL_ROWS.keys()
