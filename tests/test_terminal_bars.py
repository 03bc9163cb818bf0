"""Bars in a terminal: to scale, within its columns, and none where there is no room."""

from __future__ import annotations

import pytest

from crawler.comparison import Run, Summary, summarise
from crawler.terminal_bars import plot


def summaries(**walls: float) -> list[Summary]:
    return summarise(
        [
            Run(name, 1, wall=wall, cpu=wall / 8, rss_bytes=1, ok=1, failed=0, body_bytes=1)
            for name, wall in walls.items()
        ]
    )


@pytest.mark.parametrize("columns", range(46, 200, 31))
@pytest.mark.parametrize("ascii_only", [True, False])
def test_no_line_is_wider_than_the_terminal(columns: int, ascii_only: bool) -> None:
    lines = plot(summaries(sequential=20.24, epoll=0.2), columns=columns, ascii_only=ascii_only)

    assert len(lines) == 4
    assert all(len(line) <= columns for line in lines)
    assert all(line.isascii() for line in lines) is ascii_only


def test_a_narrow_terminal_has_no_bars() -> None:
    assert plot(summaries(sequential=2.0, epoll=1.0), columns=30, ascii_only=False) == []


def test_bars_are_to_scale() -> None:
    _, long, short = plot(summaries(sequential=8.0, epoll=2.0), columns=120, ascii_only=True)

    assert long.partition("8.00 s")[0].count("#") == 40
    assert short.partition("2.00 s")[0].count("#") == 10


def test_the_shortest_bar_is_seen() -> None:
    _, _, short = plot(summaries(sequential=8.0, epoll=0.001), columns=120, ascii_only=False)[:3]

    assert "▏ 0.00 s" in short


@pytest.mark.parametrize(("shortest", "said"), [(0.2, False), (0.1, True)])
def test_that_bars_are_far_apart_is_said(shortest: float, said: bool) -> None:
    *_, last = plot(summaries(sequential=8.0, epoll=shortest), columns=120, ascii_only=True)

    assert ("the longest wall is 80 times the shortest" in last) is said


def test_nothing_measured_is_drawn_too() -> None:
    assert len(plot(summaries(epoll=0.0), columns=80, ascii_only=True)) == 2
