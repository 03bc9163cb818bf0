"""make profile: processor time per page, stage by stage, as a table for ARCHITECTURE.md.

    python benchmarks/stages.py

Two runs make a column: one that nobody looks at, for what a page costs (less what a list of ten
costs: the start), and one that is sampled (sampled.py), for how the user's part of that divides.
The kernel's part is what the kernel says it is, in the first run. The runs alternate, five of each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from keeping import machine, now, store
from sampled import KERNEL, OTHER, STAGES, START
from server import lean, nginx, pin, served
from works.folders import POSTGRES

HERE = Path(__file__).parent
ROUNDS = 5
_PAGES = {"many": 40_000, "ten": 10}
_FOLLOWED = 1_169  # pages of PostgreSQL's documentation 15, if no record says otherwise


@dataclass(frozen=True, slots=True)
class Column:
    """What a program costs a page: user seconds by stage, and the kernel's."""

    name: str
    stages: dict[str, float]  # microseconds
    kernel: float
    samples: int


def main() -> None:
    pin(1)
    columns = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with lean(1024, core=0) as server:
            for kind, count in _PAGES.items():
                urls = "".join(f"{url}\n" for url in server.urls(count))
                (folder / f"{kind}.txt").write_text(urls)
            for title, words in _programs(folder):
                columns.append(_column(title, words, folder, _PAGES["many"] - _PAGES["ten"]))
        if nginx() and POSTGRES.is_dir():
            with served(POSTGRES, core=0) as server:
                columns.append(_followed(server.url, folder))
    where = f"{machine()}, Python {sys.version.split()[0]}, {now()}"
    text = (
        f"{_table(columns)}\n{where}; {', '.join(f'{one.samples:,}' for one in columns)} samples\n"
    )
    print(text)
    kept = {one.name: {**one.stages, KERNEL: one.kernel} for one in columns}
    store({"machine": where, "us_per_page": kept}, text, "profile")


def _programs(folder: Path) -> list[tuple[str, list[str]]]:
    """Columns, and what they run over LIST."""
    crawl = ["crawl", "LIST", "-o", str(folder / "out.jsonl"), "--overwrite", "-c", "50", "-qq"]
    crawl += ["-e", "selectors"]
    kept = [word for word in crawl if word != "--overwrite"]
    return [
        ("`fetch_all`", ["fetch", "LIST"]),
        ("`crawl -o`", crawl),
        ("`crawl -o --state`", [*kept, "--state", str(folder / "crawl.db")]),
    ]


def _column(title: str, words: list[str], folder: Path, pages: int) -> Column:
    """Both kinds of runs over the long list, less the short one."""
    costs: dict[str, list[tuple[float, float]]] = {"many": [], "ten": []}
    counts: Counter[str] = Counter()
    for _ in range(ROUNDS):
        for kind, of in costs.items():
            named = [str(folder / f"{kind}.txt") if word == "LIST" else word for word in words]
            of.append(_spent(named, folder, sampled=False))
        named = [str(folder / "many.txt") if word == "LIST" else word for word in words]
        _spent(named, folder, sampled=True)
        counts.update(json.loads((folder / "samples").read_text()))
    user, system = (
        (median(one[at] for one in costs["many"]) - median(one[at] for one in costs["ten"])) / pages
        for at in (0, 1)
    )
    return _divided(title, counts, user * 1e6, system * 1e6)


def _followed(url: str, folder: Path) -> Column:
    """The same for links followed: the start is that of a crawl of one page."""
    out = folder / "out.jsonl"
    words = ["crawl", f"{url}/index.html", "--follow", "-o", str(out), "--overwrite", "-qq"]
    words += ["-e", "selectors"]
    whole, begin = [], []
    counts: Counter[str] = Counter()
    pages = _FOLLOWED
    for _ in range(ROUNDS):
        begin.append(_spent([*words, "--max-pages", "1"], folder, sampled=False, fine=(0, 4)))
        whole.append(_spent(words, folder, sampled=False))
        pages = out.read_bytes().count(b"\n")
        _spent(words, folder, sampled=True)
        counts.update(json.loads((folder / "samples").read_text()))
    user, system = (
        (median(one[at] for one in whole) - median(one[at] for one in begin)) / (pages - 1)
        for at in (0, 1)
    )
    return _divided("`crawl --follow`, 14 KB pages", counts, user * 1e6, system * 1e6)


def _divided(title: str, counts: Counter[str], user: float, system: float) -> Column:
    """The user's part, by the samples that are neither the start's nor the kernel's."""
    samples = sum(counts.values())
    ours = {name: count for name, count in counts.items() if name not in (START, KERNEL)}
    total = sum(ours.values())
    stages = {name: user * count / total for name, count in ours.items()}
    return Column(title, stages, system, samples)


def _spent(
    words: list[str], folder: Path, *, sampled: bool, fine: tuple[int, ...] = (0,)
) -> tuple[float, float]:
    """User and system seconds of one run. Raises SystemExit when it fails."""
    for left in folder.glob("crawl.db*"):
        left.unlink()
    if "--state" in words:
        (folder / "out.jsonl").unlink(missing_ok=True)
    program = [sys.executable, str(HERE / "sampled.py"), str(folder / "samples")]
    environment = {**os.environ, "BENCH_UNSAMPLED": "" if sampled else "1"}
    child = subprocess.Popen([*program, *words], stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in fine:
        raise SystemExit(f"{' '.join(words)} ended with {child.returncode}")
    return usage.ru_utime, usage.ru_stime


def _table(columns: list[Column]) -> str:
    """Markdown, microseconds of processor time for a page."""
    names = [name for name, _ in STAGES if name != START] + [OTHER]
    lines = [f"| CPU us per page | {' | '.join(one.name for one in columns)} |"]
    lines.append(f"|---|{'---:|' * len(columns)}")
    for name in names:
        cells = [one.stages.get(name, 0.0) for one in columns]
        if any(cell >= 0.05 for cell in cells):
            shown = (f"{cell:.1f}" if cell >= 0.05 else "" for cell in cells)
            lines.append(f"| {name} | {' | '.join(shown)} |")
    lines.append(f"| {KERNEL} | {' | '.join(f'{one.kernel:.1f}' for one in columns)} |")
    whole = (f"**{sum(one.stages.values()) + one.kernel:.1f}**" for one in columns)
    lines.append(f"| all | {' | '.join(whole)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
