"""A program of this project, run here with a sample of where it is every few milliseconds.

    python benchmarks/sampled.py OUT fetch URLS_FILE        fetch_all over a list
    python benchmarks/sampled.py OUT crawl ARGUMENT ...     the command

OUT gets {stage: samples} as JSON. The clock that asks for a sample counts processor time alone, so
waiting is not seen; with BENCH_UNSAMPLED in the environment nothing is sampled. A sample belongs to
the innermost file of ours that has a stage, see STAGES; one whose line makes a system call is the
kernel's.
"""

from __future__ import annotations

import json
import linecache
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import crawler

ROOT = str(Path(crawler.__file__).parent)
EVERY = 0.001  # seconds; the kernel may make it its own tick, 4 ms
KERNEL, START, OTHER = "kernel (system calls)", "start", "other"
# Files or folders of crawler/, the first that fits counts; what has no stage is its caller's.
STAGES = (
    ("reading the list", ("reading.py", "entries.py", "lines.py", "records.py")),
    ("frontier", ("frontier/_lines.py", "frontier/", "feeding.py", "state.py")),
    ("politeness", ("politeness.py", "manners.py", "outage.py", "forecast.py")),
    ("engine: the loop", ("engines/", "transports/", "drive.py")),
    ("wire: request", ("wire/encode.py",)),
    ("wire: response", ("wire/",)),
    ("settling, turns", ("fetching.py", "hops.py", "crawling.py", "following.py", "became.py")),
    ("links: finding", ("extract.py", "glance.py", "meaning.py", "joining.py", "references.py",
                        "sniffing.py", "charset.py", "marks.py", "flat.py")),
    ("links: parse process", ("parsing.py", "parse_pool.py", "parse_worker.py")),
    ("links: scope, adding", ("discovery.py", "scope.py", "traps.py", "duplicates.py")),
    ("record", ("sinks/record.py", "sinks/_page_line.py")),
    ("writing", ("sinks/", "outputs.py")),
    ("statistics, progress", ("stats.py", "report.py", "console.py", "watching.py", "why.py")),
    ("command", ("run_command.py", "stopping.py")),
    (START, ("cli.py", "flags.py", "config.py", "settings.py", "planning.py", "options.py")),
)  # fmt: skip
_CALL = re.compile(
    r"\b(recv|recv_into|send|sendall|connect_ex|connect|poll|select|register|unregister|modify"
    r"|close|shutdown|setsockopt|getsockopt|socket|accept|write|fsync|fdatasync|truncate)\("
)
_counts: Counter[str] = Counter()
_known: dict[str, str] = {}


def sample(_: int, frame: FrameType | None) -> None:
    if frame is None:
        return
    innermost, stage = frame, ""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib"):
            _counts[START] += 1
            return
        stage = stage or _stage(file)
        frame = frame.f_back
    line = linecache.getline(innermost.f_code.co_filename, innermost.f_lineno or 0)
    _counts[KERNEL if stage != START and _CALL.search(line) else stage or OTHER] += 1


def _stage(file: str) -> str:
    """The stage of a file; "" for one that belongs to its caller's."""
    if file not in _known:
        path = file.removeprefix(f"{ROOT}/") if file.startswith(ROOT) else ""
        fitting = (name for name, starts in STAGES if path.startswith(starts))
        _known[file] = next(fitting, "") if path else ""
    return _known[file]


def main() -> None:
    out, what, *arguments = sys.argv[1:]
    if not os.environ.get("BENCH_UNSAMPLED"):
        signal.signal(signal.SIGPROF, sample)
        signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        if what == "fetch":
            urls = Path(arguments[0]).read_text().split()
            good = sum(
                one.ok for one in crawler.fetch_all(urls, concurrency=50, engine="selectors")
            )
            if good != len(urls):
                raise SystemExit(f"{good} of {len(urls)} pages came")
        else:
            from crawler.__main__ import main as crawl

            sys.argv[1:] = arguments
            crawl()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        Path(out).write_text(json.dumps(_counts))


if __name__ == "__main__":
    main()
