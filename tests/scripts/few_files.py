"""Fetches the URLs on stdin with hardly any descriptors; prints codes, warnings and what is left.

few_files.py ENGINE CONCURRENCY DESCRIPTORS
"""

import sys

if __name__ == "__main__" and sys.argv[1] in {"gevent", "gevent+urllib"}:
    from gevent import monkey

    monkey.patch_all()

import json
import logging
import resource
from pathlib import Path

from crawler.fetching import fetch_all
from crawler.model import Limits


class Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def main(engine, concurrency, descriptors):
    urls = sys.stdin.read().split()
    kept = Kept()
    logging.getLogger("crawler").addHandler(kept)
    limits = Limits(retries=0, timeout=4.0)
    # Once before: what the engine loads at first use needs descriptors, too.
    list(fetch_all(urls[:1], engine=engine, concurrency=1, limits=limits))
    before = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + descriptors, 4096))
    codes = [
        getattr(outcome, "code", "")
        for outcome in fetch_all(urls, engine=engine, concurrency=concurrency, limits=limits)
    ]
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    after = len(list(Path("/proc/self/fd").iterdir()))
    json.dump({"codes": codes, "warnings": kept.lines, "left": after - before}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
