"""Paths that would never end, or would grow without bound: each ends soon, and small.

The list is read from the folder that CRAWLER_SUITES names; what each path does is played here by
its name.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable

import pytest
from suites.suite import Suite, rows

from crawler import links
from crawler.errors import SitemapError
from crawler.extract import MAX_LINKS
from crawler.fetching import fetch_all
from crawler.model import Failure, Limits, Outcome, Response
from crawler.sitemaps import entries

LIMITS = Limits(
    timeout=3.0, first_byte=0.5, idle=0.5, connect=1.0, redirect_time=0.3, retries=0, total=5.0,
    rate_window=0.5, min_rate=1000, max_bytes=2**20,
)  # fmt: skip
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
SITEMAPS = {"/xml-entity-bomb.xml", "/sitemap.xml.gz"}
PAGES = {"/deep-html", "/million-links"} | SITEMAPS  # these arrive; reading them is the danger


def _squeezed(size: int, *, raw: bool = False) -> bytes:
    """So many zeros, as gzip or deflate."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15 if raw else 31)
    zeros = bytes(2**20)
    parts = [packer.compress(zeros) for _ in range(size // len(zeros))]
    return b"".join([*parts, packer.flush()])


def _sized(body: bytes, more: bytes = b"") -> bytes:
    return OK + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _many(first: bytes, again: bytes, *, every: float = 0.0) -> Callable[[socket.socket], None]:
    """Sends `first`, then `again` until the client has had enough."""

    def play(peer: socket.socket) -> None:
        peer.sendall(first)
        while True:
            peer.sendall(again)
            time.sleep(every)

    return play


def _once(data: bytes) -> Callable[[socket.socket], None]:
    return lambda peer: peer.sendall(data)


def _never(peer: socket.socket) -> None:
    peer.recv(1)


def _reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _plays() -> dict[str, Callable[[socket.socket], None]]:
    big = 64 * 2**20  # as good as a gibibyte: no more than the first is ever undone
    gzipped, chunked = _squeezed(big), OK + b"Transfer-Encoding: chunked\r\n\r\n"
    packed = b"Content-Encoding: gzip\r\n"
    entity = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa">%s]><urlset><url><loc>&a;</loc></url></urlset>'
    links = b"".join(b'<a href="/never?%d">' % number for number in range(40_000))
    return {
        "/gzip-1gib": _once(_sized(gzipped, packed)),
        "/gzip-gzip-1gib": _once(
            _sized(gzip.compress(gzipped), b"Content-Encoding: gzip, gzip\r\n")
        ),
        "/gzip-x50": _once(_sized(gzipped, b"Content-Encoding: " + b"gzip, " * 49 + b"gzip\r\n")),
        "/sitemap.xml.gz": _once(_sized(gzipped)),
        "/deflate-1gib": _once(_sized(_squeezed(big, raw=True), b"Content-Encoding: deflate\r\n")),
        "/endless-body": _many(OK + b"\r\n", bytes(65536)),
        "/endless-chunks": _many(chunked, b"1\r\nx\r\n" * 500),
        "/endless-headers": _many(OK, b"X-Y: z\r\n" * 500),
        "/endless-header-line": _many(OK + b"X: ", b"y" * 65536),
        "/endless-chunk-ext": _many(chunked + b"5;", b"x" * 4096),
        "/endless-trailers": _many(chunked + b"0\r\n", b"T: u\r\n" * 500),
        "/endless-1xx": _many(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        "/slow-head": _many(OK, b"X: y\r\n", every=0.05),
        "/slow-body": _many(OK + b"\r\n", b"x", every=0.05),
        "/huge-content-length": _many(OK + b"Content-Length: 9999999999999\r\n\r\n", b"x" * 65536),
        "/bigint-content-length": _once(OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nx"),
        "/huge-chunk-size": _many(chunked + b"F" * 17 + b"\r\n", b"x" * 65536),
        "/redirect-loop": _once(
            b"HTTP/1.1 302 Found\r\nLocation: /redirect-loop\r\nContent-Length: 0\r\n\r\n"
        ),
        "/never": _never,
        "/rst": _reset,
        "/deep-html": _once(_sized(b"<div>" * 150_000)),
        "/xml-entity-bomb.xml": _once(_sized(entity % (b"<!ENTITY b '&a;'>" * 100))),
        "/million-links": _once(_sized(links)),
    }


class Bombs:
    """Plays the paths on loopback, each connection in a thread."""

    def __init__(self) -> None:
        self.plays = _plays()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Bombs:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError, IndexError), peer:
            peer.settimeout(10.0)
            path = peer.recv(65536).split()[1].decode().partition("?")[0]
            play = self.plays.get(path)
            if play is None:
                peer.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            else:
                play(peer)


def fault(path: str, outcome: Outcome) -> str:
    """What is wrong with how the path ended; "" for nothing."""
    if isinstance(outcome, Response) and path not in PAGES:
        return "it came through"
    if outcome.elapsed >= LIMITS.timeout + 3.0:
        return f"it took {outcome.elapsed:.1f} s"
    page = outcome.error.partial if isinstance(outcome, Failure) else outcome
    if page is not None and len(page.body) > LIMITS.max_bytes:
        return f"{len(page.body)} bytes were kept"
    if isinstance(outcome, Response):
        return _reading_fault(path, outcome)
    return ""


def _reading_fault(path: str, page: Response) -> str:
    if path in SITEMAPS:
        with contextlib.suppress(SitemapError):
            list(entries(page))
            return "it was read as a sitemap"
    found = len(list(links(page)))
    return f"{found} links" if found != (MAX_LINKS if path == "/million-links" else 0) else ""


def run() -> dict[str, bool]:
    paths = [row["path"] for row in rows("bombs")]
    with Bombs() as bombs:
        agrees = {path: path in bombs.plays for path in paths}
        for engine in ("selectors", "threads"):
            asked = [bombs.url + path for path in paths]
            for outcome in fetch_all(asked, engine=engine, concurrency=8, limits=LIMITS):
                path = outcome.url.removeprefix(bombs.url)
                agrees[path] = agrees[path] and not fault(path, outcome)
    return agrees


SUITES = [Suite("bombs", 23, run)]


@pytest.mark.timeout(60)
def test_every_bomb_ends_soon_and_small() -> None:
    SUITES[0].check()
