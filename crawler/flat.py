"""A page's tags without a tree: what is read in one pass, however the page is nested.

A tree costs more the deeper it is; this costs so much a tag. It is for pages whose tree cannot be
afforded (extract.py asks `is_deep`), and gives the same marks but where only a tree can tell: what
the standard moves or leaves out for standing in the wrong place. Pure.
https://html.spec.whatwg.org/ 13.2.5 (tokenization), 13.2.6 (which elements hold plain text).
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from crawler import marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawler.marks import Attributes, Mark

DEEPEST = 500  # elements in each other; a browser's limit is 512
_MOST_REOPENED = 1_000_000  # elements that a parser may have to add: 100 bytes each
_NAME = r"(?:=[^\t\n\f\r />=]*+|[^\t\n\f\r />=]++)"  # of an attribute
_EQUALS = r"[\t\n\f\r ]*+=[\t\n\f\r ]*+"
_TAG = re.compile(
    r"<(/?)([a-zA-Z][^\t\n\f\r />]*+)((?:[\t\n\f\r /]++|"
    + _NAME
    + r"(?:"
    + _EQUALS
    + r"(?:\"[^\"]*+\"|'[^']*+'|(?![\"'])[^\t\n\f\r >]*+)|(?![\t\n\f\r ]*+=)))*+)>"
)
ATTRIBUTE = re.compile(
    r"(" + _NAME + r")(?:" + _EQUALS + r"(?:\"([^\"]*+)\"|'([^']*+)'|(?![\"'])([^\t\n\f\r >]*+)))?+"
)
_LINKING = frozenset({*marks.FOLLOWED, "base", "link", "meta"})
_COMMENT_END = re.compile(r"--!?>")
# Elements that hold text alone, up to their own end tag.
_RAW = frozenset({"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"})
# Elements that, left open, are opened again in every block.
_FORMATTING = frozenset(
    {
        "a",
        "b",
        "big",
        "code",
        "em",
        "font",
        "i",
        "nobr",
        "s",
        "small",
        "strike",
        "strong",
        "tt",
        "u",
    }
)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"}
    | {"source", "track", "wbr", "frame", "keygen", "bgsound", "basefont"}
)
# Elements whose end tag may be left out: they end with what holds them, or at the next of them.
_OPTIONAL = frozenset(
    {"p", "li", "dt", "dd", "option", "optgroup", "tr", "td", "th", "tbody", "thead", "tfoot"}
    | {"rp", "rt", "rb", "rtc", "colgroup", "caption", "html", "head", "body"}
)


def by_tags(text: str, with_requisites: bool) -> tuple[list[Mark], str]:
    """The marks of a page and its title, as the parsers of marks.py give them."""
    found: list[Mark] = []
    title = ""
    templates = 0
    for is_end, name, inside, held in _tags(text):
        if name == "template":
            templates += -1 if is_end and templates else not is_end
        elif is_end or templates:
            continue
        elif name == "title":
            title = title or unescape(held)
        elif inside and (name in _LINKING or (with_requisites and name in marks.REQUISITES)):
            attributes = _attributes(inside)
            if marks.refers(name, attributes, with_requisites):
                found.append((name, attributes))
    return found, marks.folded(title)


def is_deep(text: str) -> bool:
    """Whether its tree may be deeper than `DEEPEST`, or grow beyond bounds: rather yes than no.

    An end tag ends the element before it, those between them being such as end by themselves; any
    other is taken for one that is ignored, as it often is.
    """
    stack: list[str] = []
    formatting = reopened = 0
    for is_end, name, inside, _ in _tags(text):
        reopened += formatting  # each may be opened again here (13.2.4.3)
        if reopened > _MOST_REOPENED or len(stack) > DEEPEST or _is_crowded(inside):
            return True
        if is_end:
            at = len(stack) - 1
            while at >= 0 and stack[at] != name and stack[at] in _OPTIONAL:
                at -= 1
            if at >= 0 and stack[at] == name:
                formatting -= sum(1 for ended in stack[at:] if ended in _FORMATTING)
                del stack[at:]
        elif name in _OPTIONAL and stack[-1:] == [name]:
            continue
        elif name not in _VOID and name not in _RAW:
            stack.append(name)
            formatting += name in _FORMATTING
    return False


def _is_crowded(inside: str) -> bool:
    """Whether it has so many attributes that comparing them with each other is work."""
    return len(inside) > 8 * DEEPEST and len(ATTRIBUTE.findall(inside)) > DEEPEST


def tags(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each tag: "/" of an end tag, name and attributes as groups, and the text it alone holds."""
    lower = ""
    at = text.find("<")
    while at >= 0:
        found = _TAG.match(text, at)
        if found is None:
            at = _after(text, at)
            continue
        at = found.end()
        held = ""
        if not found[1] and (name := found[2].lower()) in _RAW:
            lower = lower or text.lower()
            end = lower.find("</" + name, at)
            held = text[at:] if end < 0 else text[at:end]
            at += len(held)
        yield found, held
        at = text.find("<", at)


def _tags(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Each tag: "/" of an end tag, name in lower case, attributes, the text that it alone holds."""
    for found, held in tags(text):
        is_end, name, inside = found.groups()
        yield is_end, name.lower(), inside, held


def _after(text: str, at: int) -> int:
    """Where the next tag may begin after what begins at `at` and is none; -1 if nowhere."""
    if text.startswith("<!--", at):
        end = _COMMENT_END.search(text, at + 2 if text.startswith((">", "->"), at + 4) else at + 4)
        return -1 if end is None else text.find("<", end.end())
    follows = text[at + 1 : at + 3]
    if follows[:1] in {"!", "?"} or (follows[:1] == "/" and not follows[1:].isalpha()):
        end_of_it = text.find(">", at)
        return -1 if end_of_it < 0 else text.find("<", end_of_it)
    if follows.lstrip("/")[:1].isalpha() and follows.isascii():
        return -1  # the text ends within a tag
    return text.find("<", at + 1)


def _attributes(inside: str) -> Attributes:
    attributes: Attributes = {}
    for name, *values in ATTRIBUTE.findall(inside):
        value = values[0] or values[1] or values[2]
        attributes.setdefault(name.lower(), unescape(value) if "&" in value else value)
    return attributes
