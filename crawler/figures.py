"""Figures for an HTML page: bars, timelines, lines. Pure: numbers in, markup out.

    bars        a table whose second column is drawn: name | ████▌ | 0.42 s (0.41-0.44)
    timeline    one thin line per fetch, coloured by what it waited for
    lines       one line per engine over the concurrency

Text is HTML, so it wraps and keeps its size on a phone; only shapes are SVG, stretched to the width
there is. Classes name colours, report_page.css has them. Everything given as text is escaped here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from crawler.safety import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_WIDTH = 1000.0  # units of a drawing's x axis, whatever its width on the screen
_HEIGHT = 300.0  # of the plot of lines
_ROW = 2.0  # units of height for one fetch of a timeline
_APART = 4.0  # times: a bar that much longer than all others gets a figure without it beside
_DASHES = ("", "9 5", "2 4", "12 4 2 4")


def text(value: object) -> str:
    """`value` as text that is safe in a page, in an attribute as well."""
    return escape(safe_text(str(value)))


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a bar figure."""

    name: str
    parts: tuple[tuple[str, float], ...]  # class of the colour, length; drawn one after the other
    low: float  # the smallest and the largest that was measured
    high: float

    @property
    def length(self) -> float:
        """All parts together."""
        return sum(length for _, length in self.parts)


def bars(title: str, rows: Iterable[Bar], unit: Callable[[float], str]) -> str:
    """A bar for each row, the shortest first.

    Where some are so long that the others cannot be told apart, a second figure has those alone.
    """
    ordered = sorted(rows, key=lambda row: row.length)
    if not ordered:
        return ""
    drawn = [_bars(title, ordered, unit)]
    gaps = [
        place
        for place in range(2, len(ordered))
        if ordered[place].length > _APART * ordered[place - 1].length > 0
    ]
    if gaps:
        shorter, longer = ordered[: gaps[-1]], ordered[gaps[-1] :]
        named = ", ".join(row.name for row in longer)
        drawn.append(_bars(f"{title}, without {named}", shorter, unit))
    return "\n".join(drawn)


def _bars(title: str, rows: Sequence[Bar], unit: Callable[[float], str]) -> str:
    longest = max(max(row.high, row.length) for row in rows) or 1.0
    lines = []
    for row in rows:
        pieces = "".join(
            f'<i class="{kind}" style="width:{100 * length / longest:.2f}%"></i>'
            for kind, length in row.parts
            if length > 0
        )
        figure = unit(row.length)
        if row.high > row.low:
            start, width = 100 * row.low / longest, 100 * (row.high - row.low) / longest
            pieces += f'<b class="spread" style="left:{start:.2f}%;width:{width:.2f}%"></b>'
            low, high = unit(row.low), unit(row.high)
            if low != high:
                figure += f" <small>{text(low)} to {text(high)}</small>"
        lines.append(
            f'<tr><th scope="row">{text(row.name)}</th>'
            f'<td class="bar"><div>{pieces}</div></td><td class="figure">{figure}</td></tr>'
        )
    return (
        f'<table class="bars"><caption>{text(title)}</caption>\n<tbody>\n'
        + "\n".join(lines)
        + "\n</tbody></table>"
    )


@dataclass(frozen=True, slots=True)
class Span:
    """One fetch of a timeline: when it began, and how long each phase took, in seconds."""

    began: float
    phases: tuple[tuple[str, float], ...]  # class of the colour, seconds; in the order they came


def timeline(name: str, spans: Sequence[Span], end: float, unit: Callable[[float], str]) -> str:
    """A line for each span, the first to begin at the top, on an axis from 0 to `end` seconds."""
    paths: dict[str, list[str]] = {}
    scale = _WIDTH / end if end > 0 else 0.0
    for row, span in enumerate(sorted(spans, key=lambda span: span.began)):
        x = span.began * scale
        for kind, seconds in span.phases:
            length = seconds * scale
            if length > 0:
                where = f"M{x:.1f} {row * _ROW + _ROW / 2:g}h{max(length, 0.1):.1f}"
                paths.setdefault(kind, []).append(where)
            x += length
    height = max(1, len(spans)) * _ROW
    shapes = "".join(
        f'<path class="{kind}" d="{"".join(moves)}"/>' for kind, moves in paths.items()
    )
    pixels = min(320, max(40, round(len(spans) * _ROW)))
    return (
        f'<div class="drawing"><svg viewBox="0 0 {_WIDTH:g} {height:g}" preserveAspectRatio="none"'
        f' style="height:{pixels}px" role="img" aria-label="{text(name)}: one line per fetch">'
        f"{shapes}</svg>{_axis([unit(end * step / 4) for step in range(5)])}</div>"
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a plot."""

    name: str
    kind: str  # class of the colour
    points: tuple[tuple[float, float], ...]  # x, y; x ascending
    marked: float | None = None  # the x of the point to mark


def lines(title: str, series: Sequence[Line], unit: Callable[[float], str]) -> str:
    """The series over a logarithmic x axis; y begins at 0."""
    xs = sorted({x for line in series for x, _ in line.points})
    top = max((y for line in series for _, y in line.points), default=0.0) or 1.0
    place = _places(xs)
    dashes: dict[str, int] = {}
    shapes, dots, legend = [], [], []
    for line in series:
        dash = _DASHES[dashes.setdefault(line.kind, 0) % len(_DASHES)]
        dashes[line.kind] += 1
        way = "L".join(
            f"{place[x] * _WIDTH:.1f} {_HEIGHT * (1 - y / top):.1f}" for x, y in line.points
        )
        style = f' stroke-dasharray="{dash}"' if dash else ""
        shapes.append(f'<path class="{line.kind}" d="M{way}"{style}/>')
        dots += [
            f'<b class="dot {line.kind}{" marked" if x == line.marked else ""}"'
            f' style="left:{100 * place[x]:.2f}%;top:{100 * (1 - y / top):.2f}%"'
            f' title="{text(line.name)}, {x:g}: {text(unit(y))}"></b>'
            for x, y in line.points
        ]
        legend.append(
            f'<li><svg class="key" viewBox="0 0 40 4" aria-hidden="true"><path class="{line.kind}"'
            f' d="M0 2h40"{style}/></svg>{text(line.name)}</li>'
        )
    ticks = "".join(
        f'<span style="left:{100 * place[x]:.2f}%">{x:g}</span>' for x in _apart(xs, place)
    )
    grid = "".join(
        f'<span style="top:{25 * step}%">{text(unit(top * (4 - step) / 4))}</span>'
        for step in range(5)
    )
    return (
        f'<figure class="lines"><figcaption>{text(title)}</figcaption>'
        f'<div class="plot"><div class="grid">{grid}</div><div class="area">'
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" preserveAspectRatio="none" role="img"'
        f' aria-label="{text(title)}">{"".join(shapes)}</svg>{"".join(dots)}'
        f'<div class="ticks">{ticks}</div></div></div>'
        f'<ul class="legend">{"".join(legend)}</ul></figure>'
    )


def _places(xs: Sequence[float]) -> dict[float, float]:
    """Where each x lies, from 0 to 1, by its logarithm."""
    if len(xs) < 2 or xs[0] <= 0:
        return dict.fromkeys(xs, 0.5)
    width = math.log(xs[-1] / xs[0])
    return {x: math.log(x / xs[0]) / width for x in xs}


def _apart(xs: Sequence[float], place: dict[float, float]) -> list[float]:
    """Those whose labels do not touch."""
    shown: list[float] = []
    for x in xs:
        if not shown or place[x] - place[shown[-1]] > 0.07:
            shown.append(x)
    return shown


def _axis(labels: Sequence[str]) -> str:
    inner = "".join(f"<span>{text(label)}</span>" for label in labels)
    return f'<div class="axis" aria-hidden="true">{inner}</div>'
