"""A comparison as people and programs read it: text, Markdown, CSV, JSON.

    engine              wall (median of 3)        cpu      peak rss    ok   failed   vs sequential
    sequential          15.42 s                0.15 s     34.0 MiB    300        0        1.0
    selectors            0.37 s (0.35-0.39)    0.06 s     33.1 MiB    300        0       41

Pure functions: values in, text out. In CSV and JSON every run is there, durations in seconds, sizes
in bytes. Read beside it: comparison.py, doubts.py, terminal_bars.py, report_page.py.
"""

from __future__ import annotations

import csv
import io
import textwrap
from typing import TYPE_CHECKING

from crawler import terminal_bars
from crawler.comparison import NOT_ASKED, dump, enough, is_sequential
from crawler.doubts import doubts, sentences
from crawler.explaining import explanations
from crawler.report_page import page
from crawler.safety import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crawler.comparison import Comparison, Difference, Summary

WIDTH = 100  # columns of a note; the table is as wide as it must be
SHOWN = 20  # differing URLs listed; the rest are counted
_HEADINGS = ("engine", "wall", "cpu", "peak rss", "ok", "failed", "vs sequential")
_SWEPT = ("engine", "at once", "wall", "pages/s", "p50", "p99", "cpu", "peak rss", "failed")
_COLUMNS = (
    "engine",
    "repetition",
    "concurrency",
    "wall",
    "start_up",
    "cpu",
    "user",
    "system",
    "rss_bytes",
    "voluntary",
    "involuntary",
    "syscalls",
    "ok",
    "failed",
    "body_bytes",
    "load_before",
    "load_beside",
)


def text(comparison: Comparison, *, columns: int = 0, ascii_only: bool = False) -> str:
    """The table for a terminal, with notes, doubts and differences under it.

    Args:
        comparison: what is shown.
        columns: of the terminal, for a plot of bars under the table; 0 for none.
        ascii_only: the terminal's encoding has no more.
    """
    summaries = comparison.summaries()
    head = (comparison.command and f"$ {comparison.command}", comparison.machine)
    lines = [safe_text(line) for line in head if line]
    if lines:
        lines.append("")
    left = 1 if comparison.is_sweep else 2
    lines += _aligned(_rows(comparison, summaries), left=left)
    if columns and not comparison.is_sweep:
        lines += ["", *terminal_bars.plot(summaries, columns=columns, ascii_only=ascii_only), ""]
    for kind, sentence in _remarks(comparison, summaries):
        lines += textwrap.wrap(f"{kind}: {sentence}", WIDTH, subsequent_indent="  ")
    lines += _difference_lines(comparison.differences)
    return "\n".join(lines) + "\n"


def markdown(comparison: Comparison) -> str:
    """The table in Markdown, figures to the right."""
    summaries = comparison.summaries()
    lines = []
    if comparison.command:
        lines += [f"    {safe_text(comparison.command)}", ""]
    if comparison.machine:
        lines += [safe_text(comparison.machine), ""]
    headings, *rows = _rows(comparison, summaries)
    lines.append(_bars(headings))
    lines.append("|---|---|" + "---:|" * (len(headings) - 2))
    lines += [_bars(row) for row in rows]
    remarks = [f"* {kind}: {sentence}" for kind, sentence in _remarks(comparison, summaries)]
    remarks += [f"* {line.strip()}" for line in _difference_lines(comparison.differences)]
    if remarks:
        lines += ["", *remarks]
    return "\n".join(lines) + "\n"


def as_csv(comparison: Comparison) -> str:
    """One line for each run."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for run in comparison.runs:
        writer.writerow([getattr(run, name) for name in _COLUMNS])
    return out.getvalue()


_FORMS: dict[str, Callable[[Comparison], str]] = {
    ".json": dump,
    ".md": markdown,
    ".csv": as_csv,
    ".html": page,
}


def for_suffix(suffix: str) -> Callable[[Comparison], str]:
    """What makes the text of a file whose name ends so. Raises ValueError."""
    if suffix not in _FORMS:
        *known, last = _FORMS
        raise ValueError(
            f"a comparison is exported to {', '.join(known)} or {last}, not {suffix!r}"
        )
    return _FORMS[suffix]


def _rows(comparison: Comparison, summaries: Sequence[Summary]) -> list[tuple[str, ...]]:
    """Headings and cells."""
    if comparison.is_sweep:
        return [_SWEPT, *map(_swept, summaries)]
    most = max(summary.runs for summary in summaries)
    wall = f"wall (median of {most})" if most > 1 else "wall"
    return [(_HEADINGS[0], wall, *_HEADINGS[2:]), *map(_cells, summaries)]


def _aligned(rows: Sequence[Sequence[str]], *, left: int) -> list[str]:
    """The rows as lines; so many columns to the left, the others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "   ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _cells(summary: Summary) -> tuple[str, ...]:
    wall = f"{summary.wall:6.2f} s"
    if summary.runs > 1:
        wall += f" ({summary.fastest:.2f}-{summary.slowest:.2f})"
    if not summary.speedup:
        speedup = "-"
    else:
        speedup = f"{summary.speedup:.1f}" if summary.speedup < 10 else f"{summary.speedup:.0f}  "
    return (
        summary.engine,
        wall,
        f"{summary.cpu:.2f} s",
        f"{summary.rss_bytes / 1024 / 1024:.1f} MiB",
        str(summary.ok),
        str(summary.failed),
        speedup,
    )


def _swept(summary: Summary) -> tuple[str, ...]:
    p50, _, p99 = summary.latency
    return (
        summary.engine,
        str(summary.concurrency),
        f"{summary.wall:.2f} s",
        f"{summary.throughput:,.0f}",
        f"{p50 * 1000:.1f} ms",
        f"{p99 * 1000:.1f} ms",
        f"{summary.cpu:.2f} s",
        f"{summary.rss_bytes / 1024 / 1024:.1f} MiB",
        str(summary.failed),
    )


def _bars(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.strip() for cell in cells) + " |"


def _remarks(comparison: Comparison, summaries: Sequence[Summary]) -> list[tuple[str, str]]:
    """Notes and doubts, as (kind, sentence)."""
    most = max(summary.runs for summary in summaries)
    notes = [
        f"{summary.engine} ran once: it takes longer than 10 s"
        for summary in summaries
        if is_sequential(summary.engine) and summary.runs < most
    ]
    if comparison.requests and len(summaries) > 1 and not comparison.differences:
        notes.append(f"every engine gave the same answer for each of {comparison.requests} URLs")
    notes += explanations(summaries) if not comparison.is_sweep else _enough(summaries)
    slow = [one for one in summaries if one.start_up >= 0.05]
    notes += [
        f"{one.engine} took {one.start_up:.2f} s to start up, apart from wall" for one in slow
    ]
    for run in {run.engine: run for run in comparison.runs if run.failed}.values():
        codes = ", ".join(f"{code} {count}" for code, count in run.codes)
        notes.append(f"failures of {run.engine}: {codes}")
    counts = [f"{one.engine} {one.syscalls:,}" for one in summaries if one.syscalls is not None]
    if counts and not comparison.is_sweep:
        low = "; nonblocking asks far less often when traced" * ("nonblocking" in " ".join(counts))
        by = safe_text(comparison.counted_by)
        notes.append(f"system calls, by {by}: {', '.join(counts)}{low}")
    if comparison.uncounted not in {"", NOT_ASKED}:
        notes.append(f"system calls were not counted: {safe_text(comparison.uncounted)}")
    notes += [f"without {name}: {safe_text(why)}" for name, why in comparison.absent]
    found = doubts(comparison.runs, comparison.differences, comparison.disturbed)
    return [
        *(("note", note) for note in notes),
        *(("doubt", sentence) for sentence in sentences(found)),
    ]


def _enough(summaries: Sequence[Summary]) -> list[str]:
    """From where on more at once stops helping."""
    by_engine: dict[str, list[Summary]] = {}
    for one in summaries:
        if not is_sequential(one.engine):
            by_engine.setdefault(one.engine, []).append(one)
    return [
        f"{engine}: {enough(points)} at once is enough, nine tenths of its best rate are reached"
        for engine, points in by_engine.items()
        if len(points) > 1
    ]


def _difference_lines(found: Sequence[Difference]) -> list[str]:
    lines = []
    for difference in found[:SHOWN]:
        answers = "; ".join(f"{engine} {answer[:16]}" for engine, answer in difference.answers)
        changing = " (changes from run to run)" if difference.volatile else ""
        lines.append(safe_text(f"different: {difference.url}{changing}: {answers}"))
    if len(found) > SHOWN:
        lines.append(f"different: {len(found) - SHOWN} more")
    return lines
