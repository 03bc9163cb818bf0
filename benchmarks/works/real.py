"""Real pages: PostgreSQL's and Python's documentation, pages from 10 to 60 KB, some 27 KB each."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path
from urllib.parse import quote

from results import Result
from server import Server, nginx, served
from turns import Client, in_turns, present

from works.folders import documentation
from works.small import CONCURRENCY

ROOT = Path("/usr/share/doc")
_SIZES = range(10_000, 60_000)  # bytes
_MOST = 400  # different pages
_CLIENTS = (
    ("selectors", "ours", 15_000, "selectors"),
    ("gevent+socket", "ours", 10_000, "gevent+socket"),
    ("gevent", "ours_patched", 3_000, "gevent"),
    ("pycurl CurlMulti", "pycurl_multi", 15_000, ""),
    ("wget2", "wget2_list", 6_000, ""),
    ("curl --parallel", "curl_parallel", 15_000, ""),
    ("Go net/http", "go_http", 10_000, ""),
    ("aiohttp", "aiohttp_session", 6_000, ""),
    ("gevent.Pool + Session", "by_hand", 1_500, ""),
)


def run(rounds: int) -> Result:
    pages = {page: page.stat().st_size for page in documentation()}
    pages = {page: size for page, size in pages.items() if size in _SIZES}
    if not pages or not nginx():
        why = "this needs nginx, and Debian's postgresql-doc-15 or python3-doc"
        return Result("real", "real pages", "", {"everything": why}, {})
    chosen = list(pages)[:: max(1, len(pages) // _MOST)]
    mean = sum(pages[page] for page in chosen) / len(chosen) / 1e3
    with served(ROOT, core=0) as server:
        clients, absent = present([_client(server, chosen, pages, *row) for row in _CLIENTS])
        about = f"{len(chosen)} pages of {mean:.1f} KB, {len(server.hosts)} hosts"
        about += f", {CONCURRENCY} at a time"
        result = Result("real", about, server.name, absent, in_turns(clients, rounds=rounds))
    result.compare(("selectors", "gevent+socket", "gevent"))
    return result


def _client(
    server: Server,
    chosen: list[Path],
    sizes: dict[Path, int],
    name: str,
    script: str,
    count: int,
    engine: str,
) -> Client:
    each = list(islice(cycle(chosen), count))
    paths = {page: quote(str(page.relative_to(ROOT))) for page in chosen}
    # No URL twice: wget2 fetches each one once.
    urls = [
        f"{host}/{paths[page]}?{number}"
        for number, (host, page) in enumerate(zip(cycle(server.hosts), each, strict=False))
    ]
    size = sum(sizes[page] for page in each)
    return Client(name, script, urls, CONCURRENCY, engine=engine, bytes=size)
