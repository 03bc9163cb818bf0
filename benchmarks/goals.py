"""The goals, each with what was measured beside it: read from the runs of one day.

    python benchmarks/goals.py [FOLDER]          of benchmarks/runs; today's by default

A goal names a work and a figure of it. What is missed is shown as such; what was not measured, too.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from keeping import RUNS, today


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked of one figure."""

    says: str
    work: str
    figure: str
    must: float
    stretch: float
    unit: str = "x"
    most: bool = False  # the figure may be at most that, not at least

    def verdict(self, value: float) -> str:
        if self.met(value, self.stretch):
            return "met (stretch)"
        return "met" if self.met(value, self.must) else "MISSED"

    def met(self, value: float, aim: float) -> bool:
        return value <= aim if self.most else value >= aim


_GO, _PYCURL = "Go net/http", "pycurl CurlMulti"
GOALS = (
    Goal("selectors, 1 KB, c=50: pycurl CurlMulti", "small", f"selectors v {_PYCURL}", 1.25, 1.6),
    Goal("selectors, 1 KB, c=50: wget2", "small", "selectors v wget2", 1.5, 2),
    Goal("selectors, 1 KB, c=50: Go", "small", f"selectors v {_GO}", 1.5, 2),
    Goal("selectors, 1 KB, c=50: curl", "small", "selectors v curl --parallel", 2.6, 3.3),
    Goal("selectors, 1 KB, c=50: aiohttp", "small", "selectors v aiohttp", 6.5, 8),
    Goal("selectors, 1 KB, c=50: Scrapy, tuned", "small", "selectors v Scrapy, tuned", 100, 125),
    Goal("selectors: share of wrk, lean server", "limit", "selectors v wrk", 0.55, 0.7),
    Goal("selectors, 27 KB: pycurl", "real", f"selectors v {_PYCURL}", 1.25, 1.5),
    Goal("selectors, 27 KB: aiohttp", "real", "selectors v aiohttp", 6, 8),
    Goal("gevent+socket, 1 KB: aiohttp", "small", "gevent+socket v aiohttp", 5, 7),
    Goal("gevent+socket, 1 KB: pycurl", "small", f"gevent+socket v {_PYCURL}", 0.95, 1.3),
    Goal("gevent: gevent.Pool + Session", "small", "gevent v gevent.Pool + Session", 1.4, 1.9),
    Goal(
        "command: an aiohttp script that writes the same",
        "command", "crawl -e selectors v aiohttp script", 2.5, 4,
    ),
    Goal("c=1000 at 100 ms: share of the ideal", "thousand", "selectors: share", 0.94, 0.97, ""),
    Goal("c=10 000 at 100 ms: pages/s of Go's", "myriad", f"selectors: rate of {_GO}", 1.3, 2),
    Goal(
        "c=10 000: memory for a connection", "myriad", "selectors: KiB", 4, 2, " KiB", most=True
    ),
    Goal("TLS kept alive, 1 KB: pycurl", "tls", f"selectors v {_PYCURL}", 0.9, 1.2),
    Goal("TLS kept alive, 1 KB: aiohttp", "tls", "selectors v aiohttp", 3, 4),
    Goal("CPU per URL, 1 M of 10 k, memory", "million", "memory: growth", 1.1, 1.03, most=True),
    Goal("CPU per URL, 1 M of 10 k, sqlite", "million", "sqlite: growth", 1.3, 1.1, most=True),
    Goal("follow, PostgreSQL: wget2 -r", "follow", "crawl() v wget2 -r", 1, 2),
    Goal("follow, PostgreSQL: Scrapy", "follow", "crawl() v Scrapy", 20, 50),
    Goal("follow with --parser bs4: Scrapy", "follow", "crawl --parser bs4 v Scrapy", 1.5, 2),
    Goal(
        "import crawler, over bare Python", "startup", "import crawler", 30, 15, " ms", most=True
    ),
    Goal("crawl --help, over bare Python", "startup", "crawl --help", 150, 80, " ms", most=True),
)  # fmt: skip


def table(figures: dict[str, dict[str, float]]) -> str:
    """Every goal with its figure, from {work: {figure: value}}."""
    lines = [f"{'goal':<50}{'must':>10}{'stretch':>10}{'measured':>12}  verdict"]
    for goal in GOALS:
        sign = "<=" if goal.most else ">="
        asked = f"{sign}{goal.must:g}{goal.unit}", f"{sign}{goal.stretch:g}{goal.unit}"
        value = figures.get(goal.work, {}).get(goal.figure)
        seen = "-" if value is None else f"{value:.2f}{goal.unit}"
        verdict = f"not measured (work {goal.work})" if value is None else goal.verdict(value)
        lines.append(f"{goal.says:<50}{asked[0]:>10}{asked[1]:>10}{seen:>12}  {verdict}")
    return "\n".join(lines) + "\n"


def read(folder: Path) -> dict[str, dict[str, float]]:
    """The figures of every work that was kept there."""
    figures = {}
    for work in {goal.work for goal in GOALS}:
        kept = folder / f"{work}.json"
        if kept.exists():
            figures[work] = json.loads(kept.read_text()).get("figures", {})
    return figures


if __name__ == "__main__":
    print(table(read(RUNS / sys.argv[1] if sys.argv[1:] else today())), end="")
