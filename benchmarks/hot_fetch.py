"""A list fetched by one engine, as a ratio to the calibration loop: a program of its own.

    python benchmarks/hot_fetch.py ENGINE URLS_FILE TURNS        prints the ratio

One engine in each process, for one of them patches it.
"""

import sys

if sys.argv[1] == "gevent":
    from gevent import monkey  # noqa: TID251  # a program of its own may patch itself

    monkey.patch_all()

import time
from pathlib import Path

import calibration

from crawler import fetch_all

engine, file, turns = sys.argv[1:]
urls = Path(file).read_text().split()


def turn() -> float:
    began = time.process_time()
    good = sum(outcome.ok for outcome in fetch_all(urls, engine=engine, concurrency=50))
    spent = time.process_time() - began
    if good != len(urls):
        raise SystemExit(f"{engine}: {good} of {len(urls)} pages came")
    return spent


print(calibration.ratio(turn, turns=int(turns)))
