"""Bars for a terminal: wall and processor time of every engine. Pure.

                wall                            cpu
sequential      ████████████████████ 20.24 s    ▏ 0.12 s
epoll           ▍ 0.42 s                        ▏ 0.01 s
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crawler.comparison import Summary

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_FIGURE = 9  # columns of " 20.24 s "
_LEAST, _MOST = 8, 40  # columns of a bar
_FAR = 50  # times the shortest: beyond, short bars look alike, and a sentence says why


def plot(summaries: Sequence[Summary], *, columns: int, ascii_only: bool) -> list[str]:
    """Lines of at most `columns` characters; none when there is no room."""
    names = max(len(summary.engine) for summary in summaries) + 2
    room = min(_MOST, (columns - names) // 2 - _FIGURE)
    if room < _LEAST:
        return []
    wall = _column([summary.wall for summary in summaries], room, ascii_only=ascii_only)
    cpu = _column([summary.cpu for summary in summaries], room, ascii_only=ascii_only)
    width = room + _FIGURE
    walls = [summary.wall for summary in summaries]
    times = max(walls) / (min(walls) or 1.0)
    return [
        f"{'':<{names}}{'wall':<{width}}cpu",
        *(
            f"{summary.engine:<{names}}{left:<{width}}{right}".rstrip()
            for summary, left, right in zip(summaries, wall, cpu, strict=True)
        ),
        *([f"(the longest wall is {times:,.0f} times the shortest)"] * (times > _FAR)),
    ]


def _column(values: Sequence[float], room: int, *, ascii_only: bool) -> list[str]:
    longest = max(values) or 1.0
    drawn: Callable[[float], str] = _hashes if ascii_only else _blocks
    return [f"{drawn(room * value / longest)} {value:.2f} s" for value in values]


def _blocks(length: float) -> str:
    """A bar in eighths of a column; never nothing."""
    eighths = max(1, round(length * 8))
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def _hashes(length: float) -> str:
    return "#" * max(1, round(length))
