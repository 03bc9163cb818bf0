"""URLs on stdin, fetched by sigio in a process that may have only so many signals queued.

sigio_overflow.py PENDING
"""

import resource
import sys

from crawler import fetch_all
from crawler.model import Limits

if __name__ == "__main__":
    pending = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_SIGPENDING, (pending, pending))
    limits = Limits(timeout=3.0, retries=0)
    outcomes = fetch_all(sys.stdin.read().split(), engine="sigio", concurrency=100, limits=limits)
    print(sum(outcome.ok for outcome in outcomes))
