"""Starts exchanges that will not end, says which processes there are, and waits.

orphaned.py URL
"""

import sys

from crawler import kin
from crawler.engines import processes
from crawler.model import Limits, Network, Request

if __name__ == "__main__":
    engine = processes.open("socket", concurrency=4, limits=Limits(), network=Network())
    for number in range(3):
        engine.start(Request(f"{sys.argv[1]}&n={number}"))
    print(*kin.numbers(), flush=True)
    engine.wait(None)
