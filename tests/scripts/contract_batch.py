"""Fetches what stdin asks for, through one engine, and prints every outcome as JSON.

stdin: {engine, limits, ca_file, resolve, batches: [{concurrency, sequences, limits?,
proxy?, insecure?}]}. An engine in two processes is written ``selectors*2``.
The requests of a sequence are made one after the other, each when the one before has ended.
"""

import json
import sys

if __name__ == "__main__":
    JOB = json.load(sys.stdin)
    if JOB["engine"] in {"gevent", "gevent+requests", "gevent+urllib"}:
        from gevent import monkey

        monkey.patch_all()

import base64
import contextlib
import hashlib
from collections import deque
from dataclasses import replace
from pathlib import Path

from crawler import urls
from crawler.fetching import fetch_all
from crawler.model import Failure, Limits, Network, Request


class Sequences:
    """Requests in an order that respects each sequence; told by `ended` when one has ended."""

    def __init__(self, sequences, filler):
        self.waiting = deque(deque(sequence) for sequence in sequences)
        self.under_way = {}  # tag -> the rest of its sequence
        self.filler = filler

    def __iter__(self):
        tag = 1
        while self.waiting or self.under_way:
            if not self.waiting:
                # Everything left waits for something under way: let a little time pass.
                yield Request(self.filler, since=-1.0)
                continue
            sequence = self.waiting.popleft()
            asked = sequence.popleft()
            self.under_way[tag] = sequence
            url = asked["url"]
            yield Request(
                urls.canonical(url),
                tuple(map(tuple, asked["headers"])),
                method=asked["method"],
                body=b"x" * asked["body"],
                number=asked["number"],
                public_only=asked["public_only"],
                depth=tag,
            )
            tag += 1

    def ended(self, request):
        rest = self.under_way.pop(request.depth, None)
        if rest:
            self.waiting.appendleft(rest)  # before connections to others push this one out


def body(data):
    return {
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "start": base64.b64encode(data[:4096]).decode(),
    }


def shown(response):
    return {
        "code": "",
        "status": response.status,
        "body": body(response.body),
        "raw": body(response.raw),
        "truncated": response.truncated,
        "warnings": list(response.warnings),
        "reused": response.reused,
        "version": response.http_version,
    }


def record(outcome):
    number = {"number": outcome.request.number, "elapsed": outcome.elapsed}
    if not isinstance(outcome, Failure):
        return number | shown(outcome)
    error = outcome.error
    return number | {
        "code": error.code,
        "message": str(error),
        "kind": type(error).__name__,
        "retry": error.retry,
        "partial": None if error.partial is None else shown(error.partial),
    }


def open_sockets():
    links = []
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the descriptor that lists them
            links.append(str(path.readlink()))
    return sum(link.startswith("socket:") for link in links)


def main(job):
    before = open_sockets()
    records = []
    engine, _, processes = job["engine"].partition("*")
    for batch in job["batches"]:
        limits = replace(Limits(**job["limits"]), **batch.get("limits", {}))
        network = Network(
            proxy=batch.get("proxy", ""),
            verify=not batch.get("insecure"),
            ca_file=Path(job["ca_file"]),
            resolve=tuple(map(tuple, job["resolve"])),
        )
        sequences = Sequences(batch["sequences"], job["filler"])
        for outcome in fetch_all(
            sequences,
            engine=engine,
            processes=int(processes or 1),
            concurrency=batch["concurrency"],
            limits=limits,
            network=network,
        ):
            sequences.ended(outcome.request)
            if outcome.request.number:
                records.append(record(outcome))
    # Not json.dump, which goes through the text piece by piece.
    sys.stdout.write(json.dumps({"outcomes": records, "sockets": open_sockets() - before}))


if __name__ == "__main__":
    main(JOB)
