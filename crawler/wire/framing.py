r"""Where a body ends and whether the connection outlives it: the fields that decide (6.3, 9.3).

All functions read the lower-cased block of a Head: ``b"\n"``, then ``b"name:value\r\n"`` per field.
"""

from __future__ import annotations

import re

from crawler.errors import ProtocolError

HUGE = 10**18  # stands for every length of more than 18 digits: int() of 5,000 digits raises
_DIGITS = len(str(HUGE)) - 1
_CONTROL = re.compile(rb"[\0-\x08\x0a-\x1f\x7f]")
_KEEP_ALIVE = re.compile(rb"\b(timeout|max)[ \t]*=[ \t]*\"?([0-9]{1,9})\b")
_INNER = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress", b"br", b"zstd"})


def values(low: bytes, name: bytes) -> list[bytes]:
    """The trimmed value of every field of that lower-case name."""
    found = []
    key = b"\n" + name + b":"
    at = low.find(key)
    while at >= 0:
        start = at + len(key)
        at = low.find(b"\r", start)
        found.append(low[start:at].strip(b" \t"))
        at = low.find(key, at)
    return found


def content_length(low: bytes) -> int:
    """The number of Content-Length, -1 where there is none.

    The same number several times is one number (RFC 9110 8.6); anything else is refused.
    """
    lengths = set()
    for value in values(low, b"content-length"):
        if _CONTROL.search(value):
            raise ProtocolError(f"control character in Content-Length: {_shown(value)}")
        for item in value.split(b","):
            digits = item.strip(b" \t")
            if not digits.isdigit():
                message = f"Content-Length is not a number: {_shown(value)}"
                raise ProtocolError(message, code="proto.bad_length")
            digits = digits.lstrip(b"0") or b"0"
            lengths.add(digits)
    if len(lengths) > 1:
        seen = " and ".join(sorted(_shown(length) for length in lengths)[:3])
        raise ProtocolError(f"Content-Length says both {seen}", code="proto.bad_length")
    for digits in lengths:
        return int(digits) if len(digits) <= _DIGITS else HUGE
    return -1


def chunked(low: bytes) -> tuple[bool, ProtocolError | None]:
    """Whether the body comes in chunks, and the error to raise once it is there.

    A content coding under the chunks was not asked for; the body is whole, but not of use (6.1).
    """
    found = values(low, b"transfer-encoding")
    codings = []
    for value in found:
        if _CONTROL.search(value):
            raise ProtocolError(f"control character in Transfer-Encoding: {_shown(value)}")
        codings += [coding.strip(b" \t") for coding in value.split(b",")]
    if codings == [b"chunked"]:
        return True, None
    if codings == [b"identity"]:  # RFC 2616 had it: no transfer coding
        return False, None
    message = f"Transfer-Encoding cannot be undone: {_shown(b', '.join(codings))}"
    error = ProtocolError(message, code="proto.bad_transfer_coding")
    if len(codings) > 1 and codings[-1] == b"chunked" and _INNER.issuperset(codings[:-1]):
        return True, error
    raise error


def persists(low: bytes, version: str) -> bool:
    """Whether the server will take another request on the connection (9.3)."""
    tokens = {
        token.strip(b" \t") for value in values(low, b"connection") for token in value.split(b",")
    }
    return b"close" not in tokens and (version == "1.1" or b"keep-alive" in tokens)


def keep_alive(low: bytes) -> tuple[float | None, int | None]:
    """Idle seconds and further requests that Keep-Alive promises, None where it does not say."""
    timeout: float | None = None
    most: int | None = None
    for value in values(low, b"keep-alive"):
        for word, number in _KEEP_ALIVE.findall(value):
            if word == b"timeout":
                timeout = float(number)
            else:
                most = int(number)
    return timeout, most


def _shown(value: bytes) -> str:
    return ascii(value[:60].decode("latin-1"))
