"""A wall clock that jumps: no rest, deadline or date depends on it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from frontier.frontiers import Clock, end, made, page, public

from crawler.model import Pause
from crawler.politeness import Answer

HOUR = 3600.0


def test_a_rest_is_as_long_as_it_was_however_the_wall_clock_jumps(tmp_path: Path) -> None:
    clock, wall, dice = Clock(), Clock(1.8e9), random.Random(3)
    frontier = made("sqlite", tmp_path, public(), clock=clock, wall=wall)
    for number in range(3):
        frontier.add(page("a", number))
    end(frontier, frontier.take(), Answer.THROTTLED, rest=200.0)

    for passed in range(10, 200, 10):
        clock.now += 10.0
        wall.now = dice.choice([0.0, 2.0**31, wall.now + HOUR, wall.now - HOUR])
        frontier.commit({})
        assert frontier.take() == Pause(pytest.approx(200.0 - passed))
    clock.now += 10.0

    assert not isinstance(frontier.take(), Pause)
    frontier.close()


@pytest.mark.parametrize("engine", ["selectors", "threads", "gevent+socket"])
def test_a_crawl_whose_clock_jumps_fetches_every_page_once(
    child, tmp_path: Path, engine: str
) -> None:
    ended = child("clock_jumps.py", engine, str(tmp_path))

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["records"] == told["pages"]
    assert told["failed"] == []
    assert told["jumps"] > 10
