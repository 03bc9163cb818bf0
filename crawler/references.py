"""The small grammars in which headers and attributes refer to other documents.

    1; url=next.html                            meta refresh, Refresh
    small.png 480w, big.png 2x                  srcset
    <next.html>; rel=next, </a.css>; rel="x y"  Link

Each is read as its standard reads it: from the left, as far as it makes sense, never raising. Pure.
https://html.spec.whatwg.org/ 4.2.5.3 (shared declarative refresh steps) and 4.8.4.2 (srcset),
https://www.rfc-editor.org/rfc/rfc8288 (Link, B.2).
"""

from __future__ import annotations

import re
from typing import NamedTuple

SPACE = "\t\n\f\r "
_REFRESH = re.compile(r"[\t\n\f\r ]*+(?:([0-9]++)[0-9.]*+|\.[0-9.]*+)(?=[\t\n\f\r ;,]|\Z)")
_SEPARATOR = re.compile(r"[\t\n\f\r ]*+(?:[;,][\t\n\f\r ]*+)?")
_URL = re.compile(r"url[\t\n\f\r ]*+=[\t\n\f\r ]*+", re.IGNORECASE)
_BEFORE = re.compile(r"[\t\n\f\r ,]*+")
_WORD = re.compile(r"[^\t\n\f\r ]++")
_DESCRIPTOR = re.compile(r"(?:[^\t\n\f\r (,]|\((?:[^)]*+)(?:\)|\Z))++")
_FLOAT = re.compile(r"-?(?:[0-9]++(?:\.[0-9]++)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+")
_LINK = re.compile(r"[\t ,]*+<([^>]*+)>")
_PARAMETER = re.compile(
    r"[\t ]*+;[\t ]*+([^\t =;,]*+)[\t ]*+(?:=[\t ]*+(?:\"((?:[^\"\\]|\\.)*+)\"?|([^\t ;,]*+)))?+"
)
_MOST_LINKS = 100  # of one Link field that are read


class Link(NamedTuple):
    """One link of a Link field."""

    target: str
    rel: frozenset[str]  # relation types, in lower case
    parameters: dict[str, str]


def refresh(content: str) -> str | None:
    """The reference in a meta refresh, ``""`` when it names none, None when it is no refresh."""
    time = _REFRESH.match(content)
    if time is None:
        return None
    after = _SEPARATOR.match(content, time.end())
    assert after is not None  # it matches nothing, too
    rest = content[after.end() :]
    if after.end() == time.end() or not rest:
        return ""
    named = _URL.match(rest)
    if named is not None:
        rest = rest[named.end() :]
    quote = rest[:1]
    if quote in {"'", '"'}:
        rest = rest[1:].partition(quote)[0]
    return rest.strip(SPACE)


def srcset(value: str) -> list[str]:
    """The image candidates that a srcset names, in order, those in error left out."""
    found: list[str] = []
    at = 0
    while True:
        before = _BEFORE.match(value, at)
        word = _WORD.match(value, before.end() if before else at)
        if word is None:
            return found
        at = word.end()
        url = word[0].rstrip(",")
        descriptors: list[str] = []
        if len(url) == len(word[0]):
            descriptors, at = _descriptors(value, at)
        if url and _are_sound(descriptors):
            found.append(url)


def _descriptors(value: str, at: int) -> tuple[list[str], int]:
    """The words up to the comma that ends a candidate, and where they end."""
    words: list[str] = []
    while at < len(value):
        if value[at] in SPACE:
            at += 1
        elif value[at] == ",":
            return words, at + 1
        else:
            word = _DESCRIPTOR.match(value, at)
            assert word is not None  # it takes any other character
            words.append(word[0])
            at = word.end()
    return words, at


def _are_sound(descriptors: list[str]) -> bool:
    """Whether they say a width or a density, and each at most once."""
    seen: set[str] = set()
    for word in descriptors:
        kind, number = word[-1], word[:-1]
        if kind in seen or not _is_sound(kind, number):
            return False
        seen.add(kind)
    return seen in (set(), {"x"}, {"w"}, {"w", "h"})


def _is_sound(kind: str, number: str) -> bool:
    if kind in {"w", "h"}:
        return number.isascii() and number.isdigit() and number.strip("0") != ""
    return kind == "x" and _FLOAT.fullmatch(number) is not None and not float(number) < 0


def links(field: str) -> list[Link]:
    """The links of a Link field's value."""
    found: list[Link] = []
    at = 0
    while len(found) < _MOST_LINKS and (target := _LINK.match(field, at)):
        at = target.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(field, at):
            at = parameter.end()
            name, quoted, token = parameter.groups()
            plain = token or "" if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters.setdefault(name.lower(), plain)
        rel = frozenset(parameters.get("rel", "").lower().split())
        found.append(Link(target[1].strip(SPACE), rel, parameters))
        comma = field.find(",", at)
        if comma < 0:
            break
        at = comma
    return found
