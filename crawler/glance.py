"""What most pages refer to, seen without a tree: where markup is sound and holds nothing odd.

    bytes ─► comments, scripts, styles out ─► every tag ends at its first ">"? ─► tags that matter
                                              no, or an odd element: None, and a parser decides

Sound is: no quoted value has "<" or ">" in it, and no tag has "<" in it. Then tags are where they
seem to be, whatever they are nested in; and but for the odd elements (those that hold text alone,
that ignore what is in them, that have rules of their own) the standard keeps each one. So the marks
are those of `marks.by_lexbor`, to which tests hold them; what stands in a table and in none of its
cells may come later here. Linear work. Pure.
https://html.spec.whatwg.org/ 13.2.5 (tokenization), 13.2.6 (tree construction).
"""

from __future__ import annotations

import re
from html import unescape
from html.entities import html5
from typing import TYPE_CHECKING

from crawler import marks

if TYPE_CHECKING:
    from crawler.marks import Attributes, Mark

_HEAD = 2048  # bytes in which pages that have scripts or comments begin to have them

_VALUE = rb"(?:\"([^\"<>]*+)\"|'([^'<>]*+)'|([^\t\n\f\r \"'<>=`]++))"
_ATTRIBUTE = rb"[\t\n\f\r ]++([A-Za-z_@:][A-Za-z0-9_@:.-]*+)(?:(=)" + _VALUE + rb")?+"
_ATTRIBUTES = rb"(?:" + re.sub(rb"\((?!\?)", b"(?:", _ATTRIBUTE) + rb")*+[\t\n\f\r ]*+"
# A comment; what holds text alone, up to its end tag; drawings and choices of which nothing leads
# anywhere. Where a comment begins in a script other rules hold (13.2.5.20): it is left standing,
# which is odd.
_DRAWN = (
    rb"(?:circle|clipPath|defs|ellipse|g|line|linearGradient|mask|path|polygon|polyline"
    rb"|radialGradient|rect|stop|symbol|text|tspan|use)"
)
_OUT = re.compile(
    rb"<(?:!--(?:-?>|(?:[^-]++|-(?!-!?>))*+(?:--!?>|\Z))"
    rb"|script" + _ATTRIBUTES + rb">(?:[^<]++|<(?!/script[\t\n\f\r />]|!--))*+(<!--)?+"
    rb"|style" + _ATTRIBUTES + rb">(?:[^<]++|<(?!/style[\t\n\f\r />]))*+"
    rb"|textarea" + _ATTRIBUTES + rb">(?:[^<]++|<(?!/textarea[\t\n\f\r />]))*+"
    rb"|select" + _ATTRIBUTES + rb">(?:[^<]++|</?opt(?:ion|group)" + _ATTRIBUTES + rb">)*+</select>"
    rb"|svg" + _ATTRIBUTES + rb">(?:[^<]++|</?" + _DRAWN + _ATTRIBUTES + rb"/?>)*+</svg>)"
)  # fmt: skip
_IN_ITS_PLACE = rb"<!>\1"  # a comment without anything
# The tags that matter and those that are odd, a few others with them; nearly all tags differ in
# their first two letters. An anchor that is only a place, or leads to
# one on its page, is left out.
_TAG = re.compile(
    rb"<([!A-Zabfilmnpstx]"
    rb"(?:(?<=a)[\t\n\f\r /](?!(?:id|name)=\"[^\"<>]*+\"(?: class=\"[^\"<>]*+\")?+>"
    rb"|(?:class=\"[^\"<>]*+\" )?+href=\"#[^\"<>]*+\"(?: title=\"[^\"<>]*+\")?+>)"
    rb"|i[nN]|e[tTmMxXlL]|a[tTsS]|i[tT](?:le>[^<]*+</title)?|r[eEaA]|c[rR]|t[yY]|v[gG]"
    rb"|f[rR](?:ame[^<>]*+></iframe)?|o[eEfF]|m[pP]|l[aA]|--|[A-Z]|(?<=[A-Z]))"
    rb"[^<>]*+)>"
)
_BEGINS = re.compile(rb"!--|script|style|svg|select|textarea")
_NAME = re.compile(rb"[^\t\n\f\r />]*+")
_USUAL = rb"(?: (?:accesskey|class|id|name|shape|target|title)=\"[^\"]*+\")*+"
# Most links, and most relations that lead to a page: the reference up to its fragment.
_REFERENCE_ITSELF = rb" href=\"([^\"&#\x00- ]++)(?:#[^\"&]*+)?+\""
LINK = re.compile(
    rb"(?:a" + _USUAL + rb"|link rel=\"(?:index|next|prev|search|start|up)\")"
    + _REFERENCE_ITSELF + _USUAL + rb" ?/?"
)  # fmt: skip
_WHOLE = re.compile(_ATTRIBUTES + rb"/?")
_EACH = re.compile(_ATTRIBUTE)
_FRAME_END = b"></iframe"
_MATTERS = frozenset({"a", "area", "base", "iframe", "link", "meta"})
_TOLD = frozenset(
    {"content", "href", "http-equiv", "name", "rel", "src", "type", "xlink:href"}
)  # attributes that say where something leads
_ODD = frozenset(
    {"frame", "frameset", "math", "noembed", "noframes", "plaintext", "script", "select"}
    | {"style", "svg", "template", "textarea", "title", "xmp"}
)
# Character references that mean the same to everybody; and what is none in a value of an attribute
# (13.2.5.73, for historical reasons).
_NUMBER = r"#(?:9|10|3[2-9]|[4-9][0-9]|1[6-9][0-9]|[2-9][0-9]{2,3}|x[2-6][0-9A-Fa-f]);"
_REFERENCE = rf"&(?:[A-Za-z][A-Za-z0-9]*+;|{_NUMBER})"
_IN_TITLE = re.compile(rf"(?:[^&]++|{_REFERENCE}|&(?![A-Za-z0-9#]))*+")
_IN_VALUE = re.compile(rf"(?:[^&]++|{_REFERENCE}|&(?![A-Za-z0-9#])|&[A-Za-z0-9]++=)*+")
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]*+;)")
_ANY = re.compile(r"&[A-Za-z0-9#]++;")
# What is left of a page to see where its tags end; a value in a tag, and a document type or an XML
# declaration, in that. Nearly all pages have one value with a "=" in it.
_BUT_SIGNS = bytes(set(range(256)) - set(b"<>=\"'"))
_BUT_BRACKETS = b"=\"'"
_VALUES = b'=""'
_DOCTYPE = b'<"""">'
_DECLARED = re.compile(rb"charset=[\w-]++\"")
_OPEN = rb"=[\t\n\f\r ]*+(?:\"[^\"<>]*+[<>]|'[^'<>]*+[<>])"
_OPEN_VALUE = re.compile(_OPEN)
_OPEN_IN_TAG = re.compile(rb"<[^<>]*" + _OPEN)


class Doubt(Exception):
    """It takes a parser to say what this is."""


def by_glance(body: bytes) -> tuple[list[Mark], str] | None:
    """The marks of a page and its title; None when it takes a parser to tell.

    Of their attributes only those that say where something leads.

    Args:
        body: the page in UTF-8, or what is nearly that, without a byte order mark.
    """
    found: list[Mark] = []
    title: str | None = None
    try:
        for tag in tags(body):
            meant = mark(tag)
            if meant is None:
                continue
            if meant[0] != "title":
                found.append(meant)
            elif title is None:
                title = meant[1][""]
    except Doubt:
        return None
    return found, marks.folded(title or "")


def tags(body: bytes) -> dict[bytes, None]:
    """The tags that may be marks, as `mark` takes them, in order, each once.

    Raises:
        Doubt: it takes a parser to tell.
    """
    head = body[:_HEAD]
    if not (b"<!--" in head or b"<script" in head or b"<style" in head):
        found = dict.fromkeys(_TAG.findall(body))
        if b"\0" not in body and _is_sound(body) and not any(map(_BEGINS.match, found)):
            return found
    body = _OUT.sub(_IN_ITS_PLACE, body)
    if b"\0" in body or not _is_sound(body):
        raise Doubt
    return dict.fromkeys(_TAG.findall(body))


def _is_sound(body: bytes) -> bool:
    """Whether each tag ends at the first ">" after it, and has no "<" in it.

    That is so when nothing but pairs of quotes is in a tag, each after a "=", with nothing of "<",
    ">" and "=" between them: a quoted value begins at a quote after a "=", so at one of these, and
    ends at the next. It is best seen when nothing but these signs is left.
    """
    declared = _DECLARED.search(body, 0, _HEAD)
    signs = body if declared is None else body[: declared.start()] + body[declared.end() - 1 :]
    signs = signs.translate(None, _BUT_SIGNS)
    if b"<" not in signs.replace(_VALUES, b"").replace(_DOCTYPE, b"").replace(b"<>", b""):
        return True
    # With what stands between them: does a value hold more than it may, and not only in the text?
    if _OPEN_VALUE.search(body) and _OPEN_IN_TAG.search(body):
        return False
    return b"<<" not in signs.translate(None, _BUT_BRACKETS)


def mark(tag: bytes) -> Mark | None:
    """The mark that a tag is, from its name to before its end; None for no mark.

    A title is one, too, here, with its text under "".

    Raises:
        Doubt: it may be more than a mark.
    """
    if tag.startswith(b"title>"):
        return "title", {"": _title(tag)}
    begin = _NAME.match(tag)
    assert begin is not None  # it matches nothing, too
    name = begin[0].lower().decode("latin-1")
    if name not in _MATTERS:
        if name in _ODD or name.startswith("!--"):
            raise Doubt
        return None
    inside = tag[begin.end() :]
    if name == "iframe":
        if not inside.endswith(_FRAME_END):
            raise Doubt  # there is text in it, or it does not end
        inside = inside.removesuffix(_FRAME_END)
    if _WHOLE.fullmatch(inside) is None:
        raise Doubt
    attributes: Attributes = {}
    for attribute, has_value, *values in _EACH.findall(inside):
        key = attribute.decode("ascii").lower()
        if key in _TOLD:
            value = _text(values[0] or values[1] or values[2], _IN_VALUE) if has_value else None
            attributes.setdefault(key, value)
    return (name, attributes) if marks.refers(name, attributes, False) else None


def _title(tag: bytes) -> str:
    if not tag.endswith(b"</title"):
        raise Doubt  # there is a tag in it, or it does not end
    return _text(tag[len(b"title>") : -len(b"</title")], _IN_TITLE)


def _text(written: bytes, sound: re.Pattern[str]) -> str:
    """What was written with character references. Raises Doubt where they are not `sound`."""
    if b"\r" in written:
        written = written.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = written.decode("utf-8", "replace")
    if "&" not in text:
        return text
    if sound.fullmatch(text) is None or not html5.keys() >= set(_NAMED.findall(text)):
        raise Doubt
    return _ANY.sub(_meant, text)


def _meant(reference: re.Match[str]) -> str:
    return unescape(reference[0])
