"""The text encoding of a body, found as browsers find it, and the body as text.

    byte order mark  >  charset of Content-Type  >  <meta>, <?xml encoding?>  >  guess

Only the labels of the WHATWG encoding standard are known: Python's own names include traps, as
punycode (quadratic), unicode_escape and utf-7 (make markup appear where there was none) and idna
(raises). The guess is UTF-8 where that fits, else windows-1252, which fits everything. Sections
cited are of https://html.spec.whatwg.org/. Read beside it: labels.py.
"""

from __future__ import annotations

import re
from functools import lru_cache

from crawler.labels import ENCODINGS, LABELS

# The standard's prescan is 1024 bytes, but a browser that meets a later <meta> starts again with
# it (13.2.3.5); pages with long comments or scripts before it are real.
_PRESCAN = 16 * 1024  # bytes
_USUAL = 1024  # bytes in which markup that declares an encoding mostly has done so
_GUESSED = 256 * 1024  # bytes looked at to tell UTF-8 from windows-1252
_HEADER = 1024  # characters of a Content-Type looked at
_SPACE = b"\t\n\f\r "
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
_MARKS = tuple(mark for mark, _ in _BOMS)
# https://mimesniff.spec.whatwg.org/ 4.4: what follows a quoted value is no part of it
_PARAMETER = re.compile(
    r";[\t\n\r ]*+([^;=]*+)(?:=(?:\"((?:[^\"\\]|\\.)*+)[^;]*+|([^;]*+)))?+", re.DOTALL
)
_IN_CONTENT = re.compile(
    rb"charset[\t\n\f\r ]*=[\t\n\f\r ]*(?:\"([^\"]*)\"|'([^']*)'|(?![\"'])([^\t\n\f\r ;]+))"
)
_TAG = re.compile(rb"</?[A-Za-z][^\t\n\f\r />]*")
_ATTRIBUTE = re.compile(
    rb"[\t\n\f\r /]*+(=?[^\t\n\f\r /=>]++)"  # name
    rb"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"([^\"]*+)\"|'([^']*+)'|(?![\"'])([^\t\n\f\r >]*+)))?+"
)
_OPEN_QUOTE = re.compile(rb"[\t\n\f\r ]*+=[\t\n\f\r ]*+[\"']")
_XML = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


def decode(body: bytes, content_type: str) -> str:
    """The body as text; bytes that do not fit become U+FFFD. Never raises."""
    return decode_as(sniff(body, content_type), body)


def decode_as(name: str, body: bytes) -> str:
    """As `decode`, in the encoding that `sniff` named."""
    for mark, marked in _BOMS:
        if marked == name and body.startswith(mark):
            body = body[len(mark) :]
    return body.decode(ENCODINGS[name], "replace")


def sniff(body: bytes, content_type: str) -> str:
    """The name of the body's encoding, as the standard spells it, in lower case."""
    if body.startswith(_MARKS):
        return next(name for mark, name in _BOMS if body.startswith(mark))
    return _of_header(content_type) or _prescan(body[:_PRESCAN]) or _guess(body[:_GUESSED])


def is_label(label: str) -> bool:
    """Whether the standard knows an encoding by that label."""
    return _of_label(label) != ""


@lru_cache(maxsize=256)
def _of_header(content_type: str) -> str:
    """The encoding that Content-Type names; "" when it names none that is known."""
    for parameter in _PARAMETER.finditer(content_type[:_HEADER]):
        name, quoted, plain = parameter.groups()
        if name.lower() == "charset" and (quoted or plain):
            label = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            return _of_label(label)
    return ""


def _of_label(label: str) -> str:
    return LABELS.get(label.strip("\t\n\f\r ").lower(), "")


def _of_markup(label: bytes) -> str:
    """As `_of_label`, for a label that was itself read as ASCII."""
    text = label.decode("latin-1")
    if text.strip("\t\n\f\r ").lower() == "x-user-defined":
        return "windows-1252"
    name = _of_label(text)
    return "utf-8" if name.startswith("utf-16") else name


def _prescan(head: bytes) -> str:
    """The encoding that markup declares (13.2.3.2, prescan a byte stream)."""
    at = head.find(b"charset=", 0, _USUAL)
    end = head.find(b">", at) + 1
    # So far the pages of a site are often the same.
    if 0 < at < end <= _USUAL and (name := _declared(head[:end])):
        return name
    declared = _XML.match(head)
    fallback = _of_markup(declared[1] or declared[2] or b"") if declared else ""
    if b"charset" not in head.lower():
        return fallback
    return _of_tags(head) or fallback


def _of_tags(head: bytes) -> str:
    """What the first <meta> that declares an encoding says."""
    at = head.find(b"<")
    while at >= 0:
        if head.startswith(b"<!--", at):
            end = head.find(b"-->", at + 2)
            if end < 0:
                break
            at = end + 2
        elif tag := _TAG.match(head, at):
            attributes, at = _attributes(head, tag.end())
            if at < 0:
                break
            if tag[0].lower() == b"<meta" and (name := _of_meta(attributes)):
                return name
        elif head[at + 1 : at + 2] in {b"!", b"/", b"?"}:
            at = head.find(b">", at)
            if at < 0:
                break
        at = head.find(b"<", at + 1)
    return ""


_declared = lru_cache(maxsize=64)(_of_tags)


def _attributes(head: bytes, at: int) -> tuple[dict[bytes, bytes], int]:
    """The attributes of the tag whose name ends at `at`, and where its ``>`` is; -1 if nowhere."""
    attributes: dict[bytes, bytes] = {}
    while True:
        while at < len(head) and head[at] in b"\t\n\f\r /":
            at += 1
        if at >= len(head):
            return attributes, -1
        if head[at] == ord(">"):
            return attributes, at
        found = _ATTRIBUTE.match(head, at)
        if found is None or (found.end() == found.end(1) and _OPEN_QUOTE.match(head, found.end())):
            return attributes, -1  # a quote that never closes
        name, *values = found.groups()
        attributes.setdefault(name.lower(), values[0] or values[1] or values[2] or b"")
        at = found.end()


def _of_meta(attributes: dict[bytes, bytes]) -> str:
    if b"charset" in attributes:
        return _of_markup(attributes[b"charset"])
    if attributes.get(b"http-equiv", b"").lower() != b"content-type":
        return ""
    found = _IN_CONTENT.search(attributes.get(b"content", b"").lower())
    return _of_markup(found[1] or found[2] or found[3] or b"") if found else ""


def _guess(body: bytes) -> str:
    if body.isascii():
        return "windows-1252"  # the standard's default; for ASCII all is one
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut by the end of what is looked at is no fault.
        if len(body) < _GUESSED or error.start < len(body) - 3:
            return "windows-1252"
    return "utf-8"
