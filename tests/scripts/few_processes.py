"""May have few processes: how many workers there are, and what becomes of the exchanges.

few_processes.py URL PROCESSES
"""

import json
import logging
import resource
import sys

from crawler import kin
from crawler.engines import processes
from crawler.model import Limits, Network, Request


class Counted(logging.Handler):
    count = 0

    def emit(self, _record):
        self.count += 1


if __name__ == "__main__":
    URL, MOST = sys.argv[1], int(sys.argv[2])
    counted = Counted()
    logging.getLogger("crawler").addHandler(counted)
    resource.setrlimit(resource.RLIMIT_NPROC, (MOST, MOST))
    engine = processes.open("socket", concurrency=10, limits=Limits(), network=Network())
    WORKERS = len(kin.numbers()) - 1
    for number in range(20):
        engine.start(Request(f"{URL}?n={number}"))
    ENDED = []
    while len(ENDED) < 20:
        ENDED += [outcome.status for outcome in engine.wait(None)]
    engine.close()
    json.dump({"workers": WORKERS, "ended": ENDED, "warnings": counted.count}, sys.stdout)
