"""Links followed: PostgreSQL's documentation from nginx, from its index to its last page.

    make follow        ours (selectors, gevent), wget2 -r, Scrapy, wget -r where they are installed

The whole commands, start of the interpreter and files written included, in turns. Every client must
find the same pages; wget2 and wget also fetch what pages need to be shown, which is not counted.
Prints medians of wall and CPU seconds, pages per second and ratios, and keeps them in runs/DATE/.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from postgres_docs import FOLDER
from run import machine, store
from server import nginx, pin, served

ROUNDS = 5
CONCURRENCY = 16
HERE = Path(__file__).parent
PEERS = HERE / ".venv" / "bin" / "python"


def commands(url: str, folder: Path) -> dict[str, list[str]]:
    out = str(folder / "out.jsonl")
    ours = [
        sys.executable,
        "-m",
        "crawler",
        url,
        "--follow",
        "-c",
        str(CONCURRENCY),
        "-o",
        out,
        "-qq",
    ]
    found = {
        "crawl -e selectors": [*ours, "-e", "selectors"],
        "crawl -e gevent": [*ours, "-e", "gevent"],
        "crawl --state": [*ours, "-e", "selectors", "--state", str(folder / "crawl.db")],
    }
    for name, more in (("wget2", [f"--max-threads={CONCURRENCY}"]), ("wget", [])):
        if shutil.which(name):
            found[f"{name} -r"] = [name, "-q", "-r", "-nH", *more, "-P", str(folder / "tree"), url]
    if PEERS.exists():
        script = str(HERE / "clients" / "scrapy_follow.py")
        found["Scrapy"] = [str(PEERS), script, url, str(CONCURRENCY), out]
    return found


def pages(folder: Path) -> set[str]:
    """The names of the pages that a client has brought."""
    out = folder / "out.jsonl"
    if out.exists():
        records = [json.loads(line) for line in out.read_text().splitlines()]
        names = {record["url"].rpartition("/")[2] for record in records if record["status"] == 200}
    else:
        names = {path.name for path in (folder / "tree").rglob("*") if path.is_file()}
    return {name for name in names if name.endswith(".html")}


def once(name: str, url: str) -> tuple[float, float, set[str]]:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        command = commands(url, folder)[name]
        began = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        return wall, usage.ru_utime + usage.ru_stime, pages(folder)


def main() -> int:
    if not FOLDER.is_dir() or not nginx():
        raise SystemExit("this needs Debian's packages postgresql-doc-15 and nginx")
    runs: dict[str, list[tuple[float, float]]] = {}
    found: dict[str, set[str]] = {}
    with served(FOLDER, core=0) as server:
        url = f"{server.url}/index.html"
        pin(1)  # the children, too
        names = list(commands(url, HERE))
        for _ in range(ROUNDS):
            for name in names:
                wall, cpu, what = once(name, url)
                runs.setdefault(name, []).append((wall, cpu))
                found.setdefault(name, what)
                assert found[name] == what, f"{name} found other pages than before"
    first = found[names[0]]
    lines = [f"{machine()}, {server.name}, {CONCURRENCY} at once, median of {ROUNDS} in turns", ""]
    lines.append(f"{'':<20} {'pages':>6} {'wall':>8} {'cpu':>8} {'pages/s':>8} {'ours is':>9}")
    fastest = median(wall for wall, _ in runs[names[0]])
    for name in names:
        wall = median(each for each, _ in runs[name])
        cpu = median(each for _, each in runs[name])
        number = len(found[name] & first)
        lines.append(
            f"{name:<20} {number:>6,} {wall:>6.2f} s {cpu:>6.2f} s {number / wall:>8,.0f}"
            f" {wall / fastest:>8.2f}x"
        )
    same = {name: found[name] == first for name in names}
    lines.append("")
    said = ", ".join(f"{name} {'yes' if equal else 'NO'}" for name, equal in same.items())
    lines.append(f"the same pages: {said}")
    text = "\n".join(lines) + "\n"
    print(text, end="")
    store({"runs": runs, "machine": machine()}, text, "follow")
    return int(not all(same.values()))


if __name__ == "__main__":
    sys.exit(main())
