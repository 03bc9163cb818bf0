"""What is fuzzed: each target takes bytes and raises when a promise is broken.

response    whole, byte by byte and cut anywhere: one outcome, within its caps
codings     content codings: never more than the cap, nothing but DecodeError
urls        canonical twice is canonical once; joining never makes another scheme or a user
robots      never raises; a verdict whatever the path
sitemap     nothing but SitemapError; only http(s)
page        links whatever the page: http(s), without doubles, within the cap
sheet       references of styles in order, and what is put in their place is what is found there
mirrored    a page whose links were made to fit has the same elements; once more changes nothing
charset     text whatever the bytes
input       lines, and the rows and objects in them: never raises
warc        what is written is what a reader gets, byte for byte
cookies     a jar stays within its bounds and gives nothing to another site, nor Secure to http
dates       Retry-After is a wait from 0 to 300 s; a cookie's date is an instant or none
references  of a refresh, a srcset, a Link field: parts of what stood there; directives never raise
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from crawler import (
    charset,
    cookies,
    css,
    entries,
    extract,
    hostnames,
    meta_robots,
    references,
    robots,
    set_cookie,
    sitemaps,
    urls,
)
from crawler.errors import FetchError, InputError, InvalidURL, SitemapError
from crawler.labels import ENCODINGS
from crawler.lines import lines, recoded, unpacked
from crawler.model import Headers, Limits, Request, Response
from crawler.settling import retry_after
from crawler.sinks._relinked import relinked, sheet_relinked
from crawler.sinks.record import Describer
from crawler.wire.decode import decode
from crawler.wire.parse import ResponseParser

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = Limits(
    max_bytes=4096,
    head=2048,
    header_line=1024,
    header_fields=20,
    status_line=256,
    chunk_line=64,
    trailers=256,
    interim=3,
    redirect_bytes=512,
    zstd_window=2**20,
)
WHEN = datetime(2026, 1, 2, tzinfo=UTC)
BASE = "https://a.example/x/y?z"


def response(data: bytes) -> None:
    """The parser's outcome hangs on the bytes, not on how they come."""
    whole = _parsed([data])
    rng = random.Random(zlib.crc32(data))
    cuts = sorted(rng.sample(range(len(data) + 1), min(3, len(data) + 1)))
    cut = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert _parsed(cut) == whole, cuts
    assert _parsed([data[at : at + 1] for at in range(len(data))]) == whole


def _parsed(pieces: list[bytes]) -> tuple[object, ...]:
    parser = ResponseParser("GET", LIMITS)
    code = ""
    try:
        for piece in pieces:
            if piece and parser.feed(piece):
                break
        else:
            parser.end()
    except FetchError as error:
        code = error.code
    size = len(parser.body)
    assert size <= LIMITS.max_bytes
    assert parser.size == size
    if code:
        return (code,)
    # What follows the end may come with it or later: then the loop sees it, not the parser.
    return parser.status, parser.reason, parser.headers.fields, parser.body, parser.warnings


def codings(data: bytes) -> None:
    """The first byte chooses the codings, the rest is the body."""
    names = ("gzip", "deflate", "br", "zstd", "gzip, br", "x-gzip, gzip", "compress", "identity,")
    name = names[data[0] % len(names)] if data else "gzip"
    try:
        made = decode(data[1:], name, LIMITS).body
    except FetchError as error:
        made = getattr(error, "prefix", b"")
    assert len(made) <= max(LIMITS.max_bytes, len(data))  # or it is as it came


def url(data: bytes) -> None:
    """A canonical URL stays as it is, and no reference leads out of http and https."""
    text = data.decode("utf-8", "surrogateescape")
    for made in (_or_none(urls.canonical, text), _or_none(urls.join, BASE, text), _seeded(text)):
        if made is None:
            continue
        assert made.startswith(("http://", "https://")), made
        assert "#" not in made
        assert "@" not in made.split("/")[2], made
        assert made.isascii()
        assert made.isprintable()
        assert " " not in made
        if hostnames.MOVED not in made:
            assert urls.canonical(made) == made
        origin = urls.origin(made)
        assert origin.host
        assert urls.join(made, "").rstrip("?") == made.rstrip("?")
        if not text.strip().lower().startswith(("http", "//", "\\", "/\\", "/\t", "/\n", "/\r")):
            joined = _or_none(urls.join, made, "." + text if text[:1] == "/" else "")
            assert joined is None or urls.origin(joined) == origin


def _seeded(text: str) -> str | None:
    made = _or_none(urls.seed, text)
    return made[0] if made is not None else None


def _or_none(call: Callable[..., Any], *args: str) -> Any:
    try:
        return call(*args)
    except InvalidURL:
        return None


def rules(data: bytes) -> None:
    """A robots.txt never raises; what it says of a path is always something."""
    found = robots.parse(data, "https://a.example/robots.txt", "crawler")
    assert 0.0 <= found.delay <= 30.0
    assert all(each.startswith(("http://", "https://")) for each in found.sitemaps)
    for path in ("/", "/a/b?c=d", "/%7Ex/" + "a" * 300, "/robots.txt"):
        verdict = found.verdict(f"https://a.example{path}")
        assert verdict.allowed in {True, False}
    assert found.verdict("https://a.example/robots.txt").allowed


def sitemap(data: bytes) -> None:
    """A sitemap gives canonical URLs or says that it is none."""
    try:
        for entry in islice(sitemaps.entries(_page(data, "application/xml")), 60_000):
            assert entry.url.startswith(("http://", "https://"))
    except SitemapError:
        pass


def page(data: bytes) -> None:
    """Whatever the page, its links can be followed."""
    given = _page(data, "text/html")
    for parser in ("fast", "bs4", "flat"):
        found = extract.extract(given, requisites=True, parser=parser)
        assert len(set(found.links)) == len(found.links) <= 5000
        for link in (*found.links, *found.requisites):
            assert link.startswith(("http://", "https://"))
            assert urls.canonical(link) == link or hostnames.MOVED in link
    glanced = extract.glanced(given)
    if glanced is not None:
        with_tree = extract.extract(given, parser="tree")
        assert set(glanced.links) == set(with_tree.links)
        assert replace(glanced, links=()) == replace(with_tree, links=())


def sheet(data: bytes) -> None:
    """References stand one behind the other, and can be replaced."""
    given, other = data.decode("latin-1"), "../a b('\"\\).png"
    spans = list(css.references(given))
    ends, begins = [0, *(end for _, end in spans)], [*(begin for begin, _ in spans), len(given)]
    assert all(end <= begin for end, begin in zip(ends, begins, strict=True))
    changed = css.rewritten(given, lambda _: other)
    found = [css.meaning(changed[begin:end]) for begin, end in css.references(changed)]
    assert found == [other] * len(spans)


def mirrored(data: bytes) -> None:
    """A page and a style sheet whose links lead to files, as browsers see them."""
    encoding = charset.sniff(data, "")
    codec = ENCODINGS[encoding]
    # In a drawing <style> is an element like any other, which only a tree can tell: see flat.py.
    is_plain = not re.search(rb"<(?:svg|math)\b.*<style", data, re.IGNORECASE | re.DOTALL)
    for fitted in (relinked, sheet_relinked):
        changed = fitted(data, encoding, BASE, _way, is_fresh=True)
        assert fitted(changed, encoding, BASE, _way, is_fresh=False) == changed
        if fitted is relinked and is_plain:
            before, after = (_elements(body.decode(codec, "replace")) for body in (data, changed))
            assert before == after


def _way(url: str) -> str:
    """A file for every other URL."""
    return f"../a%20b/{zlib.crc32(url.encode()):x}.html" if len(url) % 2 else ""


def _elements(page: str) -> list[tuple[str, list[str]]]:
    """Every element with the names of its attributes."""
    from selectolax.lexbor import LexborHTMLParser

    return [
        (node.tag or "", [name.removeprefix("data-") for name in node.attributes])
        for node in LexborHTMLParser(page).css("*")
    ]


def text(data: bytes) -> None:
    """Bytes are text, whatever the header says."""
    for kind in ("", "text/html; charset=utf-7", "text/html; charset=shift_jis", "text/html"):
        assert isinstance(charset.decode(data, kind), str)


def read(data: bytes) -> None:
    """Lines of an input, as lines, rows and objects."""
    for reader in (_as_lines, _as_rows, _as_objects):
        with contextlib.suppress(InputError):
            reader(data)


def _found(data: bytes) -> Any:
    pieces = iter([data[:7], data[7:]])
    return lines(recoded(unpacked(pieces, "it")))


def _as_lines(data: bytes) -> None:
    for number, line in _found(data):
        assert number > 0
        if isinstance(line, bytes):
            try:
                said, carried = entries.with_fields(line.decode("utf-8", "replace"))
            except ValueError:
                continue  # told to the user as a bad line
            assert "\t" not in said
            assert not carried or isinstance(json.loads(carried), dict)


def _as_rows(data: bytes) -> None:
    for said in entries.of_rows(_found(data), "", "it"):
        assert said is not None


def _as_objects(data: bytes) -> None:
    for said in entries.of_objects(_found(data), "url"):
        assert said is not None


def warc(data: bytes) -> None:
    """What the parser took as a whole message stands in the archive as it came."""
    from warcio.archiveiterator import ArchiveIterator

    from crawler.sinks._warc_records import Records
    from crawler.wire.capture import Capture

    sent = b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"
    parser = Capture("GET", LIMITS, sent)
    try:
        if not parser.feed(data):
            parser.end()
    except FetchError:
        return
    made = parser.respond(Request("http://a.example/a"), started=WHEN, elapsed=0.1)
    records = Records(compress=False, proxied=False)
    written = records.begin("x.warc", WHEN) + records.of(made)
    found = {
        record.rec_type: record.raw_stream.read()
        for record in ArchiveIterator(io.BytesIO(written), no_record_parse=True)
    }
    assert found["response"] == parser.wire
    assert found["request"] == sent


def record(data: bytes) -> None:
    """A record is one line of JSON, whatever a page's URL and fields are."""
    half = len(data) // 2
    made = _page(data, data[:half].decode("latin-1"), data[half:].decode("utf-8", "replace"))
    line = Describer(engine="selectors").line(made)
    assert line.count(b"\n") == 1
    assert json.loads(line)["size"] == len(data)


def jar(data: bytes) -> None:
    """Lines are Set-Cookie fields, from http and https in turn."""
    held = cookies.Jar(clock=lambda: 1_800_000_000.0)
    plain, safe = "http://www.a.example/x/y", "https://www.a.example/x/y"
    for number, field in enumerate(data.decode("latin-1").split("\n")):
        held.take(safe if number % 2 else plain, [field])
    assert len(held) <= cookies.MOST
    given = {url: held.header(url) for url in (plain, safe, "http://a.example/x/y")}
    for header in given.values():
        assert len(header) <= 16 * 1024
        assert not set_cookie.CONTROL.search(header)
    for other in ("https://b.example/x/y", "https://example/", "https://a.example.b.example/x/y"):
        assert held.header(other) == ""
    only_safe = cookies.Jar(clock=lambda: 1_800_000_000.0)
    only_safe.take(safe, [field + "; Secure" for field in data.decode("latin-1").split("\n")])
    assert only_safe.header(plain) == ""


def dates(data: bytes) -> None:
    """The first line is a Retry-After and a cookie's date, the second a Date."""
    first, _, second = data.decode("latin-1").partition("\n")
    for sent in ((), (("Date", second),)):
        fields = Headers((("Retry-After", first), *sent))
        assert 0 <= retry_after(replace(_page(b"", ""), headers=fields)) <= 300
    instant = set_cookie.parse_date(first)
    assert instant is None or -12e9 < instant < 260e9


def values(data: bytes) -> None:
    """The references in attributes and fields."""
    given = data.decode("latin-1")
    target = references.refresh(given)
    assert not target or target in given
    at = 0
    for candidate in references.srcset(given):
        assert not re.search(r"[\t\n\f\r ]", candidate)
        at = given.index(candidate, at) + len(candidate)
    for link in references.links(given):
        assert link.target in given
        assert all(word == word.lower() for word in link.rel)
    meta_robots.of_content(given)
    meta_robots.of_headers(Headers((("X-Robots-Tag", given),)), "crawler")


def _page(body: bytes, kind: str, address: str = "https://a.example/x") -> Response:
    fields = Headers((("Content-Type", kind),))
    return Response(
        Request(address), 200, "OK", fields, body, body, "1.1", "192.0.2.1 80", WHEN, 0.1
    )


TARGETS: dict[str, Callable[[bytes], None]] = {
    "response": response,
    "codings": codings,
    "urls": url,
    "robots": rules,
    "sitemap": sitemap,
    "page": page,
    "sheet": sheet,
    "mirrored": mirrored,
    "charset": text,
    "input": read,
    "warc": warc,
    "record": record,
    "cookies": jar,
    "dates": dates,
    "references": values,
}
