"""Host names that the URL Standard takes and Ada's tables (Unicode 15) do not yet. Pure.

* A host of ASCII alone is not looked into: ``xn--a`` is a name, although no text is written so.
* Unicode 16 gave some characters a small letter, or nothing, where they had been refused.

Looked at only after Ada has refused a URL, or where it would find the host of another.
https://url.spec.whatwg.org/#concept-domain-to-ascii, https://www.unicode.org/reports/tr46/
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_AROUND = "".join(map(chr, range(0x21)))  # what the parser drops around the URL
_DROPPED = dict.fromkeys(map(ord, "\t\n\r"))  # and wherever it stands
_HOST = re.compile(
    r"(?P<before>(?:https?:)?[/\\]{2,}(?:[^/\\?#]*@)?)(?P<host>[^/\\?#:@\[\]]+)", re.IGNORECASE
)
_FORBIDDEN = re.compile(rb"[^\x21-\x7e]|[#%/:<>?@\[\\\]^|]")  # decoded: in no host, or cuts it
_PREFIX = "xn--"
_STAND_IN = "x---"  # as long, begins no encoded label, and no punycode follows from it

_IGNORED = (
    "\u115f\u1160\u17b4\u17b5\u180e\u2061\u2062\u2063"
    "\u206a\u206b\u206c\u206d\u206e\u206f\u3164\uffa0"
)
_MAPPED: dict[int, str | None] = {
    **dict.fromkeys(map(ord, _IGNORED)),
    **{capital: chr(capital + 0x1C60) for capital in range(0x10A0, 0x10C6)},  # Georgian
    0x04C0: "\u04cf",
    0x1E9E: "\u00df",  # capital sharp s: Ada writes "ss", which is another host
    0x2132: "\u214e",
    0x2183: "\u2184",
    0x2F868: "\u36fc",
    0x2F874: "\u5f53",
    0x2F91F: "\U000243ab",
    0x2F95F: "\u7aee",
    0x2F9BF: "\u45d7",
}
MOVED = "\u1e9e"  # refused nowhere, and read as another host


def mapped(url: str) -> str:
    """`url` with its host as Unicode 16 maps it, or as it is."""
    url = _read(url)
    found = _HOST.match(url)
    if found is None or found["host"].isascii():
        return url
    return found["before"] + found["host"].translate(_MAPPED) + url[found.end() :]


def masked(url: str) -> tuple[str, list[int]]:
    """`url` with a stand-in for what says that labels of its ASCII host are encoded; their places.

    No places: there is no such label, or the host is not of ASCII.
    """
    url = _read(url)
    found = _HOST.match(url)
    if found is None or not found["host"].isascii():
        return url, []
    host = unquote_to_bytes(found["host"])
    if _FORBIDDEN.search(host):
        return url, []
    labels = host.decode("ascii").split(".")
    places = [at for at, label in enumerate(labels) if label[:4].lower() == _PREFIX]
    if not places:
        return url, []
    for at in places:
        labels[at] = _STAND_IN + labels[at][4:]
    return found["before"] + ".".join(labels) + url[found.end() :], places


def names_host(reference: str) -> bool:
    """Whether a reference has a host of its own."""
    return _HOST.match(_read(reference)) is not None


def _read(url: str) -> str:
    """`url` without what the parser does not look at."""
    return url.strip(_AROUND).translate(_DROPPED)


def unmasked(href: str, places: list[int]) -> str:
    """`href`, made of a masked URL, with its own labels."""
    start = href.index("//") + 2
    end = next((at for at in range(start, len(href)) if href[at] in "/:"), len(href))
    labels = href[start:end].split(".")
    for at in places:
        labels[at] = _PREFIX + labels[at][4:]
    return href[:start] + ".".join(labels) + href[end:]
