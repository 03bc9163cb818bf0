"""Whether a body is HTML: by what the server says, checked against the first bytes.

Servers label pictures as pages and pages as pictures. A body is parsed only when it is called HTML
and does not begin as something else, or when it is called nothing and begins as HTML does. So no
parser sees a PDF, and a page that is served as a picture stays a picture, as in a browser.
https://mimesniff.spec.whatwg.org/ 7.1 and 6. Pure.
"""

from __future__ import annotations

import re

_HEAD = 512  # bytes looked at; the standard's resource header is 1445
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_XML = frozenset({"text/xml", "application/xml"})
_UNSAID = frozenset({"", "unknown/unknown", "application/unknown", "*/*"})
_LOOKS_LIKE_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?[\t\n\f\r ]*+(?:<\?xml[^>]*+>[\t\n\f\r ]*+)?"
    rb"(?:<!--|<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br"
    rb"|p|meta|link|base)[\t\n\f\r />])",
    re.IGNORECASE,
)
_XHTML = re.compile(rb"<!doctype html|<html[^>]*?http://www\.w3\.org/1999/xhtml", re.IGNORECASE)
# What no page begins with: documents, pictures, sound, films, archives, fonts, programs.
_SIGNATURES = (
    b"%PDF-",
    b"%!PS-Adobe-",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"\xff\xd8\xff",
    b"BM",
    b"\x00\x00\x01\x00",
    b"\x00\x00\x02\x00",
    b"RIFF",
    b"II*\x00",
    b"MM\x00*",
    b"8BPS",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b\x08",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x28\xb5\x2f\xfd",
    b"OggS\x00",
    b"ID3",
    b"fLaC",
    b"MThd",
    b"FORM",
    b"\x1aE\xdf\xa3",
    b"FLV\x01",
    b"wOFF",
    b"wOF2",
    b"\x00\x01\x00\x00",
    b"OTTO",
    b"\x7fELF",
    b"MZ\x90\x00",
    b"\xd0\xcf\x11\xe0",
    b"SQLite format 3\x00",
    b"\xca\xfe\xba\xbe",
    b"\x00asm",
)
_FILM = b"ftyp"  # at 4, of MP4 and its kin
_TEXTUAL = (b"BM", b"RIFF", b"FORM", b"ID3", b"BZh")  # words a text could begin with
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def is_html(body: bytes, content_type: str) -> bool:
    """Whether the body is an HTML document, or an XHTML one."""
    kind = content_type.partition(";")[0].strip(" \t").lower()
    if kind in _PAGES:
        return not _is_something_else(body)
    if kind in _XML:
        return _XHTML.search(body[: 2 * _HEAD]) is not None
    return kind in _UNSAID and _LOOKS_LIKE_HTML.match(body[:_HEAD]) is not None


def is_xhtml(content_type: str) -> bool:
    """Whether it is said to be XML, where ``<script/>`` is a whole element."""
    kind = content_type.partition(";")[0].strip(" \t").lower()
    return kind in _XML or kind == "application/xhtml+xml"


def _is_something_else(body: bytes) -> bool:
    if body[4:8] == _FILM:
        return True
    if not body.startswith(_SIGNATURES):
        return False
    for signature in _SIGNATURES:
        if body.startswith(signature):
            return signature not in _TEXTUAL or _BINARY.search(body[:_HEAD]) is not None
    return False
