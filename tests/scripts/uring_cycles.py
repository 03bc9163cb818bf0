"""Opens and closes uring over and over, with an exchange under way; prints what is left of it.

uring_cycles.py URL COUNT
"""

import json
import sys
from pathlib import Path

from crawler import engines
from crawler.model import Limits, Network, Request


def held():
    maps = Path("/proc/self/maps").read_text()
    resident = int(Path("/proc/self/statm").read_text().split()[1])
    return (
        len(list(Path("/proc/self/fd").iterdir())),
        maps.count("io_uring"),
        len(maps.splitlines()),
        resident,
    )


def cycle(url):
    engine = engines.open("uring", concurrency=1, limits=Limits(), network=Network())
    engine.start(Request(url))
    engine.wait(0.0)
    engine.close()


if __name__ == "__main__":
    for _ in range(20):
        cycle(sys.argv[1])
    before = held()
    for _ in range(int(sys.argv[2])):
        cycle(sys.argv[1])
    print(json.dumps([before, held()]))
