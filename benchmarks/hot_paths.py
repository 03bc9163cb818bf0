"""The hot paths that need no server, each as a ratio to the calibration loop: a program of its own.

python benchmarks/hot_paths.py NAME TURNS        prints the ratio
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import calibration

from crawler import sinks
from crawler.contracts import Facts, State
from crawler.extract import extract
from crawler.frontier.memory import Memory
from crawler.frontier.sqlite import Sqlite
from crawler.model import Headers, Limits, Request, Response
from crawler.pace import Pace
from crawler.politeness import Answer, Politeness
from crawler.sinks.record import Describer
from crawler.wire.parse import ResponseParser

_ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 08:00:00 GMT\r\n"
    b"Content-Type: text/html; charset=utf-8\r\nContent-Length: 1024\r\n"
    b"Last-Modified: Mon, 23 Nov 2026 08:00:00 GMT\r\nConnection: keep-alive\r\n"
    b'ETag: "65b0c2a0-400"\r\nAccept-Ranges: bytes\r\n\r\n' + b"x" * 1024
)
_URL = "http://host.example/folder/page.html"


def page(links: int = 60) -> bytes:
    """Some 27 KB of HTML, the size and the number of links of a page of documentation."""
    text = "<p>Some words that say what a function takes and gives, with <code>names</code>.</p>\n"
    parts = ["<!DOCTYPE html><html><head><title>A page</title></head><body>\n"]
    for number in range(links):
        parts.append(f'<a class="x" href="part-{number % 40}.html#s{number}">Part {number}</a>\n')
        parts.append(text * 5)
    return "".join([*parts, "</body></html>\n"]).encode()


def response(body: bytes) -> Response:
    request = Request(_URL, number=1, text=_URL, since=time.monotonic())
    fields = Headers([("Content-Type", "text/html; charset=utf-8"), ("Server", "x")])
    at = datetime.now(UTC)
    return Response(request, 200, "OK", fields, body, body, "1.1", "127.0.0.1 80", at, 0.01)


@contextmanager
def parser() -> Iterator[Callable[[], None]]:
    limits = Limits()

    def work() -> None:
        for _ in range(2_000):
            one = ResponseParser("GET", limits)
            one.feed(_ANSWER)

    yield work


@contextmanager
def links() -> Iterator[Callable[[], None]]:
    one = response(page())

    def work() -> None:
        for _ in range(60):
            extract(one)

    yield work


@contextmanager
def record() -> Iterator[Callable[[], None]]:
    with tempfile.TemporaryDirectory() as folder:
        sink = sinks.open(f"{folder}/out.jsonl", Describer(engine="selectors"), mode="new", mark="")
        pages = [response(b"x" * 1024) for _ in range(1_000)]

        def work() -> None:
            for one in pages:
                sink.write(one)
            sink.flush()

        yield work
        sink.close()


@contextmanager
def frontier(kind: str) -> Iterator[Callable[[], None]]:
    def pace(_: str) -> Pace:
        return Pace(Politeness(concurrency=50), is_public=False)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crawl.db"
        opened = (
            Memory(pace, robots=False) if kind == "memory" else Sqlite(path, pace, robots=False)
        )
        urls = iter(range(10**9))

        def work() -> None:
            for _ in range(20):
                for number in (next(urls) for _ in range(50)):
                    opened.add(Request(f"http://host{number // 10 % 97}.example/page/{number}"))
                _taken(opened)
                opened.commit({})

        yield work
        opened.close()


def _taken(opened: Memory | Sqlite) -> None:
    """Takes what was just added, to its end."""
    while isinstance(item := opened.take(), Request):
        opened.ended(item, Answer.FINE, latency=0.01, rest=0.0, peer="")
        opened.finish(item, State.DONE, Facts("", 200))


PATHS = {
    "parser": parser,
    "links": links,
    "record": record,
    "frontier in memory": lambda: frontier("memory"),
    "frontier on sqlite": lambda: frontier("sqlite"),
}


def main() -> None:
    name, turns = sys.argv[1:]
    with PATHS[name]() as work:

        def turn() -> float:
            began = time.process_time()
            work()
            return time.process_time() - began

        print(calibration.ratio(turn, turns=int(turns)))


if __name__ == "__main__":
    main()
