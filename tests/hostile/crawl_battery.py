"""Plays the rows that take a crawl to one engine, and judges what came back.

Read beside it: scripts/crawl_batch.py, which plays them in a network of its own.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from security.alone import alone

from hostile.crawl_row import NEVER, CrawlRow

_CONTROL = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")  # but the line end


@dataclass
class Crawled:
    """What one engine made of all rows."""

    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: dict[str, list[tuple[float, int, int, str, str]]] = field(default_factory=dict)
    trespassers: int = 0  # connections to private addresses


def play(engine: str, folder: Path, *families: str) -> Crawled:
    """Runs the rows of these families; the test is skipped where that cannot be done."""
    return Crawled(**json.loads(alone(folder, "crawl_batch.py", engine, *families)))


def misses(row: CrawlRow, crawled: Crawled) -> list[str]:
    """What is not as the catalogue says, each as ``aspect: sentence``; empty when it agrees."""
    facts = crawled.facts[row.id]
    wrong = _facts(row, facts)
    if row.then is not None and not wrong:
        wrong += _facts(row.then, facts["then"])
    until = facts.get("then", facts)["until"]
    return wrong + _seen(
        row, [entry for entry in crawled.log.get(row.host, []) if entry[0] < until]
    )


def _facts(row: CrawlRow, facts: dict[str, Any]) -> list[str]:
    if facts["bug"]:
        return [f"outcome: it raised {facts['bug']}"]
    wrong = _outcomes(row, facts["outcomes"])
    least, most = row.rests
    if row.rests == NEVER and not facts["ended"]:
        wrong.append("outcome: it did not end")
    if row.rests != NEVER and not least <= facts["rests"] <= most:
        wrong.append(f"retry: expected a rest of {least:g} to {most:g} s, got {facts['rests']:g}")
    for reference, code in row.refused.items():
        got = facts["refused"][reference]
        if got != code:
            wrong.append(f"scope: expected {code} for {reference[:80]}, got {got!r}")
    for kind, text in row.outputs.items():
        output = facts["outputs"][kind].encode("latin-1")
        if text not in output or _CONTROL.search(output):
            wrong.append(f"output: expected {text!r} and nothing raw in {kind}, got {output!r}")
    return wrong


def _outcomes(row: CrawlRow, outcomes: dict[str, Any]) -> list[str]:
    wrong = []
    nothing = {"code": "nothing", "warnings": [], "text": ""}
    for reference, code in row.outcomes.items():
        got = outcomes.get(row.url(reference), nothing)["code"]
        if got != code:
            wrong.append(f"outcome: expected {code} of {reference[:80]}, got {got}")
    for reference, warning in row.warnings.items():
        got = outcomes.get(row.url(reference), nothing)["warnings"]
        if warning not in got:
            wrong.append(f"warnings: expected {warning} of {reference}, got {got}")
    for reference, text in row.texts.items():
        got = outcomes.get(row.url(reference), nothing)["text"]
        if text not in got:
            wrong.append(f"body: expected {text!r} in {reference}, got {got[:80]!r}")
    return wrong


def _seen(row: CrawlRow, log: list[tuple[float, int, int, str, str]]) -> list[str]:
    wrong = []
    seen = Counter(url for _, _, _, url, _ in log)
    shown = [url.removeprefix(f"http://{row.host}")[:60] for url in seen][:12]
    for reference, count in row.seen.items():
        if seen[row.url(reference)] != count:
            wrong.append(
                f"requests: expected {count} of {reference}, "
                f"the site saw {seen[row.url(reference)]}"
            )
    wrong += [f"requests: {reference} was asked for" for reference in row.never
              if seen[row.url(reference)]]  # fmt: skip
    least, most = row.total
    if row.total != (0, 0) and not least <= len(log) <= most:
        wrong.append(f"requests: expected {least} to {most}, the site saw {len(log)}: {shown}")
    under_way = [count for _, _, count, _, _ in log]
    if row.most and max(under_way, default=0) > row.most:
        wrong.append(f"load: {max(under_way)} were under way at once, at most {row.most} may be")
    late = max(under_way[2 * len(under_way) // 3 :], default=0)
    if row.late_most and late > row.late_most:
        wrong.append(f"load: {late} were still under way at once, not {row.late_most}")
    instants = [at for at, _, _, url, _ in log if url == row.url(row.seeds[-1])]
    if row.apart and (len(instants) < 2 or instants[1] - instants[0] < row.apart):
        wrong.append(f"retry: the second request came at once: {instants}")
    connections = {number for _, number, _, _, _ in log}
    if row.connections and len(connections) != row.connections:
        wrong.append(
            f"connection: expected {row.connections}, the requests came on {len(connections)}"
        )
    return wrong
