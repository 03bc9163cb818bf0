"""Fetches the URLs on stdin through one engine; prints [number, code, status, start of the body].

fetch_urls.py ENGINE CONCURRENCY [TIMEOUT]
"""

import sys

if __name__ == "__main__" and sys.argv[1] in {"gevent", "gevent+requests", "gevent+urllib"}:
    from gevent import monkey

    monkey.patch_all()

import json

from crawler.fetching import fetch_all
from crawler.model import Limits


def main(engine, concurrency, timeout):
    lines = []
    limits = Limits(retries=0, timeout=timeout)
    outcomes = fetch_all(
        sys.stdin.read().split(), engine=engine, concurrency=concurrency, limits=limits
    )
    for outcome in outcomes:
        number = outcome.request.number
        if hasattr(outcome, "error"):
            lines.append([number, outcome.code, 0, str(outcome.error)[:200]])
        else:
            lines.append([number, "", outcome.status, outcome.body[:40].decode("latin-1")])
    json.dump(lines, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float([*sys.argv, 60.0][3]))
