"""Starts exchanges that will not end, closes the engine, and prints how long that took.

close_early.py ENGINE URL
"""

import sys

if __name__ == "__main__" and sys.argv[1] in {"gevent", "gevent+urllib"}:
    from gevent import monkey

    monkey.patch_all()

import gc
import json
import threading
import time
from pathlib import Path

from worker_bug import greenlets

from crawler import engines, kin
from crawler.model import Limits, Network, Request

if __name__ == "__main__":
    before = len(list(Path("/proc/self/fd").iterdir()))
    engine = engines.open(sys.argv[1], concurrency=8, limits=Limits(), network=Network())
    for number in range(8):
        engine.start(Request(f"{sys.argv[2]}&n={number}"))
    SEEN = engine.wait(0.3)
    began = time.monotonic()
    engine.close()
    took = time.monotonic() - began
    if "gevent" in sys.modules:
        import gevent

        gevent.get_hub().destroy(destroy_loop=True)  # the loop's own descriptors
    gc.collect()
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("crawler")]
    left = len(list(Path("/proc/self/fd").iterdir())) - before
    TOLD = {"ended": len(SEEN), "took": took, "threads": threads, "left": left}
    TOLD["greenlets"] = greenlets()
    TOLD["processes"] = len(kin.numbers())
    json.dump(TOLD, sys.stdout)
