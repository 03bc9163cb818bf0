"""The head of a response: status line and header fields, strict where framing hangs on it.

Almost every head is clean: one regular expression accepts it whole and its fields stay unsplit.
The others are read line by line. What is then tolerated, and what is refused:

    bare LF as line end                     taken, the connection is not used again
    field continued on the next line        joined with a space (5.2)
    line without colon, empty name          left out with warn.bad_header
    space between name and colon            trimmed with warn.bad_header; refused in framing fields
    NUL or bare CR, space before the first  refused (2.2)

The outcome of each is a row HD01 to HD32 of the tests' catalogue.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from crawler.errors import ProtocolError

if TYPE_CHECKING:
    from crawler.model import Limits

_SHOWN = 60  # bytes of a bad line quoted in a message
_NAME = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # token, RFC 9110 5.6.2

_CLEAN = re.compile(
    rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: ([^\0\r\n]*+))?+\r"
    rb"(\n(?:" + _NAME + rb"+:[^\0\r\n]*+\r\n)*+)\r\n"
)
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: ([^\0\r\n]*))?")
_OTHER_VERSION = re.compile(rb"HTTP/(?!1\.[01] )[0-9]+(?:\.[0-9]+)? ")
_TOKEN = re.compile(_NAME)
_NO_LETTER = re.compile(rb"[^a-z]+")
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_FRAMING = (b"contentlength", b"transferencoding")


class Head(NamedTuple):
    """A head taken apart as far as everyone needs it."""

    version: str  # "1.0" or "1.1"
    status: int
    reason: str
    block: bytes  # b"\n", then every field as b"name:value\r\n": tokens, no NUL, no other CR or LF
    warnings: tuple[str, ...]
    sound: bool  # False: tolerated, but nobody else may read these bytes the same way


def find_end(data: bytes | bytearray, start: int) -> int:
    """The index after the empty line that ends a head, at or after `start`; -1 when not there."""
    found = _EMPTY_LINE.search(data, start)
    return found.end() if found else -1


def match_clean(data: bytes, limits: Limits) -> re.Match[bytes] | None:
    """Minor version, status, reason and block of the head that `data` begins with, up to its end.

    None when it is not whole, not clean, or may exceed a limit.
    """
    found = _CLEAN.match(data)
    if found is None:
        return None
    end = found.end()
    if end > limits.header_line or end > limits.head or end > limits.status_line:
        return None
    # No line is shorter than two bytes, so most heads need no counting.
    if end > 2 * limits.header_fields and data.count(b"\n", 0, end) - 2 > limits.header_fields:
        return None
    return found


def clean_head(found: re.Match[bytes]) -> Head:
    """The head that `match_clean` found."""
    minor, status, reason, block = found.groups()
    version = "1.1" if minor == b"1" else "1.0"
    text = "OK" if reason == b"OK" else (reason or b"").decode("latin-1")
    return Head(version, int(status), text, block, (), True)


def read_head(data: bytes, end: int, limits: Limits) -> Head:
    """The head that is `data[:end]`, its empty line included, line by line.

    Raises:
        ProtocolError: it is no sound head, or exceeds a limit.
    """
    data = data[:end]
    lines = data.split(b"\n")
    first, rest = lines[0].removesuffix(b"\r"), lines[1:-2]
    version, status, reason = read_status(first, limits)
    check_size(data, 0, len(rest), limits)
    sound = data.count(b"\n") == data.count(b"\r\n")
    fields: list[bytes] = []
    warned = False
    for raw in rest:
        line = raw.removesuffix(b"\r")
        if b"\r" in line or b"\0" in line:
            raise ProtocolError(f"NUL or bare CR in a header line: {_quoted(line)}")
        if line[:1] in {b" ", b"\t"}:
            if not fields:
                raise ProtocolError(f"white space before the first header: {_quoted(line)}")
            fields[-1] += b" " + line.strip(b" \t") if fields[-1] else b""
            continue
        field, strange = _read_field(line)
        fields.append(field)
        warned = warned or strange
    block = b"\n" + b"".join([field + b"\r\n" for field in fields if field])
    warnings = ("warn.bad_header",) if warned else ()
    return Head(version, status, reason, block, warnings, sound and not warned)


def check_size(data: bytes | bytearray, known: int, fields: int, limits: Limits) -> None:
    """Refuse a head, whole or under way, with so many field lines.

    Lines that end before the index `known` were found short enough before.
    """
    size = len(data)
    if size > limits.head:
        raise _too_large(f"the head has more than {limits.head} bytes")
    if fields > limits.header_fields:
        raise _too_large(f"the head has more than {limits.header_fields} fields")
    if size > limits.header_line:
        start = data.rfind(b"\n", 0, known) + 1
        while start < size:
            end = data.find(b"\n", start)
            end = end if end >= 0 else size
            if end - start > limits.header_line:
                raise _too_large(f"a header line has more than {limits.header_line} bytes")
            start = end + 1


def read_status(line: bytes, limits: Limits) -> tuple[str, int, str]:
    """Version, status and reason of a status line without its line end. Raises ProtocolError."""
    found = _STATUS.fullmatch(line) if len(line) <= limits.status_line else None
    if found is None:
        raise bad_status(line[: limits.status_line + 1])  # all that may have come by then
    minor, status, reason = found.groups()
    return f"1.{minor.decode()}", int(status), (reason or b"").decode("latin-1")


def bad_status(line: bytes) -> ProtocolError:
    """The error for bytes that are no status line, or one of another version."""
    if _OTHER_VERSION.match(line):
        message = f"only HTTP/1.0 and HTTP/1.1 are spoken, not {_quoted(line)}"
        return ProtocolError(message, code="proto.bad_version")
    # Empty lines are what an earlier answer on the connection left behind: a fresh one may be fine.
    retry = "once" if line[:1] in {b"\r", b"\n", b""} else "no"
    message = f"not an HTTP status line: {_quoted(line)}"
    return ProtocolError(message, code="proto.bad_status_line", retry=retry)


def _read_field(line: bytes) -> tuple[bytes, bool]:
    """The line as ``name:value``, empty when it has to be left out, and whether it was strange."""
    name, colon, value = line.partition(b":")
    if colon and _TOKEN.fullmatch(name):
        return line, False
    letters = _NO_LETTER.sub(b"", name.lower())
    if letters in _FRAMING or (not colon and letters.startswith(_FRAMING)):
        raise ProtocolError(f"a header that frames the body is damaged: {_quoted(line)}")
    name = name.rstrip(b" \t")
    return (name + b":" + value if colon and _TOKEN.fullmatch(name) else b""), True


def _too_large(message: str) -> ProtocolError:
    return ProtocolError(message, code="proto.headers_too_large")


def _quoted(line: bytes) -> str:
    return ascii((line[:_SHOWN] + b"..." if len(line) > _SHOWN else line).decode("latin-1"))
