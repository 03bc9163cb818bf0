"""Where a body ends and whether the connection outlives it: the fields that decide (6.3, 9.3).

Values are given in lower case, as `deciding` finds them.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from crawler.errors import ProtocolError

Promise: TypeAlias = tuple[float | None, int | None]
"""Idle seconds and further requests a server promised; None where it did not say."""
NO_PROMISE: Promise = (None, None)
HUGE = 10**18  # stands for every length of more than 18 digits: int() of 5,000 digits raises
_DIGITS = len(str(HUGE)) - 1
_CONTROL = re.compile(rb"[\0-\x08\x0a-\x1f\x7f]")
_KEEP_ALIVE = re.compile(rb"\b(timeout|max)[ \t]*=[ \t]*\"?([0-9]{1,9})\b")
DECIDING = re.compile(  # name and value of each field that decides, in lower case
    rb"\n(content-length|connection|transfer-encoding|keep-alive|location):[ \t]*([^\r]*)"
)
_INNER = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress", b"br", b"zstd"})


def deciding(low: bytes) -> dict[bytes, bytes]:
    """The fields that decide, by name; several of one name are one list (RFC 9110 5.3)."""
    found = DECIDING.findall(low)
    fields = dict(found)
    if len(fields) < len(found):
        fields.clear()
        for name, value in found:
            fields[name] = fields[name] + b"," + value if name in fields else value
    return fields


def content_length(value: bytes) -> int:
    """The number of Content-Length.

    The same number several times is one number (RFC 9110 8.6); anything else is refused.
    """
    if value.isdigit() and len(value) <= _DIGITS:
        return int(value)
    lengths = set()
    for item in _items(value, "Content-Length"):
        if not item.isdigit():
            message = f"Content-Length is not a number: {_shown(value)}"
            raise ProtocolError(message, code="proto.bad_length")
        lengths.add(item.lstrip(b"0") or b"0")
    if len(lengths) > 1:
        message = f"Content-Length says different numbers: {_shown(value)}"
        raise ProtocolError(message, code="proto.bad_length")
    digits = lengths.pop()
    return int(digits) if len(digits) <= _DIGITS else HUGE


def chunked(value: bytes) -> tuple[bool, ProtocolError | None]:
    """Whether Transfer-Encoding means chunks, and the error to raise once the body is there.

    A content coding under the chunks was not asked for; the body is whole, but not of use (6.1).
    """
    if value == b"chunked":
        return True, None
    codings = _items(value, "Transfer-Encoding")
    while codings and codings[0] == b"identity":  # RFC 2616 had it: no transfer coding
        del codings[0]
    if codings in ([], [b"chunked"]):
        return bool(codings), None
    message = f"Transfer-Encoding cannot be undone: {_shown(value)}"
    error = ProtocolError(message, code="proto.bad_transfer_coding")
    if len(codings) > 1 and codings[-1] == b"chunked" and _INNER.issuperset(codings[:-1]):
        return True, error
    raise error


def persists(value: bytes, version: str) -> bool:
    """Whether Connection lets another request follow (9.3)."""
    if value in {b"", b"keep-alive"}:
        return version == "1.1" or value != b""
    tokens = {token.strip(b" \t") for token in value.split(b",")}
    return b"close" not in tokens and (version == "1.1" or b"keep-alive" in tokens)


def keep_alive(value: bytes) -> Promise:
    """Idle seconds and further requests that Keep-Alive promises, None where it does not say."""
    numbers = {word: int(number) for word, number in _KEEP_ALIVE.findall(value)}
    timeout = numbers.get(b"timeout")
    return (None if timeout is None else float(timeout)), numbers.get(b"max")


def _items(value: bytes, name: str) -> list[bytes]:
    if _CONTROL.search(value):
        raise ProtocolError(f"control character in {name}: {_shown(value)}")
    return [item.strip(b" \t") for item in value.split(b",")]


def _shown(value: bytes) -> str:
    return ascii(value[:60].decode("latin-1"))
