"""The same pages from the lean server: how near to wrk, which keeps nothing of what it reads."""

from __future__ import annotations

from results import Result
from server import lean
from turns import Client, in_turns, present

from works.small import CONCURRENCY, PAGE

_CLIENTS = (
    ("selectors", "ours", 40_000, "selectors"),
    ("gevent+socket", "ours", 25_000, "gevent+socket"),
    ("pycurl CurlMulti", "pycurl_multi", 40_000, ""),
    ("wrk", "wrk_limit", 0, ""),
)


def run(rounds: int) -> Result:
    with lean(PAGE, core=0) as server:
        clients, absent = present(
            [
                Client(
                    name,
                    script,
                    server.urls(pages or 1),
                    CONCURRENCY,
                    engine=engine,
                    counted=pages > 0,
                    bytes=pages * PAGE,
                )
                for name, script, pages, engine in _CLIENTS
            ]
        )
        about = f"{PAGE} bytes a page, {len(server.hosts)} hosts, {CONCURRENCY} at a time"
        result = Result("limit", about, server.name, absent, in_turns(clients, rounds=rounds))
    result.compare(("selectors", "gevent+socket"))
    return result
