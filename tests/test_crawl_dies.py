"""A crawl by links that dies at any durable step, twice, loses nothing and writes nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

EVERY = 5  # steps between two deaths; the program takes 1, too, in half a minute
MOST_UNDER_WAY = 3


@pytest.mark.timeout(90)
def test_no_death_of_a_crawl_loses_a_page_or_writes_it_twice(child, tmp_path: Path) -> None:
    ended = child("crawl_dies_at_every_step.py", str(tmp_path), str(EVERY), timeout=80.0)

    assert ended.returncode == 0, ended.stderr
    places, deaths, again = map(int, ended.stdout.split())
    assert places > 10
    assert deaths > places
    assert again <= deaths * MOST_UNDER_WAY
