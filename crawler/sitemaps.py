"""What a sitemap names, whatever its form, read piece by piece. Pure.

    response ─► gunzip ─► UTF-8 ─► starts with < ? ─► XML: sitemap, index, RSS, Atom ─► Entry
                                                 └──► text: a URL on each line ───────► Entry

| refused or bounded | by |
|---|---|
| a DOCTYPE, and with it every entity of the file's own | ``parse.forbidden_dtd`` |
| more than 50 MB after decompression | ``body.too_large``; what came before counts |
| more than 50 000 entries | the rest is not looked at (https://www.sitemaps.org/protocol.html) |
| XML that breaks off or is broken | what came before counts; locations after it are searched for |
| elements too deep, too many names, endless tags | ``parse.sitemap``; what came before counts |

Facts: expat reads a stream, fetches nothing, and names of elements come with their namespace; those
of images and videos are not the page's. Real sitemaps have white space before their declaration and
ampersands that are none of XML's.
"""

from __future__ import annotations

import codecs
import html
import re
import zlib
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING
from xml.parsers import expat

from crawler import urls
from crawler.errors import InvalidURL, SitemapError
from crawler.labels import ENCODINGS, LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawler.model import Response

MOST_ENTRIES = 50_000
MOST_BYTES = 50 * 1024 * 1024  # decoded
_MOST_TEXT = 8 * 1024  # characters of one location
_CHUNK = 64 * 1024
_LAYERS = 3  # gzip within gzip
_MOST_MEMBERS = 1000  # of one gzip file
_MOST_DEEP = 100  # elements within elements
_MOST_NAMES = 1000  # of elements and attributes, which expat keeps
_MOST_TOKEN = 1024 * 1024  # bytes of one tag or comment, which expat reads again with every piece
_GZIP = b"\x1f\x8b"
_BEGINNINGS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"),
               (b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"))  # fmt: skip
_DECLARATION = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([\w:.-]{1,40})[\"']")
_LOCATION = re.compile(
    rb"<loc\s{0,99}+>\s{0,999}+(?:<!\[CDATA\[)?+([^<>\]]{1,4096}+)(?:\]\]>\s{0,999}+)?+</",
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
    for text, is_sitemap, modified in locations(response.body):
        if number >= MOST_ENTRIES:
            return
        number += 1
        try:
            url = urls.join(base, text)
        except InvalidURL:
            continue
        yield Entry(url, is_sitemap, modified)


def locations(body: bytes) -> Iterator[tuple[str, bool, str]]:
    """As they are written: text, whether it is a sitemap's, when it was modified."""
    pieces = _as_utf_8(_bounded(_decompressed(_cut(body))))
    head = next(pieces, b"")
    if head.startswith(b"<"):
        yield from _Tree().read(head, pieces)
    else:
        yield from _lines(head, pieces)


def _cut(body: bytes) -> Iterator[bytes]:
    return (body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK))


def _bounded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Raises SitemapError after `MOST_BYTES`."""
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > MOST_BYTES:
            raise SitemapError(f"a sitemap of more than {MOST_BYTES} bytes", code="body.too_large")
        yield piece


def _decompressed(pieces: Iterator[bytes], layer: int = 0) -> Iterator[bytes]:
    head = next(pieces, b"")
    whole = chain((head,), pieces)
    if head[:2] == _GZIP and layer < _LAYERS:
        return _decompressed(_bounded(_members(whole)), layer + 1)
    return whole


def _members(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The members of a gzip file (RFC 1952), as far as they are sound."""
    stream = zlib.decompressobj(wbits=31)
    members = 1
    for piece in pieces:
        rest, is_full = piece, False
        while rest or is_full:
            if stream.eof:
                members += 1
                stream = zlib.decompressobj(wbits=31)
            try:
                chunk = stream.decompress(rest, _CHUNK)
            except zlib.error:
                return
            if chunk:
                yield chunk
            is_full = len(chunk) == _CHUNK and not stream.eof
            rest = stream.unused_data if stream.eof else stream.unconsumed_tail
            if stream.eof and members == _MOST_MEMBERS:
                return


def _as_utf_8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The text, from what is neither white space nor byte order mark."""
    head = next(pieces, b"")
    decoder = codecs.getincrementaldecoder(_encoding(head))("replace")
    has_begun = False
    for piece in chain((head,), pieces):
        text = decoder.decode(piece)
        if not has_begun:
            text = text.lstrip("\ufeff\0\t\n\r ")
            has_begun = bool(text)
        if text:
            yield text.encode("utf-8", "replace")


def _encoding(head: bytes) -> str:
    """Python's name of the encoding of what begins so."""
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    declared = _DECLARATION.match(head.lstrip()[:1024])
    label = declared[1].decode("ascii", "replace").lower() if declared else ""
    name = LABELS.get(label, "utf-8")
    return "utf-8" if name.startswith("utf-16") else ENCODINGS[name]  # it was read as ASCII


def _lines(head: bytes, chunks: Iterator[bytes]) -> Iterator[tuple[str, bool, str]]:
    """Of a text file: what begins like a URL."""
    rest = b""
    for chunk in chain((head,), chunks):
        *whole, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            yield from _line(line)
        rest = rest[:_MOST_TEXT]
    yield from _line(rest)


def _line(line: bytes) -> Iterator[tuple[str, bool, str]]:
    text = line.replace(b"\0", b"").strip()
    if text[:8].lower().startswith((b"http://", b"https://")) and len(text) < _MOST_TEXT:
        yield text.decode("utf-8", "replace"), False, ""


class _Tree:
    """The locations of an XML file."""

    def __init__(self) -> None:
        parser = expat.ParserCreate("utf-8", namespace_separator=" ")
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
        for chunk in chain((head,), chunks):
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
            self._refuse_swelling(fed)

    def _refuse_swelling(self, fed: int) -> None:
        """Raises SitemapError when expat keeps more and more of what it is given."""
        parser = self._parser
        at = parser.CurrentByteIndex
        if (
            len(self._path) > _MOST_DEEP
            or len(parser.intern) > _MOST_NAMES
            or (at >= 0 and fed - at > _MOST_TOKEN)
        ):
            raise SitemapError(
                "XML that is no sitemap: too deep, too many names, or an endless tag"
            )

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
