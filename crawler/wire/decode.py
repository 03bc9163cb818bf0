"""A body out of its content codings (RFC 9110 8.4), never larger than the limit allows.

    raw ──► last coding named ──► ... ──► first coding named ──► body

The stages are generators over small pieces, so none holds more than a piece: a bomb in a bomb (338
bytes that are 100 MiB) costs some hundred KiB before the limit stops it. Every step has to consume
or produce, else it is an error. Read beside it: codings.py, what each coding is.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

from crawler import charset
from crawler.errors import BodyTooLarge, DecodeError
from crawler.wire.codings import CODINGS, GZIP_MAGIC, Coding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crawler.model import Limits

_PIECE = 64 * 1024  # bytes a stage hands on at once
_NO_CODING = frozenset({"identity", "none"})
# Seen in the field where Content-Encoding has no business; the body is as it is.
_NOT_A_CODING = frozenset({"binary", "7bit", "8bit", "aws-chunked"})
_TRAILING = "warn.trailing_garbage"
_MISLABELLED = "warn.encoding_mislabelled"


class Decoded(NamedTuple):
    """A body and what was odd about its codings."""

    body: bytes
    warnings: tuple[str, ...]


def decode(raw: bytes, encodings: str | Sequence[str], limits: Limits) -> Decoded:
    """The body that `raw` encodes, given the Content-Encoding values in their order.

    Raises:
        DecodeError: a coding is unknown, or the data is damaged or cut short.
        BodyTooLarge: some stage gives more than `Limits.max_bytes`.
            Both carry what was decoded as `prefix`.
    """
    text = encodings if isinstance(encodings, str) else ",".join(encodings)
    codings, warnings = _codings(text, limits)
    if not raw or not codings:
        return Decoded(raw, warnings)
    if len(codings) == 1 and codings[0] is CODINGS["gzip"]:
        if not raw.startswith(GZIP_MAGIC) and not GZIP_MAGIC.startswith(raw):
            return Decoded(raw, (*warnings, _MISLABELLED))
        body = _gunzip(raw, limits)
        if body is not None:
            return Decoded(body, warnings)
    return _decode_pieces(raw, codings, warnings, limits)


def _codings(text: str, limits: Limits) -> tuple[list[Coding], tuple[str, ...]]:
    """The codings named, first applied first, and warnings about what is none."""
    labels = [label for part in text.split(",") if (label := part.strip(" \t").lower())]
    if len(labels) > limits.encodings:
        message = f"{len(labels)} content codings are stacked, more than {limits.encodings}"
        raise DecodeError(message, code="body.encoding_chain")
    codings = []
    warnings: tuple[str, ...] = ()
    for label in labels:
        if label in CODINGS:
            codings.append(CODINGS[label])
        elif label in _NOT_A_CODING or charset.is_label(label):
            warnings = (_MISLABELLED,)
        elif label not in _NO_CODING:
            message = f"the content coding is not supported: {label[:60]!a}"
            raise DecodeError(message, code="body.unsupported_encoding")
    return codings, warnings


def _gunzip(raw: bytes, limits: Limits) -> bytes | None:
    """The body of one sound gzip member, which is nearly every body; None for anything else."""
    inflater = zlib.decompressobj(31)
    try:
        body = inflater.decompress(raw, limits.max_bytes + 1)
    except zlib.error:
        return None
    whole = inflater.eof and not inflater.unused_data
    return body if whole and len(body) <= limits.max_bytes else None


def _decode_pieces(
    raw: bytes, codings: list[Coding], warnings: tuple[str, ...], limits: Limits
) -> Decoded:
    odd: list[str] = []
    pieces: Iterator[bytes] = (raw[at : at + _PIECE] for at in range(0, len(raw), _PIECE))
    for coding in reversed(codings):
        pieces = _capped(_undone(pieces, coding, limits, odd), limits)
    body = bytearray()
    try:
        for piece in pieces:
            body += piece
    except (DecodeError, BodyTooLarge) as error:
        if error.retry != "once" or error.code != "body.decode":
            error.prefix = bytes(body[: limits.max_bytes])
        raise
    return Decoded(bytes(body), warnings + tuple(dict.fromkeys(odd)))


def _capped(pieces: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        yield piece
        if size > limits.max_bytes:
            raise BodyTooLarge(f"the decoded body exceeds {limits.max_bytes} bytes")


def _undone(
    pieces: Iterator[bytes], coding: Coding, limits: Limits, odd: list[str]
) -> Iterator[bytes]:
    """The pieces with one coding undone."""
    member = coding.open(limits)
    rest = b""
    begun = False
    for piece in pieces:
        begun = True
        rest += piece
        while rest or not (member.eof or member.needs_input):
            if member.eof:
                further = coding.begins(rest)
                if further is None:
                    break  # too short to tell
                if not further:
                    odd += [_TRAILING] if rest.strip(b"\0") else []  # padding is nothing odd
                    _drain(pieces)
                    return
                member = coding.open(limits)
            out = member.decompress(rest, _PIECE)
            rest = member.unused_data if member.eof else b""
            if out:
                yield out
            elif not (member.eof or member.needs_input):
                raise DecodeError(f"decoding {coding.name} makes no progress")
    if begun and not member.eof:
        message = f"the {coding.name} data ends too early"
        raise DecodeError(message, code="body.decode_incomplete")
    if rest:
        odd.append(_TRAILING)


def _drain(pieces: Iterator[bytes]) -> None:
    """Read on to the end, so that damage further up is still found."""
    for _ in pieces:
        pass
