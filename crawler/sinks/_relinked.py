"""A mirrored page or style sheet whose links lead to the files beside it; nothing else changes.

    what a link leads to      what becomes of it
    in the mirror             the way from this file to that one
    elsewhere                 its whole URL: the page no longer stands where a short one would do

What was made once is not made again: in a page that has been through here, links without a scheme
are ways to files. So a mirror that grew is gone over once more, and only links to what is new
change. A <base> becomes the page's own folder: it would send all ways astray. Not looked into:
scripts, what is in an encoding whose bytes are not ASCII where they look so, what comes after the
first 2 MB. Pure.
Read beside it: flat.py (tags), css.py (styles), mirror.py (which files there are).
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import TYPE_CHECKING
from urllib.parse import quote

from crawler import css, flat, marks, references, styles, urls
from crawler.labels import ENCODINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST = 2 * 1024 * 1024  # bytes of a page that are gone over, at some 1 us each
_OPAQUE = frozenset({"utf-16le", "utf-16be", "iso-2022-jp", "replacement"})
_DRAWINGS = frozenset({"svg", "math"})  # where <style> is an element like any other
_UNQUOTED = 4  # the group of `flat.ATTRIBUTE`
_SPACE = re.compile(r"[\t\n\f\r ]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HERE = "./"
_REFRESH = re.compile(r"http-equiv[\s=\"']*refresh", re.IGNORECASE)
# What makes a browser refuse a file: files are of no origin, and their links were changed.
_CHECKS = frozenset({"crossorigin", "integrity"})
_LISTS = frozenset({"srcset", "imagesrcset"})
_FRAGMENT = "!$&'()*+,;=:@/?-._~%"  # what a fragment may hold unencoded
_HOLDERS: dict[str, tuple[str, ...]] = {
    **marks.REQUISITES,
    **{name: (attribute,) for name, attribute in marks.FOLLOWED.items()},
    "a": ("href", "xlink:href"),
    "link": ("href", "imagesrcset"),
    "form": ("action",),
    "base": ("href",),
    "meta": ("content",),
}


def relinked(
    body: bytes, encoding: str, url: str, way: Callable[[str], str], *, is_fresh: bool
) -> bytes:
    """The page with its links made to fit; the very same bytes where there is nothing to do.

    Args:
        body: of an HTML page.
        encoding: as `charset.sniff` names it.
        url: that it was fetched from.
        way: the way to the file of a canonical URL, as a relative reference; "" when there is none.
        is_fresh: it has not been through here before.
    """
    if encoding in _OPAQUE:
        return body
    # One character for each byte, so that all others stay.
    text = body[:_MOST].decode("latin-1")
    page = _Page(text, encoding, url, way, is_fresh=is_fresh)
    pieces: list[str] = []
    done = 0
    for begin, end, value in _changes(text, page):
        pieces += (text[done:begin], value)
        done = end
    if not pieces:
        return body
    pieces.append(text[done:])
    return "".join(pieces).encode("latin-1") + body[_MOST:]


def sheet_relinked(
    body: bytes, encoding: str, url: str, way: Callable[[str], str], *, is_fresh: bool
) -> bytes:
    """As `relinked`, of a style sheet in a file of its own."""
    if encoding in _OPAQUE:
        return body
    text = body[:_MOST].decode("latin-1")
    changed = _Page("", encoding, url, way, is_fresh=is_fresh).styles(text)
    return body if changed is text else changed.encode("latin-1") + body[_MOST:]


def _changes(text: str, page: _Page) -> Iterator[tuple[int, int, str]]:
    """What is to stand instead of what, in order."""
    drawings = 0
    for tag, held in flat.tags(text):
        name = tag[2].lower()
        if name in _DRAWINGS and not tag[3].endswith("/"):
            drawings += -1 if tag[1] and drawings else not tag[1]
        if tag[1]:
            continue
        if name in _HOLDERS or "style" in tag[3].lower():
            yield from _changes_of(tag, page, _HOLDERS.get(name, ()))
        if name == "style" and not (drawings and "<" in held):  # there it begins an element
            changed = page.styles(held)
            if changed is not held:
                yield tag.end(), tag.end() + len(held), changed


def _changes_of(
    tag: re.Match[str], page: _Page, names: tuple[str, ...]
) -> list[tuple[int, int, str]]:
    """The same of one tag's attributes."""
    changes: list[tuple[int, int, str]] = []
    checks: list[tuple[int, int, str]] = []
    is_local = False
    for found in flat.ATTRIBUTE.finditer(tag.string, *tag.span(3)):
        name = found[1].lower()
        if name in _CHECKS:
            checks.append((*found.span(1), f"data-{found[1]}"))
        elif found.lastindex not in {1, None} and (name in names or name == "style"):
            assert found.lastindex is not None
            value = page.value(tag, name, found[found.lastindex])
            if value is not None:
                if found.lastindex == _UNQUOTED:
                    value = _SPACE.sub(lambda space: f"&#{ord(space[0])};", value)
                changes.append((*found.span(found.lastindex), value))
                is_local = is_local or (name in names and not _SCHEME.match(value))
    return sorted(changes + checks) if is_local else changes


class _Page:
    """What decides the values of one page's attributes."""

    def __init__(
        self, text: str, encoding: str, url: str, way: Callable[[str], str], *, is_fresh: bool
    ) -> None:
        self._codec = ENCODINGS[encoding]
        self._way = way
        self._is_fresh = is_fresh
        base = self._base(text) if is_fresh else ""
        self._has_base = bool(base)
        base = (urls.joiner(url)(base) if base else None) or url
        self._join = urls.joiner(base, encoding)

    def styles(self, text: str) -> str:
        """Styles, byte by byte; the very same text when they stay."""
        if not styles.refers(text):
            return text
        return css.rewritten(text, lambda written: self._styled(self._decoded(written)))

    def _styled(self, written: str) -> str | None:
        said = css.meaning(written)
        told = None if "\ufffd" in said else self.reference(said)
        return None if told == said else told

    def value(self, tag: re.Match[str], name: str, raw: str) -> str | None:
        """What the attribute is to say instead, byte by byte; None when it stays."""
        element = tag[2].lower()
        if element == "base" and name != "style":
            return _HERE if self._is_fresh and raw else None
        if element == "meta" and name != "style" and not _REFRESH.search(tag[3]):
            return None
        said = self._text(raw)
        if "\ufffd" in said:
            return None  # bytes that are no text: nobody knows what they name
        told: str | None
        if name == "style":
            told = css.rewritten(said, self._styled)
        elif element == "meta":
            told = self._refresh(said)
        elif name in _LISTS:
            told = self._list(said)
        else:
            told = self.reference(said)
        if told is None or told == said:
            return None
        try:
            return escape(told).encode(self._codec).decode("latin-1")
        except UnicodeEncodeError:
            return None

    def reference(self, said: str) -> str | None:
        """Another reference to the same; None when it stays."""
        said = said.strip(references.SPACE)
        scheme = _SCHEME.match(said)
        if scheme is not None and scheme[0].lower() not in {"http:", "https:"}:
            return None
        is_whole = scheme is not None or said.startswith(("//", "\\\\"))
        if not is_whole and not self._is_fresh:
            return None
        address, hash_sign, fragment = said.partition("#")
        if not address and not self._has_base:
            return None
        url = self._join(address)
        if url is None:
            return None
        way = self._way(url)
        if not way and scheme is not None:
            return None
        return (way or url) + hash_sign + quote(fragment, safe=_FRAGMENT)

    def _list(self, said: str) -> str | None:
        """A srcset; its candidates are found again in the order they stand in."""
        pieces: list[str] = []
        done = 0
        for candidate in references.srcset(said):
            at = said.find(candidate, done)
            pieces += (said[done:at], self.reference(candidate) or candidate)
            done = at + len(candidate)
        return "".join(pieces) + said[done:]

    def _refresh(self, said: str) -> str | None:
        to = references.refresh(said)
        other = self.reference(to) if to else None
        if not to or other is None:
            return None
        at = said.rindex(to)
        return said[:at] + other + said[at + len(to) :]

    def _base(self, text: str) -> str:
        """What the first <base> says, "" when there is none."""
        if "<base" not in text.lower():
            return ""
        for tag, _ in flat.tags(text):
            if tag[2].lower() == "base" and not tag[1]:
                for found in flat.ATTRIBUTE.finditer(text, *tag.span(3)):
                    if found[1].lower() == "href" and found.lastindex not in {1, None}:
                        return self._text(found[found.lastindex or 1]).strip(references.SPACE)
        return ""

    def _text(self, raw: str) -> str:
        text = self._decoded(raw)
        return unescape(text) if "&" in text else text

    def _decoded(self, raw: str) -> str:
        return raw if raw.isascii() else raw.encode("latin-1").decode(self._codec, "replace")
