"""The same server, ten thousand at a time: pages per second, and memory for each connection."""

from __future__ import annotations

from results import Result

from works.thousand import measured

_CLIENTS = (
    ("selectors", "ours", "selectors", 40_000),
    ("gevent+socket", "ours", "gevent+socket", 20_000),
    ("Go net/http", "go_http", "", 40_000),
    ("pycurl CurlMulti", "pycurl_multi", "", 40_000),
    ("aiohttp", "aiohttp_session", "", 10_000),
)


def run(rounds: int) -> Result:
    return measured("myriad", 10_000, _CLIENTS, rounds)
