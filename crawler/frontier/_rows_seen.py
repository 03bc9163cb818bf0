"""Which row holds a page: the newest in memory, all others in a table, by fingerprint.

    put ──► fresh ──merge, in order──► table `seen`        row ──► fresh, else `seen`

Fingerprints come in no order: set down one by one, each would dirty a page of the file of its own,
and in a file of a million URLs that is most of what adding a URL costs. A merge dirties each page
once for many of them. What was not merged is read again from `urls` when the file is opened.
Most URLs are new. So that the table need not be asked for each, a filter knows what is not in it
(B. H. Bloom, Space/time trade-offs in hash coding, 1970): two bits for each of its rows. It is
never full: with more rows it is only wrong more often, and the table is asked. A file that has rows
when it is opened goes without: its first request would have to wait until all were read.
Read beside it: sqlite.py, _schema.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.frontier import _schema

if TYPE_CHECKING:
    from crawler.frontier._schema import Db

_BITS = 1 << 25  # 4 MB; a million rows set one in sixteen, so 1 look in 280 is in vain
_MASK = _BITS - 1
SEEN = 1 << 14  # fresh ones before a merge: 2 MB, and the merge takes some 30 ms at a million URLs


class RowsSeen:
    """The rows of a state file by fingerprint. Its methods raise FrontierError."""

    def __init__(self, db: Db, *, most: int) -> None:
        self._db = db
        self._most = most
        merged = int(_schema.get(db, "merged", "0"))
        self._fresh: dict[int, int] = dict(db.execute(_schema.FRESH, (merged,)))
        self._filter = None if merged else bytearray(_BITS // 8)

    def row(self, fingerprint: int) -> int:
        """The row with the fingerprint; 0 where there is none."""
        row = self._fresh.get(fingerprint)
        if row is None:
            bits = self._filter
            if bits is not None:
                one, two = fingerprint & _MASK, fingerprint >> 32 & _MASK
                if not (bits[one >> 3] >> (one & 7) & bits[two >> 3] >> (two & 7) & 1):
                    return 0
            found = self._db.execute(_schema.SEEN, (fingerprint,)).fetchone()
            row = 0 if found is None else int(found[0])
        return row

    def put(self, fingerprint: int, row: int) -> None:
        """A row was added; rows come in order."""
        self._fresh[fingerprint] = row

    def merge(self) -> None:
        """Within a transaction: take what is fresh into the table, when it is enough."""
        if len(self._fresh) < self._most:
            return
        self._db.executemany(_schema.SEE, sorted(self._fresh.items()))
        _schema.put(self._db, "merged", str(max(self._fresh.values())))
        bits = self._filter
        if bits is not None:
            for fingerprint in self._fresh:
                for bit in (fingerprint & _MASK, fingerprint >> 32 & _MASK):
                    bits[bit >> 3] |= 1 << (bit & 7)
        self._fresh.clear()
