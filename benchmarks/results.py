"""What one work gives: every run, the figures its goals are about, and its table.

result = Result("small", "1 KB pages, 50 at a time", server.name, absent, runs)
result.compare(("selectors", "gevent"))     figures "selectors v pycurl": 1.4, ...
print(result.text())
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from turns import Run, cpu


@dataclass
class Result:
    """One work, measured."""

    work: str
    about: str
    server: str
    absent: dict[str, str]  # client: why
    runs: dict[str, list[Run]]
    figures: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    table: list[str] = field(default_factory=list)  # in place of the usual one

    def compare(self, ours: tuple[str, ...]) -> None:
        """Pages per CPU second of each of ours, times that of every other client."""
        costs = {name: cost(of) for name, of in self.runs.items() if of}
        for one in ours:
            for name, theirs in costs.items():
                if one in costs and name != one:
                    self.figures[f"{one} v {name}"] = theirs / costs[one]

    def text(self) -> str:
        lines = [f"{self.work}: {self.about}", f"server: {self.server}", ""]
        lines += self.table or usual_table(self.runs)
        lines += ["", *self.notes] if self.notes else []
        ratios = [name for name in self.figures if " v " in name]
        if ratios:
            lines += ["", "pages per CPU second, times the other's"]
            for one in dict.fromkeys(name.partition(" v ")[0] for name in ratios):
                each = [
                    f"{name.partition(' v ')[2]} {self.figures[name]:.2f}"
                    for name in ratios
                    if name.startswith(f"{one} v ")
                ]
                lines.append(f"{one}: {', '.join(each)}")
        lines += [f"absent: {name}: {why}" for name, why in self.absent.items()]
        return "\n".join(lines) + "\n"

    def document(self) -> dict[str, Any]:
        return {
            "work": self.work,
            "about": self.about,
            "server": self.server,
            "absent": self.absent,
            "figures": self.figures,
            "notes": self.notes,
            "runs": self.runs,
        }


def cost(runs: list[Run]) -> float:
    """Microseconds of processor time for a page: the median of the runs."""
    return median(cpu(run) for run in runs) * 1e6


def usual_table(runs: dict[str, list[Run]]) -> list[str]:
    heading = f"{'client':<26}{'CPU us/page':>12}{'(least-most)':>18}{'user':>8}{'process':>9}"
    lines = [f"{heading}{'pages/CPU s':>13}{'pages/s':>9}{'peak MiB':>10}{'runs':>6}  whole"]
    for name, of in sorted(runs.items(), key=lambda item: cost(item[1]) if item[1] else 1e9):
        if not of:
            lines.append(f"{name:<26} broke off in every round")
            continue
        each = [cpu(run) * 1e6 for run in of]
        user = median(run["cpu_user"] / run["pages"] for run in of) * 1e6
        whole = median(run["cpu_whole"] / run["pages"] for run in of) * 1e6
        rate = median(run["pages"] / run["wall"] for run in of)
        peak = median(run["rss_kib"] for run in of) / 1024
        spread = f"({min(each):.1f}-{max(each):.1f})"
        lines.append(
            f"{name:<26}{cost(of):>12.1f}{spread:>18}{user:>8.1f}{whole:>9.1f}"
            f"{1e6 / cost(of):>13.0f}{rate:>9.0f}{peak:>10.1f}{len(of):>6}"
            f"  {'yes' if all(run['whole'] for run in of) else 'NO'}"
        )
    return lines
