"""Fetches what stdin asks for, with capture: ENGINE CA_FILE; prints what both sides wrote, by URL.

stdin: [[method, url, body], ...]; stdout: {url: [code, sent, wire]}, bytes as latin-1.
"""

import json
import sys
from pathlib import Path

if __name__ == "__main__" and sys.argv[1] in {"gevent", "gevent+requests", "gevent+urllib"}:
    from gevent import monkey

    monkey.patch_all()

from crawler.fetching import fetch_all
from crawler.model import Failure, Limits, Network, Request


def main(engine, ca_file):
    requests = [
        Request(url, method=method, body=body.encode("latin-1"), number=number)
        for number, (method, url, body) in enumerate(json.load(sys.stdin), 1)
    ]
    told = {}
    for outcome in fetch_all(
        requests,
        engine=engine,
        concurrency=4,
        limits=Limits(capture=True, retries=0, timeout=10.0),
        network=Network(ca_file=Path(ca_file)),
        follow=0,
    ):
        code = outcome.code if isinstance(outcome, Failure) else ""
        came = outcome.error.partial if isinstance(outcome, Failure) else outcome
        told[outcome.url] = [
            code,
            came.sent.decode("latin-1") if came else None,
            came.wire.decode("latin-1") if came else None,
        ]
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
