"""Outcomes to write, made by hand."""

from __future__ import annotations

from datetime import UTC, datetime

from crawler.errors import ConnectError, FetchError
from crawler.model import Failure, Headers, Request, Response, Skip, Timing

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def response(
    body: bytes = b"hello",
    *,
    number: int = 1,
    url: str = "http://a.test/",
    status: int = 200,
    via: tuple[str, ...] = (),
    text: str = "a.test",
    content_type: str = "text/html; charset=UTF-8",
    truncated: str = "",
    reason: str = "OK",
    carried: str = "",
    depth: int = 0,
    parent: str | None = None,
) -> Response:
    return Response(
        Request(
            url,
            depth=depth,
            parent=parent,
            via=via,
            number=number,
            text=text,
            carried=carried,
        ),
        status,
        reason,
        Headers((("Content-Type", content_type),)),
        body,
        body,
        "1.1",
        "127.0.0.1 8080",
        WHEN,
        0.25,
        Timing(queue=0.125, dns=0.001, connect=0.002, first_byte=0.1, total=0.25),
        reused=True,
        truncated=truncated,
    )


def failure(
    message: str = "127.0.0.1:1 refused the connection",
    *,
    number: int = 2,
    url: str = "http://b.test/",
    error: FetchError | None = None,
    text: str = "b.test",
    attempts: int = 3,
) -> Failure:
    return Failure(
        Request(url, number=number, text=text),
        error or ConnectError(message),
        WHEN,
        0.5,
        attempts,
    )


def skip(
    code: str = "robots.disallowed",
    reason: str = "Disallow: /private",
    *,
    number: int = 3,
    url: str = "http://c.test/private",
    text: str = "c.test/private",
) -> Skip:
    return Skip(Request(url, number=number, text=text), code, reason)
