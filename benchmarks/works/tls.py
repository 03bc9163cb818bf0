"""1 KB pages over TLS from nginx, 50 at a time: connections kept, and one for each request."""

from __future__ import annotations

from results import Result
from server import certificate, nginx, served
from turns import Client, in_turns, present

from works.folders import with_page
from works.small import CONCURRENCY, PAGE

_KEPT, _CLOSED = "", ", closing"
# Client, script, engine, pages over connections that are kept, and over one for each request.
_CLIENTS = (
    ("selectors", "ours", "selectors", 20_000, 2_000),
    ("gevent+socket", "ours", "gevent+socket", 12_000, 2_000),
    ("gevent", "ours_patched", "gevent", 4_000, 1_000),
    ("pycurl CurlMulti", "pycurl_multi", "", 20_000, 2_000),
    ("curl --parallel", "curl_parallel", "", 15_000, 2_000),
    ("Go net/http", "go_http", "", 15_000, 2_000),
    ("aiohttp", "aiohttp_session", "", 8_000, 1_500),
)


def run(rounds: int) -> Result:
    about = f"{PAGE} bytes a page over TLS, one host, {CONCURRENCY} at a time"
    if not nginx():
        return Result("tls", about, "", {"everything": "this needs nginx"}, {})
    with with_page(PAGE) as folder:
        cacert = certificate(folder)
        with served(folder, core=0, tls=True) as server:
            clients = []
            for name, script, engine, kept, closed in _CLIENTS:
                for kind, url, pages in (
                    (_KEPT, server.tls, kept),
                    (_CLOSED, server.tls_closing, closed),
                ):
                    clients.append(
                        Client(
                            name + kind,
                            script,
                            [f"{url}/p/{number}" for number in range(1, pages + 1)],
                            CONCURRENCY,
                            engine=engine,
                            cacert=str(cacert),
                            bytes=pages * PAGE,
                        )
                    )
            clients, absent = present(clients)
            result = Result("tls", about, server.name, absent, in_turns(clients, rounds=rounds))
    _compare(result)
    return result


def _compare(result: Result) -> None:
    """Like with like: kept with kept, closing with closing."""
    every = result.runs
    for kind in (_KEPT, _CLOSED):
        alike = [name for name in every if name.endswith(_CLOSED) == bool(kind)]
        result.runs = {name: every[name] for name in alike}
        result.compare((f"selectors{kind}", f"gevent+socket{kind}"))
    result.runs = every
    result.notes.append('"closing": the server closes after each answer; a handshake for each page')
