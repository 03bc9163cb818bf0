"""Bytes made from bytes: what servers, people and disks do to messages, at random."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

_WORDS = (
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"<", b">", b"\"", b"'", b"&", b"%", b"#",
    b"?", b"*", b"$", b"@", b"//", b"/../", b"[", b"]", b"\xff", b"\xc3\x28", b"\xef\xbb\xbf",
    b"\xfe\xff", b"0", b"-1", b"99999999999999999999", b"HTTP/1.1 200 OK\r\n",
    b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n",
    b"Connection: close\r\n", b"User-agent: *\n", b"Disallow: /\n", b"Allow: ", b"Crawl-delay: ",
    b"Sitemap: ", b"<a href=", b"<base href=//b.example>", b"<svg>", b"<!--", b"-->", b"<script>",
    b"<template>", b"<![CDATA[", b"<!DOCTYPE x [<!ENTITY a \"b\">]>", b"<url><loc>",
    b"</loc></url>", b"<?xml", b"javascript:", b"http:", b"https://", b"xn--", b"%2e%2e",
    b"\xe2\x80\xae", b"\x1b]0;x\x07",
)  # fmt: skip
MOST = 20_000  # bytes


def mutated(seed: bytes, other: bytes, rng: random.Random) -> bytes:
    """The seed after one to eight changes; `other` gives parts to it."""
    data = seed
    for _ in range(rng.randint(1, 8)):
        data = _CHANGES[rng.randrange(len(_CHANGES))](data, other, rng)
    return data[:MOST]


def _flipped(data: bytes, _other: bytes, rng: random.Random) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _without(data: bytes, _other: bytes, rng: random.Random) -> bytes:
    start, size = rng.randint(0, len(data)), rng.choice((1, 1, 2, 8, 64))
    return data[:start] + data[start + size :]


def _with_word(data: bytes, _other: bytes, rng: random.Random) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice(_WORDS) + data[at:]


def _twice(data: bytes, _other: bytes, rng: random.Random) -> bytes:
    start = rng.randint(0, len(data))
    end = min(len(data), start + rng.choice((1, 4, 32, 200)))
    return data[:end] + data[start:end] * rng.choice((1, 1, 2, 50)) + data[end:]


def _spliced(data: bytes, other: bytes, rng: random.Random) -> bytes:
    return data[: rng.randint(0, len(data))] + other[rng.randint(0, len(other)) :]


def _cut(data: bytes, _other: bytes, rng: random.Random) -> bytes:
    return data[: rng.randint(0, len(data))]


def _packed(data: bytes, _other: bytes, rng: random.Random) -> bytes:
    return rng.choice((gzip.compress, zlib.compress))(data[: MOST // 2])


_CHANGES = (_flipped, _flipped, _without, _with_word, _with_word, _twice, _spliced, _cut, _packed)
