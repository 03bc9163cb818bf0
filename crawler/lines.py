"""Bytes as they arrive, as lines of text: gunzipped, without byte order mark, bounded. Pure.

    bytes | Pause ──► unpacked ──► recoded ──► lines ──► (17, b"example.org/a") | Pause

Each step passes a Pause on at once, so nothing is held back while a pipe is idle, and none holds
more than one chunk and one line. Read beside it: reading.py, which makes requests of the lines.
"""

from __future__ import annotations

import codecs
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.errors import InputError
from crawler.model import Pause

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 64 * 1024  # bytes read or decompressed at once; a Linux pipe holds as many
MAX_LINE = 64 * 1024  # bytes; a URL may have 4096, the rest of a longer line is skipped
SHOWN = 200  # characters of a bad line kept in its record
_GZIP = b"\x1f\x8b"
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that cannot be text for a URL."""

    reason: str
    shown: str


def unpacked(chunks: Iterator[bytes | Pause], shown: str) -> Iterator[bytes | Pause]:
    """The chunks, gunzipped when they begin as gzip does; several members follow each other."""
    start = b""
    for chunk in chunks:
        if isinstance(chunk, Pause):
            yield chunk
            continue
        start += chunk
        if len(start) >= len(_GZIP) or not _GZIP.startswith(start):
            break
    if not start.startswith(_GZIP):
        if start:
            yield start
        yield from chunks
        return
    unzip = _Gunzip(shown)
    yield from unzip.pieces(start)
    for chunk in chunks:
        if isinstance(chunk, Pause):
            yield chunk
        else:
            yield from unzip.pieces(chunk)
    unzip.finish()


class _Gunzip:
    """gzip as it arrives, never more than `CHUNK` decompressed bytes at once."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._stream = zlib.decompressobj(31)
        self._fed = False  # the current member has begun

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._stream.eof:
                data = data.lstrip(b"\0")  # padding, as gzip(1) allows it
                if not data:
                    return
                self._stream = zlib.decompressobj(31)
            self._fed = True
            try:
                piece = self._stream.decompress(data, CHUNK)
            except zlib.error as error:
                raise InputError(f"cannot read {self._shown}: damaged gzip ({error})") from error
            if piece:
                yield piece
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail

    def finish(self) -> None:
        if self._fed and not self._stream.eof:
            raise InputError(f"cannot read {self._shown}: the gzip file is cut short")


def recoded(chunks: Iterator[bytes | Pause]) -> Iterator[bytes | Pause]:
    """The chunks without a byte order mark; UTF-16, with or without its mark, becomes UTF-8."""
    start = b""
    for chunk in chunks:
        if isinstance(chunk, Pause):
            yield chunk
            continue
        start += chunk
        if len(start) > 2 or (len(start) == 2 and not codecs.BOM_UTF8.startswith(start)):
            break
    encoding, mark = _UTF16.get(start[:2]), 2
    if encoding is None:
        encoding, mark = _unmarked(start), 0
    if encoding is None:
        yield start.removeprefix(codecs.BOM_UTF8)
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    yield decoder.decode(start[mark:]).encode("utf-8", "replace")
    for chunk in chunks:
        if isinstance(chunk, Pause):
            yield chunk
        else:
            yield decoder.decode(chunk).encode("utf-8", "replace")


def _unmarked(start: bytes) -> str | None:
    """The kind of UTF-16 that begins so without a mark: a list's first character is ASCII."""
    first = start[:2].replace(b"\0", b"", 1)
    if len(start) < 2 or len(first) != 1 or not (first.isspace() or 0x20 < first[0] < 0x7F):
        return None
    return "utf-16-be" if start[0] == 0 else "utf-16-le"


def lines(chunks: Iterator[bytes | Pause]) -> Iterator[tuple[int, bytes | Bad] | Pause]:
    """Every line with its number, without its end; what is too long is cut and said so."""
    rest = b""
    number = 0
    too_long = False
    for chunk in chunks:
        if isinstance(chunk, Pause):
            yield chunk
            continue
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        for line in lines:
            number += 1
            if too_long or len(line) > MAX_LINE:
                too_long = False
                yield number, _long(line)
            else:
                yield number, line
        if len(rest) > MAX_LINE:
            too_long = True
            rest = rest[:SHOWN]
    if rest:
        yield number + 1, _long(rest) if too_long else rest


def _long(line: bytes) -> Bad:
    shown = line[:SHOWN].decode("utf-8", "replace")
    return Bad(f"a line of more than {MAX_LINE} bytes is no URL", shown)
