"""The content codings that are understood, each as a decompressor with one shape.

    decompress(data, most)   at most `most` bytes of output; the rest of `data` is kept inside
    needs_input              False while output waits inside
    eof, unused_data         the member has ended; what was left of the input

The shape is that of bz2, lzma and zstd in the standard library. Brotli and zstd are imported at
their first use.
"""

from __future__ import annotations

import importlib
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from crawler.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from crawler.model import Limits

GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = tuple(bytes((low, 0x2A, 0x4D, 0x18)) for low in range(0x50, 0x60))  # RFC 8878 3.1.2
_CHECKSUMS = ("incorrect data check", "incorrect length check")
_NOT_AT_ALL = ("incorrect header check", "unknown compression method", "invalid window size")


class Decompressor(Protocol):
    """One member (gzip), frame (zstd) or stream under way."""

    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, most: int, /) -> bytes:
        """At most `most` bytes more. Raises DecodeError after the last byte that was sound."""
        ...


class Coding(NamedTuple):
    """How one content coding is undone."""

    name: str
    open: Callable[[Limits], Decompressor]
    magics: tuple[bytes, ...] = ()  # how a further member begins; () when there is only one

    def begins(self, data: bytes) -> bool | None:
        """Whether a further member begins like this; None when `data` is too short to tell."""
        if data.startswith(self.magics):
            return True
        return None if any(magic.startswith(data) for magic in self.magics) else False


class _Zlib:
    """gzip and deflate."""

    def __init__(self, name: str, wbits: int) -> None:
        self._name = name
        self._inflater = zlib.decompressobj(wbits)
        self._error: DecodeError | None = None
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, most: int, /) -> bytes:
        if self._error is not None:
            raise self._error
        inflater = self._inflater
        data = inflater.unconsumed_tail + data
        before = inflater.copy()
        try:
            out = inflater.decompress(data, most)
        except zlib.error as error:
            self._error = _inflate_error(self._name, error)
            self.needs_input = False
            if out := _until_error(before, data):
                return out
            raise self._error from error
        self.eof = inflater.eof
        self.unused_data = inflater.unused_data
        self.needs_input = not inflater.unconsumed_tail and len(out) < most
        return out


def _until_error(inflater: zlib._Decompress, data: bytes) -> bytes:
    """What zlib had given before it failed, and threw away with the exception."""
    out = bytearray()
    with suppress(zlib.error):
        for at in range(len(data)):
            out += inflater.decompress(data[at : at + 1])
    return bytes(out)


def _inflate_error(name: str, error: zlib.error) -> DecodeError:
    text = str(error)
    message = f"the {name} data is damaged: {text.rpartition(': ')[2]}"
    # Damage on the way may be gone next time; a wrong checksum or format was made at the source.
    again = not any(word in text for word in _CHECKSUMS + _NOT_AT_ALL)
    return DecodeError(message, retry="once" if again else "no")


class _Deflate:
    """zlib data, or the raw deflate data that some servers send instead (RFC 9110 8.4.1.2)."""

    eof = False
    needs_input = True
    unused_data = b""

    def __init__(self) -> None:
        self._first = b""
        self._inner: _Zlib | None = None

    def decompress(self, data: bytes, most: int, /) -> bytes:
        if self._inner is None:
            self._first += data
            if len(self._first) < 2:
                return b""
            data = self._first
            is_zlib = data[0] & 0x8F == 8 and (data[0] << 8 | data[1]) % 31 == 0
            self._inner = _Zlib("deflate", 15 if is_zlib else -15)
        inner = self._inner
        out = inner.decompress(data, most)
        self.eof, self.needs_input, self.unused_data = (
            inner.eof,
            inner.needs_input,
            inner.unused_data,
        )
        return out


class _Brotli:
    unused_data = b""

    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped]  # it brings no types

        self._inner = brotli.Decompressor()
        self._failure = brotli.error
        self.eof = False
        self.needs_input = True

    def decompress(self, data: bytes, most: int, /) -> bytes:
        try:
            out: bytes = self._inner.process(data, output_buffer_limit=most)
        except self._failure as error:
            raise DecodeError("the br data is damaged", retry="once") from error
        self.eof = self._inner.is_finished()
        self.needs_input = self._inner.can_accept_more_data()
        return out


class _Zstd:
    def __init__(self, limits: Limits) -> None:
        zstd = _zstd_module()
        log = limits.zstd_window.bit_length() - 1
        self._inner = zstd.ZstdDecompressor(
            options={zstd.DecompressionParameter.window_log_max: log}
        )
        self._failure = zstd.ZstdError
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, most: int, /) -> bytes:
        inner = self._inner
        try:
            out: bytes = inner.decompress(data, most)
        except self._failure as error:
            if "memory" in str(error):
                message = "the zstd window is larger than the limit"
                raise DecodeError(message, code="body.unsupported_encoding") from error
            raise DecodeError("the zstd data is damaged", retry="once") from error
        self.eof = inner.eof
        self.needs_input = inner.needs_input
        self.unused_data = inner.unused_data if inner.eof else b""
        return out


def _zstd_module() -> ModuleType:
    try:
        return importlib.import_module("compression.zstd")
    except ImportError:  # before Python 3.14
        return importlib.import_module("backports.zstd")


_GZIP = Coding("gzip", lambda _: _Zlib("gzip", 31), (GZIP_MAGIC,))
CODINGS = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,
    "deflate": Coding("deflate", lambda _: _Deflate()),
    "br": Coding("br", lambda _: _Brotli()),
    "zstd": Coding("zstd", _Zstd, (_ZSTD_MAGIC, *_SKIPPABLE)),
}
