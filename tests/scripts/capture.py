"""Fetches the URLs on stdin through one engine, keeping the bytes; prints them as JSON.

capture.py ENGINE METHOD; [number, status, sent, wire, truncated] for each, bytes as latin-1.
"""

import sys

if __name__ == "__main__" and sys.argv[1] in {"gevent", "gevent+requests", "gevent+urllib"}:
    from gevent import monkey

    monkey.patch_all()

import json

from crawler.fetching import fetch_all
from crawler.model import Limits, Request


def main(engine, method):
    lines = []
    limits = Limits(retries=0, timeout=5.0, capture=True)
    requests = [
        Request(url, number=number, method=method)
        for number, url in enumerate(sys.stdin.read().split())
    ]
    for outcome in fetch_all(requests, engine=engine, concurrency=2, limits=limits, follow=0):
        response = outcome.error.partial if hasattr(outcome, "error") else outcome
        if response is None:
            raise outcome.error
        sent, wire = response.sent.decode("latin-1"), response.wire.decode("latin-1")
        lines.append([outcome.request.number, response.status, sent, wire, response.truncated])
    json.dump(lines, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
