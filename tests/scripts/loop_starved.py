"""Fetches 100 pages at concurrency 50 in a process that may open only so many descriptors more."""

from __future__ import annotations

import logging
import os
import resource
import sys

from crawler.drive import drive
from crawler.engines import selectors_loop
from crawler.model import Failure, Limits, Network, Request


class Listed:
    def __init__(self, requests: list[Request]) -> None:
        self._requests = iter(requests)

    def take(self) -> Request | None:
        return next(self._requests, None)


def main() -> None:
    url, allowed = sys.argv[1], int(sys.argv[2])
    logging.basicConfig(format="%(message)s")
    engine = selectors_loop.open(
        "", concurrency=50, limits=Limits(timeout=2.0 if allowed else 0.3), network=Network()
    )
    lowest = os.dup(0)  # the next descriptor there will be
    os.close(lowest)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + allowed, hard))
    requests = Listed([Request(f"{url}/{n}") for n in range(100)])
    turns = drive(engine, requests, 50)
    codes = [o.code for ended in turns for o in ended if isinstance(o, Failure)]
    engine.close()
    if codes:
        print(*codes, "")
    else:
        print("100 fetched")


if __name__ == "__main__":
    main()
