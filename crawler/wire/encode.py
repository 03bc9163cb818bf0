"""A Request as the bytes to send. What a caller gives can never become a line of its own.

GET /a?b HTTP/1.1
Host: example.org
User-Agent, Accept, Accept-Encoding      unless the request replaces them by name
...the request's own headers
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from crawler import __version__, urls

if TYPE_CHECKING:
    from crawler.model import Request

USER_AGENT = f"concurrent-crawler/{__version__}"
_DEFAULTS = (
    ("User-Agent", USER_AGENT),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
_CONTROL = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")
_TARGET = re.compile(r"[!-~]+")


def encode(request: Request, *, proxy_form: bool = False) -> bytes:
    """The whole request: request line, header fields, body.

    `proxy_form` writes the absolute URL into the request line, for a proxy (3.2.2).

    Raises:
        ValueError: a method, header or target would not stay in its place.
    """
    url = request.url
    if request.method == "GET" and not request.body and not proxy_form:
        start = url.find("/", 8)
        target = url[start:]
        if start > 0 and target.isascii() and target.isprintable() and " " not in target:
            head = _plain(url[:start], request.headers)
            return b"GET %b%b" % (target.encode("ascii"), head)
    return _encode(request, proxy_form)


def header_fields(request: Request) -> list[tuple[str, str]]:
    """The header fields that `encode` writes, in its order.

    Raises:
        ValueError: a method, name or value would not stay in its place.
    """
    _check_method(request.method)
    fields = list(_fields(urls.origin(request.url).authority, request.headers))
    if request.body or request.method in {"POST", "PUT", "PATCH"}:
        fields = [field for field in fields if field[0].lower() not in _BODY_FRAMING]
        fields.append(("Content-Length", str(len(request.body))))
    return fields


_BODY_FRAMING = {"content-length", "transfer-encoding"}


def _encode(request: Request, proxy_form: bool) -> bytes:
    method = request.method
    target = request.url if proxy_form else urls.target(request.url)
    if not _TARGET.fullmatch(target):
        raise ValueError(f"not a canonical URL: {request.url!a}")
    lines = _lines(tuple(header_fields(request)))
    return b"%b %b%b%b" % (method.encode(), target.encode(), lines, request.body)


@lru_cache(maxsize=1024)
def _plain(prefix: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    """What follows the target of a bodiless request to that origin."""
    return _lines(_fields(urls.origin(prefix).authority, headers))


def _lines(fields: tuple[tuple[str, str], ...]) -> bytes:
    text = "".join([f"{name}: {value}\r\n" for name, value in fields])
    return f" HTTP/1.1\r\n{text}\r\n".encode("latin-1")


def _fields(authority: str, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    given = {name.lower() for name, _ in headers}
    fields = [] if "host" in given else [("Host", authority)]
    fields += [field for field in headers if field[0].lower() == "host"]
    fields += [field for field in _DEFAULTS if field[0].lower() not in given]
    fields += [field for field in headers if field[1] and field[0].lower() != "host"]
    for name, value in fields:
        _check(name, value)
    return tuple(fields)


def _check_method(method: str) -> None:
    if not _TOKEN.fullmatch(method):
        raise ValueError(f"not an HTTP method: {method!a}")


def _check(name: str, value: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"not a header name: {name!a}")
    if _CONTROL.search(value):
        raise ValueError(f"control character in the header {name}: {value!a}")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError as error:
        raise ValueError(f"the header {name} is not latin-1: {value!a}") from error
