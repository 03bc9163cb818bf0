"""A comparison as people and programs read it: text, Markdown, CSV, JSON.

    engine              wall (median of 3)        cpu      peak rss    ok   failed   vs sequential
    sequential          15.42 s                0.15 s     34.0 MiB    300        0        1.0
    selectors            0.37 s (0.35-0.39)    0.06 s     33.1 MiB    300        0       41

Pure functions: runs in, text out. In CSV and JSON every run is there, durations in seconds, sizes
in bytes. Read beside it: comparing.py, doubts.py.
"""

from __future__ import annotations

import csv
import io
import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

from crawler.comparing import ONCE, differences, is_sequential, summarise
from crawler.doubts import doubts, sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crawler.comparing import Difference, Run, Summary
    from crawler.model import Request

WIDTH = 100  # columns of a note; the table is as wide as it must be
SHOWN = 20  # differing URLs listed; the rest are counted
_HEADINGS = ("engine", "wall", "cpu", "peak rss", "ok", "failed", "vs sequential")
_COLUMNS = (
    "engine",
    "repetition",
    "concurrency",
    "wall",
    "cpu",
    "user",
    "system",
    "rss_bytes",
    "switches",
    "ok",
    "failed",
    "body_bytes",
    "load_before",
    "load_beside",
)


def text(
    runs: Sequence[Run], requests: Sequence[str | Request], *, command: str = "", machine: str = ""
) -> str:
    """The table for a terminal, with notes, doubts and differences under it."""
    summaries = summarise(runs)
    rows = [_headings(summaries), *map(_cells, summaries)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [line for line in (command and f"$ {command}", machine) if line]
    if lines:
        lines.append("")
    for row in rows:
        cells = (
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("   ".join(cells).rstrip())
    for kind, sentence in _remarks(runs, requests):
        lines += textwrap.wrap(f"{kind}: {sentence}", WIDTH, subsequent_indent="  ")
    lines += _difference_lines(differences(runs, requests))
    return "\n".join(lines) + "\n"


def markdown(
    runs: Sequence[Run], requests: Sequence[str | Request], *, command: str = "", machine: str = ""
) -> str:
    """The table in Markdown, figures to the right."""
    summaries = summarise(runs)
    lines = []
    if command:
        lines += [f"    {command}", ""]
    if machine:
        lines += [machine, ""]
    lines.append(_bars(_headings(summaries)))
    lines.append("|---|---|" + "---:|" * (len(_HEADINGS) - 2))
    lines += [_bars(_cells(summary)) for summary in summaries]
    remarks = [f"* {kind}: {sentence}" for kind, sentence in _remarks(runs, requests)]
    remarks += [f"* {line.strip()}" for line in _difference_lines(differences(runs, requests))]
    if remarks:
        lines += ["", *remarks]
    return "\n".join(lines) + "\n"


def as_csv(runs: Sequence[Run]) -> str:
    """One line for each run."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for run in runs:
        writer.writerow([getattr(run, name) for name in _COLUMNS])
    return out.getvalue()


def as_json(
    runs: Sequence[Run], requests: Sequence[str | Request], *, command: str = "", machine: str = ""
) -> str:
    """Everything: every run, the summaries, doubts and differences."""
    document = {
        "command": command,
        "machine": machine,
        "requests": len(requests),
        "runs": [
            {**{name: getattr(run, name) for name in _COLUMNS}, "codes": dict(run.codes)}
            for run in runs
        ],
        "summaries": [asdict(summary) for summary in summarise(runs)],
        "doubts": [
            {
                "doubt": finding.doubt.name.lower(),
                "engine": finding.engine,
                "figure": finding.figure,
                "sentence": sentences([finding])[0],
            }
            for finding in doubts(runs, requests)
        ],
        "differences": [
            {
                "url": difference.url,
                "volatile": difference.volatile,
                "answers": [list(answer) for answer in difference.answers],
            }
            for difference in differences(runs, requests)
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def for_suffix(
    suffix: str,
) -> Callable[[Sequence[Run], Sequence[str | Request], str, str], str]:
    """The renderer a file's suffix asks for: ``.json``, ``.md`` or ``.csv``.

    It takes runs, requests, the command and the machine. Raises ValueError for any other suffix.
    """
    if suffix == ".json":
        return lambda runs, requests, command, machine: as_json(
            runs, requests, command=command, machine=machine
        )
    if suffix == ".md":
        return lambda runs, requests, command, machine: markdown(
            runs, requests, command=command, machine=machine
        )
    if suffix == ".csv":
        return lambda runs, _requests, _command, _machine: as_csv(runs)
    raise ValueError(f"a comparison is exported to .json, .md or .csv, not {suffix!r}")


def _headings(summaries: Sequence[Summary]) -> tuple[str, ...]:
    most = max(summary.runs for summary in summaries)
    wall = f"wall (median of {most})" if most > 1 else "wall"
    return (_HEADINGS[0], wall, *_HEADINGS[2:])


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


def _bars(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.strip() for cell in cells) + " |"


def _remarks(runs: Sequence[Run], requests: Sequence[str | Request]) -> list[tuple[str, str]]:
    """Notes and doubts, as (kind, sentence)."""
    summaries = summarise(runs)
    most = max(summary.runs for summary in summaries)
    remarks = [
        ("note", f"{summary.engine} ran once: it takes longer than {ONCE:g} s")
        for summary in summaries
        if is_sequential(summary.engine) and summary.runs < most
    ]
    if requests and len(summaries) > 1 and not differences(runs, requests):
        remarks.append(
            ("note", f"every engine gave the same answer for each of {len(requests)} URLs")
        )
    for run in {run.engine: run for run in runs if run.failed}.values():
        codes = ", ".join(f"{code} {count}" for code, count in run.codes)
        remarks += [("note", f"failures of {run.engine}: {codes}")]
    remarks += [("doubt", sentence) for sentence in sentences(doubts(runs, requests))]
    return remarks


def _difference_lines(found: list[Difference]) -> list[str]:
    lines = []
    for difference in found[:SHOWN]:
        answers = "; ".join(f"{engine} {answer[:16]}" for engine, answer in difference.answers)
        changing = " (changes from run to run)" if difference.volatile else ""
        lines.append(f"different: {difference.url}{changing}: {answers}")
    if len(found) > SHOWN:
        lines.append(f"different: {len(found) - SHOWN} more")
    return lines
