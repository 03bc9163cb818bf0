"""What a URL costs the frontier, with ten thousand URLs and with a million: `make frontier`.

    python benchmarks/frontier.py [memory|sqlite] [URLS HOSTS TOGETHER]

The URLs of a host come ten at a time, as the links of a page do; then, for the worst case, hosts
come in rotation, so that no page of the file is touched twice soon. Every URL is added, taken,
ended and finished; with sqlite there is a commit every 50 URLs, as a crawl has at concurrency 50.
CPU seconds of this process, so that a busy machine matters less; each size in a process of its own.
For sqlite also: the time from the open file to the first request.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from crawler.contracts import Facts, State
from crawler.frontier.memory import Memory
from crawler.frontier.sqlite import Sqlite
from crawler.model import Request
from crawler.pace import Pace
from crawler.politeness import Answer, Politeness

SIZES = ((10_000, 1_000), (100_000, 10_000), (1_000_000, 100_000))
TURN = 50
TOGETHER = (10, 1)  # URLs of one host in a row


def pace(_: str) -> Pace:
    return Pace(Politeness(concurrency=TURN), is_public=False)


def rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def one(kind: str, urls: int, hosts: int, together: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crawl.db"
        frontier = _opened(kind, path)
        before, began = rss(), time.process_time()
        for number in range(urls):
            frontier.add(Request(f"http://host{number // together % hosts}.example/page/{number}"))
            if number % 1000 == 999:
                frontier.commit({})
        added = time.process_time() - began
        frontier.commit({})
        opening = 0.0
        if kind == "sqlite":
            frontier.close()
            started = time.monotonic()
            frontier = _opened(kind, path)
            assert isinstance(frontier.take(), Request)
            opening = time.monotonic() - started
            frontier.close()
            frontier = _opened(kind, path)
        began = time.process_time()
        done = 0
        while done < urls:
            batch = []
            while len(batch) < TURN and isinstance(item := frontier.take(), Request):
                batch.append(item)
            if not batch:
                time.sleep(0.01)
            for item in batch:
                frontier.ended(item, Answer.FINE, latency=0.01, rest=0.0, peer="")
                frontier.finish(item, State.DONE, Facts("", 200))
            frontier.commit({"out.jsonl": str(done)})
            done += len(batch)
        taken = time.process_time() - began
        size = path.stat().st_size / urls if path.exists() else 0
        grown = (rss() - before) / 2**20
        frontier.close()
    print(
        f"{kind:<7} {urls:>9,} URLs {hosts:>8,} hosts x{together:<2}"
        f"   add {added / urls * 1e6:6.1f} us"
        f"   take to end {taken / urls * 1e6:6.1f} us   all {(added + taken) / urls * 1e6:6.1f} us"
        f"   RSS +{grown:6.1f} MB   file {size:4.0f} B/URL   first request {opening:5.2f} s",
        flush=True,
    )


def _opened(kind: str, path: Path) -> Memory | Sqlite:
    return Memory(pace, robots=False) if kind == "memory" else Sqlite(path, pace, robots=False)


if __name__ == "__main__":
    if len(sys.argv) == 5:
        one(sys.argv[1], *map(int, sys.argv[2:]))
    else:
        for kind in sys.argv[1:] or ("memory", "sqlite"):
            for together in TOGETHER:
                for urls, hosts in SIZES:
                    size = [str(urls), str(hosts), str(together)]
                    subprocess.run([sys.executable, __file__, kind, *size], check=True)
