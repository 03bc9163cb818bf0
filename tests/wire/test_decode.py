"""Content codings undone: the CE rows of the catalogue, and bombs."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
import tracemalloc
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import BodyTooLarge, DecodeError
from crawler.model import Limits
from crawler.wire.decode import decode

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LIMITS = Limits()
SMALL = Limits(max_bytes=1000)
PAGE = b"<html>" + random.Random(1).randbytes(60_000) + b"</html>" * 5000  # some pieces long
MEGABYTE = 1024 * 1024


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


ENCODE = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda data: brotli.compress(data, quality=4),
    "zstd": zstd.compress,
}


def named_gzip(data: bytes) -> bytes:
    """A gzip member with a file name of 1 MB."""
    packed = gzip.compress(data)
    return packed[:3] + b"\x08" + packed[4:10] + b"n" * 10**6 + b"\0" + packed[10:]


@pytest.mark.parametrize("name", ENCODE)
def test_each_coding_is_undone(name):
    for body in (PAGE, b"", b"x"):
        assert decode(ENCODE[name](body), name, LIMITS) == (body, ())
    assert decode(b"", name, LIMITS) == (b"", ())  # CE17


@pytest.mark.parametrize(
    ("raw", "encodings", "body", "warnings"),
    [
        (gzip.compress(b"a") + gzip.compress(b"b"), "gzip", b"ab", ()),  # CE05
        (gzip.compress(b"a") + b"garbage", "gzip", b"a", ("warn.trailing_garbage",)),  # CE06
        (gzip.compress(b"a") + b"\x1f", "gzip", b"a", ("warn.trailing_garbage",)),
        (gzip.compress(b"a") + b"\0" * 512, "gzip", b"a", ()),
        (b"plain text", "gzip", b"plain text", ("warn.encoding_mislabelled",)),  # CE07
        (raw_deflate(PAGE), "deflate", PAGE, ()),  # CE10
        (zlib.compress(b"a") + b"garbage", "deflate", b"a", ("warn.trailing_garbage",)),  # CE26
        (gzip.compress(gzip.compress(PAGE)), "gzip, gzip", PAGE, ()),  # CE11
        (gzip.compress(gzip.compress(PAGE)), ["gzip", "gzip"], PAGE, ()),
        (b"a", "identity", b"a", ()),  # CE14
        (b"a", "none", b"a", ()),  # CE15
        (b"a", "", b"a", ()),
        (b"a", "UTF-8", b"a", ("warn.encoding_mislabelled",)),  # CE16
        (gzip.compress(b"a"), "aws-chunked, GZip ,", b"a", ("warn.encoding_mislabelled",)),
        (zstd.compress(b"a") + zstd.compress(b"b"), "zstd", b"ab", ()),  # CE25
        (b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstd.compress(b"a"), "zstd", b"a", ()),
        (named_gzip(b"a"), "gzip", b"a", ()),  # CE28
        (brotli.compress(zstd.compress(gzip.compress(PAGE))), "gzip, zstd, br", PAGE, ()),
    ],
)
def test_what_is_odd_but_readable_is_read(raw, encodings, body, warnings):
    assert decode(raw, encodings, LIMITS) == (body, warnings)


GZIPPED = gzip.compress(PAGE)
LINES = gzip.compress(b"".join(b"line %d\n" % number for number in range(5000)))


@pytest.mark.parametrize(
    ("raw", "encodings", "code", "retry", "prefix"),
    [
        (GZIPPED[:-9], "gzip", "body.decode_incomplete", "once", PAGE),  # CE02
        (GZIPPED[:30_000], "gzip", "body.decode_incomplete", "once", PAGE[:29_000]),
        (b"\x1f", "gzip", "body.decode_incomplete", "once", b""),
        (b"x", "deflate", "body.decode_incomplete", "once", b""),
        (GZIPPED[:-8] + b"\0" * 8, "gzip", "body.decode", "no", PAGE),  # CE03
        (LINES[:1000] + b"\0" * 500, "gzip", "body.decode", "once", b""),  # CE04
        (b"\x1f\x8b\x07" + b"\0" * 20, "gzip", "body.decode", "no", b""),
        (gzip.compress(b"a" * 99), "gzip, gzip", "body.decode", "no", b""),  # CE22
        (b"\xff not deflate", "deflate", "body.decode", "once", b""),
        (b"not brotli at all", "br", "body.decode", "once", b""),
        (b"not zstd", "zstd", "body.decode", "once", b""),
        (zstd.compress(PAGE)[:-9], "zstd", "body.decode_incomplete", "once", b""),
        (brotli.compress(PAGE)[:-9], "br", "body.decode_incomplete", "once", PAGE[:10_000]),
        (b"a", "rot13", "body.unsupported_encoding", "no", b""),  # CE13
        (b"a", "compress", "body.unsupported_encoding", "no", b""),
        (b"a", ", ".join(["gzip"] * 8), "body.encoding_chain", "no", b""),  # CE12
    ],
)
def test_damage_is_told_with_what_was_decoded_before(raw, encodings, code, retry, prefix):
    with pytest.raises(DecodeError) as caught:
        decode(raw, encodings, LIMITS)

    assert (caught.value.code, caught.value.retry) == (code, retry)
    assert caught.value.prefix.startswith(prefix)
    assert PAGE.startswith(caught.value.prefix)


def test_a_zstd_window_over_the_limit_is_refused():
    """CE24. RFC 8878 lets a decoder refuse windows over 8 MiB."""
    window = {zstd.CompressionParameter.window_log: 27}
    packer = zstd.ZstdCompressor(options=window)
    raw = packer.compress(b"x" * 100) + packer.flush()

    with pytest.raises(DecodeError) as caught:
        decode(raw, "zstd", LIMITS)

    assert caught.value.code == "body.unsupported_encoding"


def test_a_body_of_exactly_the_limit_is_whole():
    for name, encode in ENCODE.items():
        assert decode(encode(b"x" * 1000), name, SMALL).body == b"x" * 1000
        with pytest.raises(BodyTooLarge) as caught:
            decode(encode(b"x" * 1001), name, SMALL)
        assert caught.value.code == "body.too_large"
        assert caught.value.prefix == b"x" * 1000


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(b"\0" * MEGABYTE) for _ in range(size // MEGABYTE)]
    return b"".join(parts) + packer.flush()


@pytest.mark.parametrize(
    ("wrap", "encodings"),
    [
        (lambda raw: raw, "gzip"),  # CE18
        (gzip.compress, "gzip, gzip"),  # CE19
        (lambda raw: brotli.compress(gzip.compress(raw)), "gzip, gzip, br"),
        (lambda _: brotli.compress(b"\0" * 50 * MEGABYTE, quality=4), "br"),  # CE23
        (lambda _: zstd.compress(b"\0" * 50 * MEGABYTE), "zstd"),
        (lambda _: gzip.compress(b"") * 400_000, "gzip"),
    ],
)
def test_a_bomb_stops_at_the_limit_in_little_memory(wrap, encodings):
    raw = wrap(bomb(100 * MEGABYTE))
    limits = Limits(max_bytes=MEGABYTE)
    tracemalloc.start()
    try:
        decoded = decode(raw, encodings, limits).body
    except BodyTooLarge as error:
        decoded = error.prefix
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(decoded) in {0, MEGABYTE}
    assert peak < 8 * MEGABYTE


def test_a_middle_stage_is_held_to_the_limit_too():
    """Much between two codings that ends as one byte: the work is bounded, not only the result."""
    middle = gzip.compress(b"") * 5000 + gzip.compress(b"x")

    with pytest.raises(BodyTooLarge):
        decode(gzip.compress(middle), "gzip, gzip", SMALL)


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "br", "zstd", "gzip, br"]))
def test_any_bytes_end_in_a_body_or_an_error_of_ours(raw, encodings):
    for data in (raw, gzip.compress(raw)[:-1] + raw, brotli.compress(raw) + raw):
        got = b""
        try:
            got = decode(data, encodings, SMALL).body
        except (DecodeError, BodyTooLarge) as error:
            got = error.prefix

        assert len(got) <= 1000


@given(st.binary(max_size=900), st.lists(st.sampled_from(sorted(ENCODE)), min_size=1, max_size=5))
def test_what_was_encoded_comes_back(body, names):
    raw = body
    for name in names:
        raw = ENCODE[name](raw)

    assert decode(raw, names, Limits(max_bytes=5000)).body == body


def test_brotli_and_zstd_are_loaded_when_they_are_needed():
    program = (
        "import sys, crawler.wire.decode; "
        "print(sorted({'brotli', 'backports.zstd', 'compression.zstd'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert done.stdout.strip() == b"[]"
