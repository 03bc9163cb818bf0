"""The command over one process and over several: what that gains, and who spends the time.

    python benchmarks/processes.py [ROUNDS]

Nothing is pinned but the server: the processes are to have all processors there are. With two, of
which the server takes its part, the figures are the least that more would give; so beside the wall
time stands what the crawl itself spent, which bounds how many processes are of use: `crawl` is the
processor time of the process that has frontier and outputs, `shards` that of all others. Rounds go
through all works in turns. Read beside it: docs/processes.md.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from keeping import machine, store
from server import certificate, nginx, served
from works.folders import POSTGRES, with_page

PROCESSES = (1, 2)
_CHILD = """
import atexit, json, resource, sys
def told():
    own, others = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    with open(told_to, "w") as file:
        json.dump([own.ru_utime + own.ru_stime, others.ru_utime + others.ru_stime], file)
atexit.register(told)
told_to = sys.argv.pop()
from crawler.cli import main
main()
"""


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    if not POSTGRES.is_dir() or not nginx():
        raise SystemExit("this needs Debian's packages postgresql-doc-15 and nginx")
    works = {
        "follow": ("{url}/index.html", "--follow"),
        "follow --text": ("{url}/index.html", "--follow", "--text"),
        "follow --parser bs4": ("{url}/index.html", "--follow", "--parser", "bs4"),
        "list --select": ("{list}", "--select", "title=h1", "--select", "links[]=a::attr(href)"),
        "TLS, kept": ("{kept}", "--cacert", "{ca}"),
        "TLS, closing": ("{closing}", "--cacert", "{ca}"),
    }
    runs: dict[str, list[dict[str, float]]] = {}
    with with_page(27_000) as folder, tempfile.TemporaryDirectory() as name:
        certificate(folder)
        with served(POSTGRES, core=0) as docs, served(folder, core=0, tls=True) as page:
            put = _places(Path(name), docs.url, page.tls, page.tls_closing, folder)
            for turn in range(rounds):
                for work, words in works.items():
                    for count in PROCESSES if turn % 2 else reversed(PROCESSES):
                        run = measured([word.format(**put) for word in words], count, Path(name))
                        runs.setdefault(f"{work}|{count}", []).append(run)
            server = docs.name
    text = _table(runs, works, f"{server}, {machine()}")
    print(text, end="")
    store({"rounds": rounds, "runs": runs, "machine": machine()}, text, "processes")


def _places(own: Path, docs: str, kept: str, closing: str, folder: Path) -> dict[str, str]:
    """What the commands' words stand for."""
    lists = {
        "list": [f"{docs}/{page.name}" for page in sorted(POSTGRES.glob("*.html"))[:400]],
        "kept": [f"{kept}/p/{number}" for number in range(8000)],
        "closing": [f"{closing}/p/{number}" for number in range(1500)],
    }
    for name, urls in lists.items():
        (own / name).write_text("\n".join(urls))
    return {
        "url": docs,
        "ca": str(folder / "cert.pem"),
        **{name: str(own / name) for name in lists},
    }


def measured(words: list[str], count: int, folder: Path) -> dict[str, float]:
    """One run of the command."""
    out, told = folder / "out.jsonl", folder / "told.json"
    command = [sys.executable, "-c", _CHILD, *words, "--processes", str(count), "-c", "32"]
    command += ["-e", "selectors", "-qq", "--overwrite", "-o", str(out), str(told)]
    began = time.perf_counter()
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    own, others = json.loads(told.read_text())
    records = [json.loads(line) for line in out.read_text().splitlines()]
    good = sum(record["ok"] for record in records)
    return {"wall": wall, "crawl": own, "shards": others, "pages": len(records), "good": good,
            "load": os.getloadavg()[0]}  # fmt: skip


def _table(runs: dict[str, list[dict[str, float]]], works: dict[str, object], where: str) -> str:
    numbers = f"{'pages':>7}{'wall s':>9}{'crawl s':>9}{'shards s':>10}{'ms/page':>9}"
    heading = f"{'work':<22}{'N':>3}{numbers}{'faster':>8}{'bound':>7}"
    lines = [f"crawl --processes N over {where}", heading]
    for work in works:
        one = statistics.median(run["wall"] for run in runs[f"{work}|1"])
        all_one = statistics.median(run["crawl"] + run["shards"] for run in runs[f"{work}|1"])
        for count in PROCESSES:
            of = runs[f"{work}|{count}"]
            middle = {key: statistics.median(run[key] for run in of) for key in of[0]}
            cost = 1e3 * (middle["crawl"] + middle["shards"]) / middle["pages"]
            bound = f"{all_one / middle['crawl']:.1f}x" if count > 1 else ""
            lines.append(
                f"{work:<22}{count:>3}{middle['pages']:>7.0f}{middle['wall']:>9.2f}"
                f"{middle['crawl']:>9.2f}{middle['shards']:>10.2f}{cost:>9.2f}"
                f"{one / middle['wall']:>7.2f}x{bound:>7}"
            )
    lines.append(
        '"bound": what all work costs in one process over what stays in `crawl` of several'
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
