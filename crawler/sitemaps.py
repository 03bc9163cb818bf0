"""What a sitemap names, whatever its form, read piece by piece. Pure.

    response ─► gunzip ─► starts with < ? ─► XML: urlset, sitemapindex, RSS 1 and 2, Atom ─► Entry
                                        └──► text: a URL on each line ─────────────────────► Entry

| refused or bounded | by |
|---|---|
| a DOCTYPE, and with it every entity of the file's own | ``parse.forbidden_dtd`` |
| more than 50 MB after decompression | ``body.too_large``; what came before counts |
| more than 50 000 entries | the rest is not looked at (https://www.sitemaps.org/protocol.html) |
| XML that breaks off or is broken | what came before counts; locations after it are searched for |

Facts: expat reads a stream, fetches nothing, and names of elements come with their namespace; those
of images and videos are not the page's. Real sitemaps have white space before their declaration and
ampersands that are none of XML's.
"""

from __future__ import annotations

import html
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.parsers import expat

from crawler import urls
from crawler.errors import InvalidURL, SitemapError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawler.model import Response

MOST_ENTRIES = 50_000
MOST_BYTES = 50 * 1024 * 1024  # decoded
_MOST_TEXT = 8 * 1024  # characters of one location
_CHUNK = 64 * 1024
_LAYERS = 3  # gzip within gzip
_GZIP = b"\x1f\x8b"
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_LOCATION = re.compile(
    rb"<(?:[\w.-]{1,20}:)?loc\s*>\s*(?:<!\[CDATA\[)?([^<>\]]{1,4096}?)(?:\]\]>)?\s*</",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One location."""

    url: str  # canonical
    is_sitemap: bool
    modified: str = ""  # as the sitemap writes it


def entries(response: Response) -> Iterator[Entry]:
    """The locations in a sitemap, in order, without those that are no http(s) URL.

    Raises:
        SitemapError: it will not be read, or not to its end; after what came before.
    """
    base = response.url
    number = 0
    for text, is_sitemap, modified in _locations(response.body):
        if number >= MOST_ENTRIES:
            return
        number += 1
        try:
            url = urls.join(base, text)
        except InvalidURL:
            continue
        yield Entry(url, is_sitemap, modified)


def _locations(body: bytes) -> Iterator[tuple[str, bool, str]]:
    chunks = _decoded(body)
    head = next(chunks, b"")
    start = head
    for bom, name in _BOMS:
        if head.startswith(bom):
            start = head[len(bom) :] if name == "utf-8" else head[2:].replace(b"\0", b"")
    start = start.lstrip()
    if start.startswith(b"<"):
        if head.startswith(_BOMS[0][0]) or not head.startswith((b"\xff\xfe", b"\xfe\xff")):
            head = start  # expat wants its declaration at the very beginning
        yield from _Tree().read(head, chunks)
    else:
        yield from _lines(head, chunks)


def _decoded(body: bytes, layer: int = 0) -> Iterator[bytes]:
    """The body in pieces, decompressed. Raises SitemapError."""
    if body[:2] != _GZIP or layer == _LAYERS:
        for at in range(0, min(len(body), MOST_BYTES), _CHUNK):
            yield body[at : at + _CHUNK]
        if len(body) > MOST_BYTES:
            raise _too_large()
        return
    total = 0
    inner: list[bytes] = []
    for chunk in _unpacked(body):
        total += len(chunk)
        if total > MOST_BYTES:
            raise _too_large()
        is_first = total == len(chunk)
        if inner or (is_first and chunk[:2] == _GZIP):
            inner.append(chunk)
        else:
            yield chunk
    if inner:
        yield from _decoded(b"".join(inner), layer + 1)


def _unpacked(body: bytes) -> Iterator[bytes]:
    """The members of a gzip file (RFC 1952), as far as they are sound."""
    rest = body
    while rest[:2] == _GZIP:
        stream = zlib.decompressobj(wbits=31)
        try:
            while not stream.eof:
                chunk = stream.decompress(rest, _CHUNK)
                rest = stream.unconsumed_tail
                if chunk:
                    yield chunk
                elif not rest:
                    return
        except zlib.error:
            return
        rest = stream.unused_data


def _lines(head: bytes, chunks: Iterator[bytes]) -> Iterator[tuple[str, bool, str]]:
    """Of a text file: what begins like a URL."""
    rest = b""
    for chunk in _with_first(head, chunks):
        *whole, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            yield from _line(line)
        rest = rest[:_MOST_TEXT]
    yield from _line(rest)


def _line(line: bytes) -> Iterator[tuple[str, bool, str]]:
    text = line.replace(b"\0", b"").strip(b" \t\xef\xbb\xbf\xff\xfe")
    if text[:8].lower().startswith((b"http://", b"https://")) and len(text) < _MOST_TEXT:
        yield text.decode("utf-8", "replace"), False, ""


def _with_first(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks


class _Tree:
    """The locations of an XML file."""

    def __init__(self) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        self._parser = parser
        self._path: list[str] = []
        self._kept: list[str] | None = None  # the text of the element that is read
        self._kept_at = 0  # byte in the file
        self._size = 0
        self._location = ""
        self._modified = ""
        self._found: list[tuple[str, bool, str]] = []

    def read(self, head: bytes, chunks: Iterator[bytes]) -> Iterator[tuple[str, bool, str]]:
        """The locations. Raises SitemapError for a DOCTYPE."""
        fed, before = 0, b""
        for chunk in _with_first(head, chunks):
            try:
                self._parser.Parse(chunk, False)
            except expat.ExpatError:
                yield from self._taken()
                # From the element that is torn, if there is one.
                fault = self._parser.ErrorByteIndex if self._kept is None else self._kept_at
                at = max(0, fault - (fed - len(before)))
                yield from self._searched((before + chunk)[at:], chunks)
                return
            fed += len(chunk)
            before = chunk[-_MOST_TEXT:]
            yield from self._taken()

    def _taken(self) -> list[tuple[str, bool, str]]:
        found, self._found = self._found, []
        return found

    def _searched(self, rest: bytes, chunks: Iterator[bytes]) -> Iterator[tuple[str, bool, str]]:
        """The locations after a fault, without a tree."""
        is_index = self._path[:1] == ["sitemapindex"]
        if self._path[:1] not in (["urlset"], ["sitemapindex"]):
            return
        for chunk in chunks:
            rest += chunk
            cut = rest.rfind(b">") + 1
            yield from self._matches(rest[:cut], is_index=is_index)
            rest = rest[cut:][-_MOST_TEXT:]
        yield from self._matches(rest, is_index=is_index)

    @staticmethod
    def _matches(text: bytes, *, is_index: bool) -> Iterator[tuple[str, bool, str]]:
        for match in _LOCATION.finditer(text):
            prefix = text[match.start() : match.start(1)]
            if b":" not in prefix.partition(b">")[0]:
                yield html.unescape(match[1].decode("utf-8", "replace")).strip(), is_index, ""

    def _doctype(self, *_: object) -> None:
        raise SitemapError("a DOCTYPE in a sitemap", code="parse.forbidden_dtd")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        self._path.append(local)
        inside = self._path[-2:-1]
        if inside in (["url"], ["sitemap"]) and local in {"loc", "lastmod"}:
            space = name.rpartition(" ")[0]
            if "image" not in space and "video" not in space:
                self._keep()
        elif inside == ["item"] and local in {"link", "pubDate"}:
            self._keep()
        elif inside == ["entry"]:
            if local == "link" and attributes.get("rel", "alternate") == "alternate":
                self._location = self._location or attributes.get("href", "")
            elif local == "updated":
                self._keep()

    def _keep(self) -> None:
        self._kept = []
        self._kept_at = self._parser.CurrentByteIndex
        self._size = 0

    def _text(self, text: str) -> None:
        if self._kept is not None and self._size < _MOST_TEXT:
            self._kept.append(text)
            self._size += len(text)

    def _end(self, name: str) -> None:
        local = self._path.pop()
        if self._kept is not None and local in {"loc", "link", "lastmod", "pubDate", "updated"}:
            text = "".join(self._kept).strip()
            self._kept = None
            if local in {"loc", "link"}:
                self._location = self._location or text
            else:
                self._modified = text[:64]
        elif local in {"url", "sitemap", "item", "entry"}:
            self._path.append(local)
            self._add()
            self._path.pop()

    def _add(self) -> None:
        if self._location and len(self._location) < _MOST_TEXT:
            is_sitemap = self._path[:1] == ["sitemapindex"]
            self._found.append((self._location, is_sitemap, self._modified))
        self._location = self._modified = ""


def _too_large() -> SitemapError:
    return SitemapError(f"a sitemap of more than {MOST_BYTES} bytes", code="body.too_large")
