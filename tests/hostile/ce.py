"""CE: content codings. They are undone above the engines; what is kept is looked at closely."""

from __future__ import annotations

import gzip
import zlib

import brotli

from hostile.row import PAGE, Ask, Row, chunks_of, head, says, whole

ZIPPED = gzip.compress(PAGE, mtime=0)
RAW_DEFLATE = zlib.compress(PAGE)[2:-4]
LARGE = bytes(range(256)) * 800  # 200 kB, more than one read
ZSTD = b"\x28\xb5\x2f\xfd"


def bomb(mebibytes: int) -> bytes:
    """A gzip stream of zeros, made of one mebibyte's deflate blocks again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1024 * 1024)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + block * mebibytes + b"\x03\0" + bytes(8)


def zstd_frame(body: bytes) -> bytes:
    """A zstd frame of one uncompressed block (RFC 8878 3.1.1)."""
    size = (len(body) << 3 | 1).to_bytes(3, "little")
    return ZSTD + bytes((0x20, len(body))) + size + body


def zstd_window(log: int, body: bytes) -> bytes:
    """A zstd frame that asks for a window of 2**log bytes."""
    size = (len(body) << 3 | 1).to_bytes(3, "little")
    return ZSTD + bytes((0x00, (log - 10) << 3)) + size + body


def right(row: str, body: bytes, *codings: str, full: bytes = PAGE, **more: object) -> Row:
    lines = tuple(f"Content-Encoding: {name}" for name in codings)
    return Row(row, says(whole(body, *lines)), body=full, connection="reuse", **more)  # type: ignore[arg-type]  # fields of Row


def wrong(row: str, body: bytes, *codings: str, code: str, keep: str = "raw", **more: str) -> Row:
    lines = tuple(f"Content-Encoding: {name}" for name in codings)
    kept = body if keep == "raw" else b""
    return Row(row, says(whole(body, *lines)), code=code, kept=keep, body=kept, **more)  # type: ignore[arg-type]  # only words


NESTED = PAGE
for _ in range(8):
    NESTED = gzip.compress(NESTED, mtime=0)
BOMB = bomb(100)
DAMAGED = ZIPPED[:30] + bytes(255 - byte for byte in ZIPPED[30:40]) + ZIPPED[40:]
LONG_NAME = ZIPPED[:3] + b"\x08" + ZIPPED[4:10] + b"n" * 1_000_000 + b"\0" + ZIPPED[10:]
DEFLATED = zlib.compress(LARGE) + b"trailing bytes"
SINGLE = tuple(bytes((byte,)) for byte in ZIPPED)

ROWS = [
    right("CE01", ZIPPED, "gzip"),
    wrong(
        "CE02",
        ZIPPED[:-20],
        "gzip",
        code="body.decode_incomplete",
        keep="unspecified",
        retry="once",
        connection="reuse",
    ),
    wrong(
        "CE03",
        ZIPPED[:-8] + b"\0\0\0\0" + ZIPPED[-4:],
        "gzip",
        code="body.decode",
        connection="reuse",
    ),
    wrong("CE04", DAMAGED, "gzip", code="body.decode", retry="once", connection="reuse"),
    right("CE05", ZIPPED + gzip.compress(b"another"), "gzip", full=PAGE + b"another"),
    right("CE06", ZIPPED + b"garbage", "gzip", warnings=("warn",)),
    right("CE07", PAGE, "gzip", warnings=("warn.encoding_mislabelled",)),
    right("CE08", ZIPPED, full=ZIPPED),
    right("CE09", zlib.compress(PAGE), "deflate"),
    right("CE10", RAW_DEFLATE, "deflate"),
    right("CE11", gzip.compress(ZIPPED), "gzip, gzip"),
    wrong("CE12", NESTED, ", ".join(["gzip"] * 8), code="body.encoding_chain"),
    wrong("CE13", PAGE, "rot13", code="body.unsupported_encoding", connection="reuse"),
    right("CE14", PAGE, "identity"),
    right("CE15", PAGE, "none"),
    right("CE16", PAGE, "utf-8", warnings=("warn",)),
    right("CE17", b"", "gzip", full=b""),
    wrong("CE18", BOMB, "gzip", code="body.too_large", keep="length"),
    wrong("CE19", gzip.compress(BOMB), "gzip, gzip", code="body.too_large", keep="length"),
    Row(
        "CE20",
        says(head("Content-Encoding: gzip", "Transfer-Encoding: chunked") + chunks_of(*SINGLE)),
        connection="reuse",
    ),
    right("CE21", ZIPPED, "x-gzip"),
    wrong("CE22", ZIPPED, "gzip", "gzip", code="body.decode", connection="reuse"),
    wrong(
        "CE23",
        brotli.compress(bytes(16 * 1024 * 1024), quality=1),
        "br",
        code="body.too_large",
        keep="length",
    ),
    wrong("CE24", zstd_window(27, PAGE), "zstd", code="body.unsupported_encoding"),
    right("CE25", zstd_frame(PAGE) + zstd_frame(b"more"), "zstd", full=PAGE + b"more"),
    Row(
        "CE26",
        says(
            head("Content-Encoding: deflate", "Transfer-Encoding: chunked")
            + chunks_of(DEFLATED[:100], DEFLATED[100:])
        ),
        body=LARGE,
    ),
    right("CE27", brotli.compress(PAGE), "br", asks=(Ask(headers=(("Accept-Encoding", "gzip"),)),)),
    right("CE27-zstd", zstd_frame(PAGE), "zstd", asks=(Ask(headers=(("Accept-Encoding", ""),)),)),
    right("CE28", LONG_NAME, "gzip"),
]
