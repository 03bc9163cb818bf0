"""1 KB pages from nginx, 20 hosts, 50 at a time: what a client itself costs."""

from __future__ import annotations

from results import Result
from server import Server, served
from turns import Client, in_turns, present

from works.folders import with_page

PAGE = 1024  # bytes
CONCURRENCY = 50
OURS = ("selectors", "gevent+socket", "gevent")

# Client, script, pages that make a run last about a second, engine.
_CLIENTS = (
    ("selectors", "ours", 30_000, "selectors"),
    ("gevent+socket", "ours", 20_000, "gevent+socket"),
    ("gevent", "ours_patched", 4_000, "gevent"),
    ("pycurl CurlMulti", "pycurl_multi", 30_000, ""),
    ("wget2", "wget2_list", 15_000, ""),
    ("curl --parallel", "curl_parallel", 20_000, ""),
    ("Go net/http", "go_http", 20_000, ""),
    ("wrk", "wrk_limit", 1, ""),
    ("aiohttp", "aiohttp_session", 10_000, ""),
    ("aiohttp, uvloop", "aiohttp_uvloop", 10_000, ""),
    ("geventhttpclient", "geventhttpclient_pool", 10_000, ""),
    ("Crawlee", "crawlee_http", 1_500, ""),
    ("gevent.Pool + Session", "by_hand", 2_000, ""),
    ("requests in threads", "requests_threads", 2_000, ""),
    ("grequests", "grequests_imap", 2_000, ""),
    ("niquests", "niquests_session", 2_000, ""),
    ("httpx", "httpx_client", 1_000, ""),
    ("Scrapy, tuned", "scrapy_broad", 1_000, ""),
)


def run(rounds: int) -> Result:
    with with_page(PAGE) as folder, served(folder, core=0) as server:
        clients, absent = present([_client(server, *row) for row in _CLIENTS])
        result = Result(
            "small",
            f"{PAGE} bytes a page, {len(server.hosts)} hosts, {CONCURRENCY} at a time",
            server.name,
            absent,
            in_turns(clients, rounds=rounds),
        )
    result.compare(OURS)
    return result


def _client(server: Server, name: str, script: str, pages: int, engine: str) -> Client:
    counted = name != "wrk"
    return Client(
        name,
        script,
        server.urls(pages),
        CONCURRENCY,
        engine=engine,
        counted=counted,
        bytes=pages * PAGE if counted else 0,
    )
