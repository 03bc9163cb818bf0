"""One crawl in which one call fails; what it left. In a process of its own, forked for it."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import threading
import traceback
from pathlib import Path

from faults.points import Points

from crawler import CrawlerError, Limits, Politeness, crawl, fetching

MOST = 3  # exchanges under way
OUTPUTS = ("o.jsonl", "o.warc.gz", "o.sqlite")
DOCUMENTED = {0, 1, 3}


def library(urls: list[str], place: Path, engine: str) -> str:
    """A crawl from a program. "" when it came to its end, else the name of its error.

    Raises whatever is neither an error of ours nor want of memory.
    """
    outcomes = crawl(
        urls,
        engine=engine,
        concurrency=MOST,
        limits=Limits(retries=1, timeout=5.0),
        state=place / "crawl.db",
        outputs=[place / name for name in OUTPUTS],
        politeness=Politeness(concurrency=MOST, follow=True),
        robots=False,
    )
    try:
        with contextlib.closing(outcomes):
            for _ in outcomes:
                pass
    except (CrawlerError, MemoryError) as error:
        return type(error).__name__
    return ""


def command(urls: list[str], place: Path, engine: str) -> int:
    """The same by the command; its exit code. What it says is in the file `said`."""
    from crawler import descriptors
    from crawler.__main__ import main

    listed = place / "urls.txt"
    if not listed.exists():
        listed.write_text("".join(f"{url}\n" for url in urls))
    said = os.open(place / "said", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.close(said)
    descriptors._SPARE_FILES = 0
    sys.argv = ["crawl", str(listed), "-e", engine, "-c", str(MOST), "--follow", "--no-config"]
    sys.argv += ["--state", str(place / "crawl.db"), "--robots", "ignore", "--retries", "1"]
    sys.argv += [part for name in OUTPUTS for part in ("-o", str(place / name))]
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - it is the finding
        traceback.print_exc()
        return 99
    return 0


def perform(
    form: str, urls: list[str], place: Path, engine: str, *, n: int = 0, at: str = "", kind: str
) -> None:
    """Crawl while the n-th call fails, or the first one `at` a place; never returns.

    What was left is in `report.json`.

    The exit code is that of the command; of a library 0, 3 for an error of ours, 99 for others.
    """
    fetching.Fetches.__init__.__kwdefaults__["jitter"] = lambda _least, _most: 0.0
    points = Points(fail_at=n, at=at, kind=kind, told=place / "failed")
    error = ""
    gc.collect()
    before = _held()

    def leave(code: int) -> None:
        points.disarm()
        report = {"count": points.count, "failed": points.failed, "error": error}
        if form == "library":
            gc.collect()
            report |= {name: held - before[name] for name, held in _held().items()}
        (place / "report.json").write_text(json.dumps(report))
        sys.stdout.flush()
        sys.stderr.flush()
        leave_process(code)

    leave_process = os._exit
    os._exit = leave  # type: ignore[assignment] - the command leaves at once after a fault
    points.install()
    if form == "command":
        leave(command(urls, place, engine))
    try:
        error = library(urls, place, engine)
    except BaseException:  # noqa: BLE001 - it is the finding
        points.disarm()
        error = traceback.format_exc()
        leave(99)
    leave(3 if error else 0)


def _held() -> dict[str, int]:
    """What a crawl is to give back."""
    if "gevent" in sys.modules:  # os.close waits for a turn of its hub
        import gevent

        gevent.sleep(0.001)
    children = [path.read_text().split() for path in Path("/proc/self/task").glob("*/children")]
    greenlets = 0
    if "greenlet" in sys.modules:
        import greenlet

        greenlets = sum(
            isinstance(thing, greenlet.greenlet) and not thing.dead for thing in gc.get_objects()
        )
    return {
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "children": sum(map(len, children)),
        "greenlets": greenlets,
    }
