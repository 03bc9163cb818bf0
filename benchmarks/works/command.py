"""The command with all it does, beside a script by hand on aiohttp that writes the same records.

Both whole: start of the interpreter, the list read, pages fetched, records written. 1 KB pages, 20
hosts, 50 at a time.
"""

from __future__ import annotations

from results import Result
from server import served
from turns import Client, in_turns, present

from works.folders import with_page
from works.small import CONCURRENCY, PAGE

_PAGES = 20_000
_CLIENTS = (
    ("crawl -e selectors", "command", "selectors", ()),
    ("crawl -e gevent+socket", "command", "gevent+socket", ()),
    ("crawl -e gevent", "command", "gevent", ()),
    ("crawl --state", "command", "selectors", ("--state", "{folder}/crawl.db")),
    ("aiohttp script", "aiohttp_script", "", ()),
)


def run(rounds: int) -> Result:
    with with_page(PAGE) as folder, served(folder, core=0) as server:
        clients, absent = present(
            [
                Client(
                    name,
                    script,
                    server.urls(_PAGES),
                    CONCURRENCY,
                    engine=engine,
                    bytes=_PAGES * PAGE,
                    more=more,
                )
                for name, script, engine, more in _CLIENTS
            ]
        )
        about = f"{_PAGES:,} pages of {PAGE} bytes, {len(server.hosts)} hosts, {CONCURRENCY}"
        about += " at a time, a JSON record for each"
        result = Result("command", about, server.name, absent, in_turns(clients, rounds=rounds))
    result.compare(("crawl -e selectors", "crawl --state", "crawl -e gevent"))
    return result
