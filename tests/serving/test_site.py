"""The fixture site, looked at with plain sockets and the standard library's client."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from crawler.serving.fixture import Site
from crawler.serving.pages import ROUTES, SHOWN, urls


@pytest.fixture
def wire(site: Site) -> Iterator[socket.socket]:
    host, port = site.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as sock:
        yield sock


def read_all(sock: socket.socket) -> bytes:
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def get(site: Site, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection(site.url.removeprefix("http://"), timeout=5)
    connection.request("GET", path)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, body


@pytest.mark.parametrize(
    ("path", "status", "contains"),
    [
        ("/", 200, b"/redirect/3"),
        ("/page/17", 200, b"This is page 17."),
        ("/page/17?delay=10", 200, b"This is page 17."),
        ("/page/x", 404, b"nothing here"),
        ("/nothing", 404, b"nothing here"),
        ("/size/100000", 200, b' !"#'),
        ("/status/503", 503, b"Status 503"),
        ("/redirect/2", 302, b""),
        ("/redirect-to?url=/page/2", 302, b""),
        ("/chunked/3", 200, b"chunk 3"),
        ("/delay/5", 200, b"after 5 ms"),
        ("/drip/3?every=1", 200, b"..."),
        ("/robots.txt", 200, b"Disallow: /hang"),
        ("/sitemap.xml", 200, b"<loc>/page/999</loc>"),
        ("/retry-after/3", 503, b""),
        ("/favicon.ico", 204, b""),
    ],
)
def test_a_path_gives_what_the_index_says(
    site: Site, path: str, status: int, contains: bytes
) -> None:
    answered, body = get(site, path)

    assert answered == status
    assert contains in body


def test_the_index_shows_every_path() -> None:
    shown = " ".join(f"{path} {what}" for path, what in SHOWN)

    assert all(f"/{name}" in shown for name in ROUTES if name != "favicon.ico")


def test_every_page_of_the_tree_is_reached_by_links_once() -> None:
    from crawler.serving.pages import PAGES, page

    links = [
        int(link.split(b'"', 1)[0])
        for number in range(PAGES)
        for link in page(number).split(b'<li><a href="/page/')[1:]
    ]

    assert sorted(links) == list(range(1, PAGES))


def test_requests_on_one_connection_are_answered_in_order(wire: socket.socket) -> None:
    paths = ("/delay/30", "/page/2", "/echo", "/size/3", "/drop")

    wire.sendall(b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode() for path in paths))

    received = read_all(wire)
    marks = [b"after 30 ms", b"This is page 2.", b'"target": "/echo"', b'\r\n\r\n !"']
    places = [received.index(mark) for mark in marks]
    assert places == sorted(places)
    assert received.count(b"HTTP/1.1 200 OK") == 4


def test_head_gives_the_head_alone(wire: socket.socket) -> None:
    wire.sendall(b"HEAD /page/1 HTTP/1.1\r\nConnection: close\r\n\r\n")

    head, _, body = read_all(wire).partition(b"\r\n\r\n")
    assert b"Content-Length: 6" in head
    assert body == b""


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"x" * 70_000, b"431"),
        (b"GET\r\n\r\n", b"400"),
        (b"GET / HTTP/2.0\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"411"),
    ],
)
def test_a_request_it_does_not_take_ends_the_connection(
    wire: socket.socket, request_bytes: bytes, status: bytes
) -> None:
    wire.sendall(request_bytes)

    assert read_all(wire).startswith(b"HTTP/1.1 " + status)


def test_a_request_body_is_not_taken_for_a_request(wire: socket.socket) -> None:
    inside = b"GET /page/1 HTTP/1.1\r\n\r\n"

    wire.sendall(b"POST /page/2 HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(inside) + inside)
    wire.sendall(b"GET /drop HTTP/1.1\r\n\r\n")

    received = read_all(wire)
    assert b"This is page 2." in received
    assert b"This is page 1." not in received


def test_reset_resets(wire: socket.socket) -> None:
    wire.sendall(b"GET /reset HTTP/1.1\r\n\r\n")

    with pytest.raises(ConnectionResetError):
        wire.recv(1)


def test_the_gauge_counts_what_is_under_way() -> None:
    # A site of its own: clients of other tests may have left slow answers behind.
    with Site() as own:
        port = int(own.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as wire:
            wire.sendall(b"GET /hang HTTP/1.1\r\n\r\n")

            get(own, "/page/1")

            counts = json.loads(get(own, "/gauge")[1])
    assert counts["under_way"] == 1
    assert counts["peak"] == 2
    assert counts["requests"] == 2


def test_urls_are_pages_of_the_site(site: Site) -> None:
    some = urls(3, site.url, delay=2)

    assert some == [f"{site.url}/page/{number}?delay=2" for number in (1, 2, 3)]
    assert all(urllib.request.urlopen(url).status == 200 for url in some)


def test_a_taken_port_is_an_os_error(site: Site) -> None:
    port = int(site.url.rpartition(":")[2])

    with pytest.raises(OSError, match=str(port)):
        Site(port=port).start()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    program = (
        "from crawler.serving.fixture import serve\n"
        "serve('127.0.0.1', 0, lambda url: print(url, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        assert urllib.request.urlopen(url + "/page/1").status == 200

        process.send_signal(number)

        assert process.wait(5) == 0
        assert process.stderr.read() == ""
