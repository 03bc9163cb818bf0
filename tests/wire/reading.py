"""One response read from bytes in any pieces, told as a value that can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from crawler.errors import FetchError
from crawler.model import Limits
from crawler.wire.parse import ResponseParser

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LIMITS = Limits()


class Read(NamedTuple):
    """What a parser made of some bytes."""

    code: str  # "" for a whole response
    retry: str
    status: int
    reason: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    framing: str
    reusable: bool
    warnings: tuple[str, ...]


def read(
    pieces: Iterable[bytes], *, method: str = "GET", limits: Limits = LIMITS, clean: bool = True
) -> Read:
    """The outcome of these pieces, followed by the end of the connection."""
    parser = ResponseParser(method, limits)
    code = retry = ""
    try:
        for piece in pieces:
            parser.feed(piece)
        reusable = parser.complete and parser.reusable
        parser.end(clean=clean)
    except FetchError as error:
        code, retry, reusable = error.code, error.retry, False
    return Read(
        code,
        retry,
        parser.status,
        parser.reason,
        parser.headers.fields,
        parser.body,
        parser.framing,
        reusable,
        parser.warnings,
    )


def cut(data: bytes, size: int) -> list[bytes]:
    """`data` in pieces of `size` bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def splits(data: bytes) -> Iterator[list[bytes]]:
    """`data` in pieces of 1, 2 and 7, and in two pieces at every offset (100 when long)."""
    for size in (1, 2, 7):
        yield cut(data, size)
    for at in range(1, len(data), 1 + len(data) // 100):
        yield [data[:at], data[at:]]
