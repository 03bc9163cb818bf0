"""What the fixture site answers: one small function for each path. Pure: a target in, a reply out.

A reply says which bytes go out, how they are spaced in time and what becomes of the connection;
fixture.py does it. To add a path, write a function and give it a line in `ROUTES`.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PAGES = 1000  # in the tree that links reach; any other /page/N exists as well
_CHILDREN = 10  # links from one page to pages below it
_MOST_BYTES = 1024 * 1024 * 1024  # of one body; larger ones were a slip of the finger
_BLOCK = bytes(range(32, 127)) * 689  # 64 KiB of printable text, repeated for /size
_EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """The bytes of one answer and how to send them."""

    head: bytes  # up to and with the empty line; b"" sends the body alone
    body: Iterable[bytes] = field(default=())  # pieces; read once, as fast as the peer takes them
    delay: float = 0.0  # seconds before the first byte
    pause: float = 0.0  # seconds between two pieces of the body
    end: str = "keep"  # then: "keep" the connection, "close", "reset", "hang"
    before: bytes = b""  # sent before the head, as interim responses are


def found(
    body: bytes,
    content_type: str = "text/html; charset=utf-8",
    *,
    status: int = 200,
    extra: str = "",
) -> Reply:
    """An ordinary answer with a Content-Length; `extra` are more header lines with their CRLF."""
    return Reply(_head(status, f"Content-Length: {len(body)}\r\n{extra}", content_type), (body,))


def answer(target: str) -> Reply:
    """The reply to a request target such as ``/page/7?delay=100``."""
    if target.startswith(("http://", "https://")):  # absolute form, as proxies are asked
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")
    name, _, rest = path[1:].partition("/")
    fields = parse_qs(query) if query else {}
    route = ROUTES.get(name)
    reply = None if route is None else route(rest, fields)
    if reply is None:
        reply = found(_page("404", "There is nothing here."), status=404)
    if "delay" in fields:
        reply = replace(reply, delay=_number(fields["delay"][0], 60_000) / 1000)
    return reply


def urls(count: int, base: str, *, delay: int = 0) -> list[str]:
    """The URLs of `count` pages of a site at `base`; each answers after `delay` milliseconds."""
    query = f"?delay={delay}" if delay else ""
    return [f"{base.rstrip('/')}/page/{number}{query}" for number in range(1, count + 1)]


@lru_cache(maxsize=4096)
def page(number: int) -> bytes:
    """Page `number` of the tree: its own number in it, links to its parent and its children."""
    first = number * _CHILDREN + 1
    below = range(first, min(first + _CHILDREN, PAGES))
    links = "".join(f'<li><a href="/page/{child}">page {child}</a></li>\n' for child in below)
    up = f"/page/{(number - 1) // _CHILDREN}" if 0 < number < PAGES else "/"
    text = (
        f'<p id="number">This is page {number}.</p>\n'
        f'<p><a href="{up}" rel="up">up</a></p>\n<ul>\n{links}</ul>'
    )
    return _page(f"Page {number}", text)


def _page(title: str, text: str) -> bytes:
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f"<title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n{text}\n</body>\n</html>\n"
    ).encode()


def _head(status: int, lines: str, content_type: str = "text/plain") -> bytes:
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Unnamed"
    return f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n{lines}\r\n".encode()


def _number(text: str, most: int, default: int = 0) -> int:
    """The decimal number `text` is, at most `most`; `default` when it is none."""
    return min(int(text[:12]), most) if text.isascii() and text.isdigit() else default


def _index(_rest: str, _fields: dict[str, list[str]]) -> Reply:
    listed = "".join(f"<li><a href='{path}'>{path}</a>: {what}</li>\n" for path, what in SHOWN)
    return found(_page("Fixture site", f"<ul>\n{listed}</ul>"))


def _numbered(rest: str, _fields: dict[str, list[str]]) -> Reply | None:
    return found(page(int(rest[:12]))) if rest.isascii() and rest.isdigit() else None


def _delay(rest: str, _fields: dict[str, list[str]]) -> Reply:
    milliseconds = _number(rest, 60_000)
    text = f"<p>This came after {milliseconds} ms.</p>"
    return replace(found(_page(f"Delay {milliseconds}", text)), delay=milliseconds / 1000)


def _size(rest: str, _fields: dict[str, list[str]]) -> Reply:
    size = _number(rest, _MOST_BYTES)
    whole, left = divmod(size, len(_BLOCK))
    blocks = (_BLOCK if number < whole else _BLOCK[:left] for number in range(whole + 1))
    return Reply(_head(200, f"Content-Length: {size}\r\n"), blocks)


def _status(rest: str, _fields: dict[str, list[str]]) -> Reply | None:
    status = _number(rest, 999)
    if not 200 <= status <= 599:
        return None
    if status in {204, 304}:
        return Reply(_head(status, ""))
    return found(_page(f"Status {status}", "<p>As asked.</p>"), status=status)


def _redirect(rest: str, _fields: dict[str, list[str]]) -> Reply:
    left = _number(rest, 1000)
    to = f"/redirect/{left - 1}" if left > 1 else "/page/1"
    return found(b"", status=302, extra=f"Location: {to}\r\n")


def _redirect_to(_rest: str, fields: dict[str, list[str]]) -> Reply | None:
    to = fields.get("url", [""])[0]
    if not to or not to.isascii() or not to.isprintable():
        return None
    return found(b"", status=302, extra=f"Location: {to}\r\n")


def _chunked(rest: str, _fields: dict[str, list[str]]) -> Reply:
    count = _number(rest, 100_000, 3)
    pieces = [f"chunk {number}\n".encode() for number in range(1, count + 1)]
    framed = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
    return Reply(_head(200, "Transfer-Encoding: chunked\r\n"), (*framed, b"0\r\n\r\n"))


def _encoded(name: str, body: bytes) -> Reply:
    return found(body, extra=f"Content-Encoding: {name}\r\nVary: Accept-Encoding\r\n")


def _gzip(_rest: str, _fields: dict[str, list[str]]) -> Reply:
    return _encoded("gzip", gzip.compress(page(1), mtime=0))


def _deflate(_rest: str, _fields: dict[str, list[str]]) -> Reply:
    return _encoded("deflate", zlib.compress(page(1)))


def _br(_rest: str, _fields: dict[str, list[str]]) -> Reply:
    import brotli  # type: ignore[import-untyped]  # the package ships no types

    return _encoded("br", brotli.compress(page(1)))


def _drop(_rest: str, _fields: dict[str, list[str]]) -> Reply:
    return Reply(b"", end="close")


def _reset(_rest: str, _fields: dict[str, list[str]]) -> Reply:
    return Reply(b"", end="reset")


def _hang(_rest: str, _fields: dict[str, list[str]]) -> Reply:
    return Reply(b"", end="hang")


def _drip(rest: str, fields: dict[str, list[str]]) -> Reply:
    count = _number(rest, 10_000, 50)
    milliseconds = _number(fields.get("every", ["100"])[0], 60_000, 100)
    drops = (b"." for _ in range(count))
    return Reply(_head(200, f"Content-Length: {count}\r\n"), drops, pause=milliseconds / 1000)


def _garbage(_rest: str, _fields: dict[str, list[str]]) -> Reply:
    return Reply(b"\x00\x01\x02 this is no HTTP response \xff\xfe\r\n\r\n", end="close")


def _truncated(_rest: str, _fields: dict[str, list[str]]) -> Reply:
    return Reply(_head(200, "Content-Length: 500\r\n"), (b"x" * 245,), end="close")


def _early(rest: str, _fields: dict[str, list[str]]) -> Reply:
    return replace(found(page(1)), before=_EARLY * _number(rest, 100, 1))


def _retry_after(rest: str, _fields: dict[str, list[str]]) -> Reply:
    seconds = _number(rest, 3600, 2)
    return found(_page("Busy", ""), status=503, extra=f"Retry-After: {seconds}\r\n")


def _robots(_rest: str, _fields: dict[str, list[str]]) -> Reply:
    text = b"User-agent: *\nDisallow: /hang\nDisallow: /private/\nSitemap: /sitemap.xml\n"
    return found(text, "text/plain; charset=utf-8")


def _sitemap(_rest: str, _fields: dict[str, list[str]]) -> Reply:
    # Relative locations: the site does not know by which name it was reached.
    listed = "".join(f"<url><loc>/page/{number}</loc></url>\n" for number in range(PAGES))
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{listed}</urlset>\n'
    )
    return found(text.encode(), "application/xml")


def _favicon(_rest: str, _fields: dict[str, list[str]]) -> Reply:
    return Reply(_head(204, ""))


def echo(fields: list[tuple[str, str]], method: str, target: str) -> Reply:
    """What the request looked like here, as JSON."""
    seen = {"method": method, "target": target, "headers": fields}
    return found(json.dumps(seen, indent=1).encode(), "application/json")


ROUTES: dict[str, Callable[[str, dict[str, list[str]]], Reply | None]] = {
    "": _index,
    "page": _numbered,
    "delay": _delay,
    "size": _size,
    "status": _status,
    "redirect": _redirect,
    "redirect-to": _redirect_to,
    "chunked": _chunked,
    "gzip": _gzip,
    "deflate": _deflate,
    "br": _br,
    "drop": _drop,
    "reset": _reset,
    "hang": _hang,
    "drip": _drip,
    "garbage": _garbage,
    "truncated": _truncated,
    "early": _early,
    "retry-after": _retry_after,
    "robots.txt": _robots,
    "sitemap.xml": _sitemap,
    "favicon.ico": _favicon,
}

SHOWN = (
    ("/page/0", f"HTML pages; links reach the first {PAGES}"),
    ("/delay/200", "answers after so many milliseconds; so does ?delay=200 on any path"),
    ("/size/100000", "so many bytes"),
    ("/status/404", "an answer with that status"),
    ("/redirect/3", "so many redirects, then page 1"),
    ("/redirect-to?url=/page/2", "one redirect to there"),
    ("/chunked/3", "so many chunks"),
    ("/gzip", "page 1 in gzip; /deflate and /br likewise"),
    ("/early/1", "so many 103 Early Hints before the answer"),
    ("/echo", "the request as it arrived, in JSON"),
    ("/retry-after/2", "503 with Retry-After"),
    ("/drop", "closes without an answer; /reset resets, /hang never answers"),
    ("/drip/50?every=100", "so many bytes, one each so many milliseconds"),
    ("/garbage", "bytes that are no HTTP"),
    ("/truncated", "fewer bytes than its Content-Length says"),
    ("/gauge", "requests under way, peak, served, connections; /gauge?reset starts anew"),
    ("/robots.txt", "rules for robots"),
    ("/sitemap.xml", "the pages of the tree"),
)
