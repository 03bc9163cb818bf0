"""The short way to a plain page ends where the long one does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.model import Limits, Request, Timing
from crawler.wire.framing import NO_PROMISE
from crawler.wire.head import match_clean
from crawler.wire.parse import ResponseParser
from crawler.wire.plain import page_response
from crawler.wire.plain import plain as plain_of

STARTED = datetime(2026, 11, 23, tzinfo=UTC)
PAGES = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length:5\r\nConnection: Keep-Alive\r\nX: \xe4\r\n\r\nhello",
    b"HTTP/1.1 200 Fine \xfc\r\nA:\r\nCONTENT-LENGTH: \t 5\r\nServer: b\r\n\r\nh\r\n\r\n",
    b"HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n\0",
)
OTHERS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\nConnection: close\r\n\r\nh",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: timeout=1\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5 \r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 005\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nbad line\r\n\r\nhello",
    b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 206 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
    b"",
)


def plain(message: bytes, limits: Limits) -> tuple[object, ...] | None:
    found = match_clean(message, limits)
    return plain_of(found, message, limits) if found is not None else None


class Long(ResponseParser):
    """Never takes the short way."""

    _short = False


@pytest.mark.parametrize("message", PAGES)
def test_both_ways_give_the_same_response(message: bytes) -> None:
    request = Request("http://a.example/")
    timing = Timing(total=2.0)
    long, short = Long("GET", Limits()), ResponseParser("GET", Limits())
    page = plain(message, Limits())
    assert page is not None

    assert long.feed(message)
    assert short.feed(message)

    told = {"started": STARTED, "elapsed": 2.0, "peer": "192.0.2.1 80", "timing": timing}
    expected = long.respond(request, reused=True, **told)
    assert short.respond(request, reused=True, **told) == expected
    response = page_response(request, page, "192.0.2.1 80", STARTED, 2.0, timing, True)
    assert response == expected
    assert response.headers.fields == expected.headers.fields
    for name in ("complete", "started", "head_done", "size", "framing", "reusable", "length"):
        assert getattr(short, name) == getattr(long, name), name
    assert short.keep_alive == long.keep_alive == NO_PROMISE


@pytest.mark.parametrize("message", OTHERS)
def test_what_is_not_plain_goes_the_long_way(message: bytes) -> None:
    assert plain(message, Limits()) is None


def test_limits_hold_on_the_short_way() -> None:
    message = PAGES[0]

    assert plain(message, Limits(max_bytes=4)) is None
    assert plain(message, Limits(header_line=20)) is None
    assert plain(message, Limits(header_fields=0)) is None


def test_an_answer_to_head_has_no_body_however_plain_it_looks() -> None:
    parser = ResponseParser("HEAD", Limits())

    assert parser.feed(PAGES[0])

    assert parser.body == b""
    assert not parser.reusable


def test_after_an_interim_response_the_long_way_is_taken() -> None:
    parser = ResponseParser("GET", Limits())

    assert parser.feed(b"HTTP/1.1 103 Early Hints\r\n\r\n\r\n" + PAGES[0])

    assert parser.body == b"hello"
    assert not parser.reusable
