"""A chunked body taken apart (7.1), in whatever pieces it comes.

    size [;extensions] CRLF   data CRLF   ...   0 CRLF   trailers   CRLF

Every line end is CRLF, a size is hexadecimal digits and nothing else, and what follows the data of
a chunk is CRLF: readers that were lenient here were talked into finding another body (h11
CVE-2025-43859, Go CVE-2025-22871). Extensions and trailers are checked and forgotten.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crawler.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.model import Limits

_DIGITS = 16  # of a size: 64 bits
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_END = b"0\r\n\r\n"  # without trailers
_PLAIN_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
_SIZE = re.compile(
    rb"([0-9A-Fa-f]{1,16})"
    rb"(?:[ \t]*;[ \t]*" + _TOKEN + rb"(?:[ \t]*=[ \t]*"
    rb"(?:" + _TOKEN + rb'|"(?:[^\0-\x08\x0a-\x1f\x7f"\\]|\\[\t -\x7e\x80-\xff])*"))?)*'
)
_DATA, _AFTER_DATA, _LINE, _TRAILERS = range(4)


class ChunkedBody:
    """The reader of one chunked body. `take` gets the data, piece by piece."""

    def __init__(self, take: Callable[[bytes], None], limits: Limits) -> None:
        self._take = take
        self._limits = limits
        self._state = _LINE
        self._held = bytearray()  # the start of a line whose end has not come
        self._trailers = 0  # bytes of them so far
        self.left = 0  # bytes of the current chunk still to come

    def feed(self, data: bytes, at: int) -> int:
        """Read `data` from index `at`: the index after the body's end, -1 when it goes on.

        Raises:
            ProtocolError: the bytes are no chunked body, or exceed a limit.
        """
        size = len(data)
        if self._state == _LINE and not self._held:
            at = self._feed_whole(data, at)
            if data.startswith(_END, at):
                return at + len(_END)
        while at < size:
            if self._state == _DATA:
                stop = min(size, at + self.left)
                self._take(data[at:stop])
                self.left -= stop - at
                at = stop
                if not self.left:
                    self._state = _AFTER_DATA
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._hold(data[at:])
                return -1
            line = data[at : end + 1]
            at = end + 1
            if self._held:
                self._hold(line)
                line = bytes(self._held)
                self._held.clear()
            if self._read(line):
                return at
        return -1

    def _feed_whole(self, data: bytes, at: int) -> int:
        """Take the plain chunks that are here whole, which most are: the index after them."""
        take = self._take
        while True:
            end = data.find(b"\r\n", at, at + _DIGITS + 2)
            if end < 0 or not _PLAIN_SIZE.fullmatch(data, at, end):
                return at
            start = end + 2
            stop = start + int(data[at:end], 16)
            if stop == start or not data.startswith(b"\r\n", stop):
                return at
            take(data[start:stop])
            at = stop + 2

    def _read(self, line: bytes) -> bool:
        """Take one line with its line end; True when it is the last."""
        if self._state == _LINE:
            self._read_size(line)
        elif self._state == _AFTER_DATA:
            if line != b"\r\n":
                raise _bad(f"CRLF belongs after a chunk's data, not {_shown(line)}")
            self._state = _LINE
        else:
            return self._read_trailer(line)
        return False

    def _read_size(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line, 0, len(line) - 2) if line.endswith(b"\r\n") else None
        if found is None or len(line) > self._limits.chunk_line:
            raise _bad(f"not a chunk size: {_shown(line)}")
        self.left = int(found[1], 16)
        self._state = _DATA if self.left else _TRAILERS

    def _read_trailer(self, line: bytes) -> bool:
        self._trailers += len(line)
        self._check_trailers(self._trailers)
        if line == b"\r\n":
            return True
        if not line.endswith(b"\r\n") or b"\0" in line or b"\r" in line[:-2]:
            raise ProtocolError(f"NUL or a bare line end in a trailer: {_shown(line)}")
        return False

    def _hold(self, piece: bytes) -> None:
        self._held += piece
        if self._state == _TRAILERS:
            self._check_trailers(self._trailers + len(self._held))
        elif self._state == _AFTER_DATA:
            if not b"\r\n".startswith(self._held):
                raise _bad(f"CRLF belongs after a chunk's data, not {_shown(self._held)}")
        elif len(self._held) > self._limits.chunk_line:
            raise _bad(f"a chunk's line has more than {self._limits.chunk_line} bytes")

    def _check_trailers(self, size: int) -> None:
        if size > self._limits.trailers:
            message = f"the trailers have more than {self._limits.trailers} bytes"
            raise ProtocolError(message, code="proto.trailers_too_large")


def _bad(message: str) -> ProtocolError:
    return ProtocolError(message, code="proto.bad_chunk")


def _shown(line: bytes | bytearray) -> str:
    return ascii(bytes(line[:60]).decode("latin-1"))
