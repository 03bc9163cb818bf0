r"""The references in a style sheet, found token by token. Pure.

    @import "a.css" screen; b { background: url( c.png ) } d { src: url("d\2e woff") }
             ^^^^^                              ^^^^^                   ^^^^^^^^^^

Read as https://www.w3.org/TR/css-syntax-3/ 4 has it: comments, strings and escapes are what they
are there, so that nothing is taken for a reference that a browser would not take for one. A string
is one after @import, in url() and src(), and as an image of image-set(). What @namespace names is
no document. Linear in the text, whatever it is.
Read beside it: styles.py (where style sheets stand).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ESCAPE = r"\\(?:[0-9a-fA-F]{1,6}+(?:\r\n|[ \t\r\n\f])?+|[^0-9a-fA-F\r\n\f])"
_NAME = rf"(?:[\w\-\x80-\U0010ffff]|{_ESCAPE})"
_TOKEN = re.compile(
    r"(?P<skip>[ \t\r\n\f]++|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)|<!--|-->)"
    r'|"(?P<double>(?:[^"\\\r\n\f]++|\\(?:\r\n|[^\r])|\\\r)*+)(?P<closed>"|\Z)?'
    r"|'(?P<single>(?:[^'\\\r\n\f]++|\\(?:\r\n|[^\r])|\\\r)*+)(?P<ended>'|\Z)?"
    rf"|(?P<mark>[@#]?+)(?P<name>{_NAME}++)(?P<opens>\(?)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_SPACE = re.compile(r"[ \t\r\n\f]*+")
_BARE = re.compile(rf"(?:[^\"'()\\\s\x00-\x08\x0b\x0e-\x1f\x7f]++|{_ESCAPE})*+")
_BAD = re.compile(r"(?:[^)\\]++|\\.)*+\)?", re.DOTALL)  # what is left of a url() that is none
_ESCAPED = re.compile(
    r"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|[ \t\r\n\f])?|(\r\n|[\n\r\f])|(.))", re.DOTALL
)
_UNSAFE = re.compile(r"[\"'()\\\s]")
_LINKING = frozenset({"url", "src", "image-set", "-webkit-image-set"})  # functions


class Reference(NamedTuple):
    """Where a reference stands, without its quotes."""

    begin: int
    end: int


def references(text: str) -> Iterator[Reference]:
    """Every reference to another document, in order."""
    return _Sheet(text).references()


def rewritten(text: str, other: Callable[[str], str | None]) -> str:
    """The style sheet with other references; the very same text where none changes.

    Args:
        text: the style sheet, or what a style attribute holds.
        other: given a reference as it is written, what it is to mean instead; None where it stays.
    """
    pieces: list[str] = []
    done = 0
    for begin, end in references(text):
        told = other(text[begin:end])
        if told is not None:
            pieces += (text[done:begin], _UNSAFE.sub(r"\\\g<0>", told))
            done = end
    return "".join((*pieces, text[done:])) if pieces else text


def meaning(written: str) -> str:
    """What is meant by a name, a string or a reference that may have escapes in it."""
    return _ESCAPED.sub(_unescaped, written) if "\\" in written else written


class _Sheet:
    """One pass over a style sheet."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._functions: list[str] = []  # those that are open; "" for a parenthesis
        self._rule = ""  # the at-rule whose first word has not come, or @namespace up to its end

    def references(self) -> Iterator[Reference]:
        text, end = self._text, len(self._text)
        while self._at < end:
            found = _TOKEN.match(text, self._at)
            assert found is not None  # `other` takes any character
            self._at = found.end()
            kind = found.lastgroup
            if kind == "skip":
                continue
            rule = self._rule
            if rule != "namespace":
                self._rule = ""
            reference = None
            if kind == "other":
                self._bracket(found["other"])
            elif kind == "opens":
                reference = self._named(found)
            else:
                reference = self._string(found, rule)
            if reference is not None and rule != "namespace":
                yield reference

    def _bracket(self, character: str) -> None:
        if character == "(":
            self._functions.append("")
        elif character == ")":
            del self._functions[-1:]
        elif character in ";{}":
            self._functions.clear()
            self._rule = ""

    def _named(self, found: re.Match[str]) -> Reference | None:
        """What a name begins: an at-rule, a function, or a url() without quotes."""
        name = meaning(found["name"]).lower()
        if found["mark"] == "@":
            self._rule = name
        if not found["opens"]:
            return None
        if found["mark"]:
            self._functions.append("")
        elif name == "url" and not self._is_quoted():
            return self._bare()
        else:
            self._functions.append(name)
        return None

    def _string(self, found: re.Match[str], rule: str) -> Reference | None:
        if found["closed"] is None and found["ended"] is None:
            return None  # its line ended before it did
        if self._functions:
            if self._functions[-1] not in _LINKING:
                return None
        elif rule != "import":
            return None
        return Reference(*found.span("single" if found["double"] is None else "double"))

    def _is_quoted(self) -> bool:
        return self._text.startswith(('"', "'"), self._after(self._at))

    def _bare(self) -> Reference | None:
        """The reference of a url() without quotes, if it is one."""
        text = self._text
        found = _BARE.match(text, self._after(self._at))
        assert found is not None  # it matches nothing, too
        end = self._after(found.end())
        if end == len(text) or text[end] == ")":
            self._at = end + 1
            return Reference(*found.span()) if found[0] else None
        bad = _BAD.match(text, end)
        self._at = bad.end() if bad else len(text)
        return None

    def _after(self, at: int) -> int:
        """Where the white space at `at` ends."""
        space = _SPACE.match(self._text, at)
        return space.end() if space else at


def _unescaped(found: re.Match[str]) -> str:
    digits, line_end, character = found.groups()
    if digits is None:
        return "" if line_end is not None else str(character)
    code = int(digits, 16)
    is_one = 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    return chr(code) if is_one else "\ufffd"
