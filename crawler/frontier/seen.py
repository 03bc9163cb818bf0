"""Which URLs were seen, in bounded memory.

A table of 8-byte fingerprints with linear probing: 16 bytes per URL instead of the 100 that a
Python set of integers takes. It doubles until `MOST` entries (a 32 MiB table); then it becomes the
older of two generations and a new one begins. So the last 2.8 million distinct URLs are always
known, and a longer list may fetch a very distant duplicate twice rather than run out of memory.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b

_FIRST = 1 << 12  # slots
MOST = 1 << 22  # slots of one generation


class Seen:
    """A set of URLs that answers only one question. False positives: 1 in 10^12 at 10^7 URLs."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._table = _empty(min(_FIRST, most))
        self._older: array[int] | None = None
        self._used = 0

    def add(self, url: str) -> bool:
        """Remember `url`; False when it was known already."""
        key = int.from_bytes(blake2b(url.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        key = key or 1  # 0 marks a free slot
        if self._older is not None and self._older[_slot(self._older, key)] == key:
            return False
        slot = _slot(self._table, key)
        if self._table[slot] == key:
            return False
        self._table[slot] = key
        self._used += 1
        if self._used * 3 > len(self._table) * 2:
            self._grow()
        return True

    def _grow(self) -> None:
        self._used = 0
        if len(self._table) >= self._most:
            self._older = self._table
            self._table = _empty(len(self._table))
            return
        old, self._table = self._table, _empty(len(self._table) * 2)
        for key in old:
            if key:
                self._table[_slot(self._table, key)] = key
                self._used += 1


def _empty(slots: int) -> array[int]:
    return array("Q", bytes(8 * slots))


def _slot(table: array[int], key: int) -> int:
    """Where `key` stands, or the free slot where it would."""
    mask = len(table) - 1
    slot = key & mask
    while table[slot] and table[slot] != key:
        slot = (slot + 1) & mask
    return slot
