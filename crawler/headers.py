r"""Header fields of a response, taken apart only as far as somebody asks.

    b"\nserver:nginx\r\ncontent-type:text/html\r\n"  ──► get("Content-Type"): one search
                                                     └─► fields: all of them split, once

Read beside it: model.py (the response they belong to), wire/head.py (which block is accepted).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeVar, overload

T = TypeVar("T")

_SECRET = re.compile(
    r"auth|cookie|token|secret|passw|session|credential|signature|api-?key|-key\Z", re.IGNORECASE
)


def is_secret(name: str) -> bool:
    """Whether a request's field of that name holds what is not to be shown or archived."""
    return _SECRET.search(name.strip()) is not None


class Headers(Mapping[str, str]):
    """Header fields in the order they came, looked up without regard to case.

    ``headers["content-type"]`` is the first field of that name; `all` gives every one. Values are
    latin-1 text: byte for byte what was sent, so pass them through `safe_text` before showing them.
    """

    __slots__ = ("_block", "_fields", "_first", "_low")

    def __init__(self, fields: tuple[tuple[str, str], ...] = ()) -> None:
        self._fields: tuple[tuple[str, str], ...] | None = fields
        self._first: dict[str, str] | None = None
        self._block = b""
        self._low = b""

    @classmethod
    def of_block(cls, block: bytes, low: bytes) -> Headers:
        r"""Fields still unsplit: ``b"\n"``, then ``b"name:value\r\n"`` each; `low` in lower case.

        Most responses are asked for one or two fields: those are found without taking all apart.
        """
        headers = cls.__new__(cls)
        headers._fields = headers._first = None
        headers._block = block
        headers._low = low
        return headers

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Every field as (name, value)."""
        if self._fields is None:
            lines = self._block.decode("latin-1")[1:-2].split("\r\n")
            pairs = [line.partition(":") for line in lines if line]
            self._fields = tuple([(name, value.strip(" \t")) for name, _, value in pairs])
        return self._fields

    def _index(self) -> dict[str, str]:
        if self._first is None:
            self._first = {name.lower(): value for name, value in reversed(self.fields)}
        return self._first

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    @overload
    def get(self, name: str, default: None = None, /) -> str | None: ...
    @overload
    def get(self, name: str, default: str, /) -> str: ...
    @overload
    def get(self, name: str, default: T, /) -> str | T: ...
    def get(self, name: str, default: object = None, /) -> object:
        """The value of the first field of that name, else `default`."""
        if self._fields is not None:
            return self._index().get(name.lower(), default)
        at = self._low.find(_key(name))
        if at < 0:
            return default
        start = at + len(name) + 2
        value = self._block[start : self._block.index(b"\r", start)]
        return value.strip(b" \t").decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return iter(self._index())

    def __len__(self) -> int:
        return len(self._index())

    def __contains__(self, name: object) -> bool:
        if self._fields is None and isinstance(name, str):
            return _key(name) in self._low
        return isinstance(name, str) and name.lower() in self._index()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.fields == other.fields

    def __hash__(self) -> int:
        return hash(self.fields)

    def __repr__(self) -> str:
        return f"Headers({self.fields!r})"

    def __reduce__(self) -> tuple[type[Headers], tuple[tuple[tuple[str, str], ...]]]:
        return Headers, (self.fields,)

    def all(self, name: str) -> list[str]:
        """The values of every field of that name, in order."""
        wanted = name.lower()
        if self._fields is None and _key(name) not in self._low:
            return []
        return [value for field, value in self.fields if field.lower() == wanted]


@lru_cache(maxsize=256)
def _key(name: str) -> bytes:
    return f"\n{name.lower()}:".encode("utf-8", "replace")
