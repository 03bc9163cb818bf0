"""WARC 1.1: what crossed the wire, in the form that archives keep (ISO 28500:2017).

    pages.warc.gz          up to --warc-size, then
    pages-00001.warc.gz    the next part
    pages-00002.warc.gz    ...

Every part begins with a warcinfo record and stands alone. The records of one fetch are written in
one piece, so that none is without its request; each is a gzip member of its own, so that a part
that is cut at a mark is whole. What was never answered has no record here. Read beside it:
_warc_records.py.
"""

from __future__ import annotations

import os
import re
import stat
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crawler.errors import SinkError
from crawler.sinks import WARC_SIZE
from crawler.sinks._file import RecordFile
from crawler.sinks._warc_records import Records

if TYPE_CHECKING:
    from crawler.model import Final

_SUFFIX = re.compile(r"(\.warc)?(\.gz)?\Z", re.IGNORECASE)
_IDENTITY = re.compile(rb"\r\nWARC-Record-ID: (<[^>\r\n]*>)\r\n")
_FIRST = 64 * 1024  # bytes in which the first record is looked for
_MOST = 99_999  # parts


class WarcFile:
    """A sink of WARC records.

    Args:
        path: of the first part; compressed when it ends in ``.gz``.
        mode: ``new``, ``overwrite``, ``append`` or ``resume``.
        mark: with ``resume``, what it is cut back to.
        size: bytes after which the next part begins.
        proxied: exchanges go through a proxy.

    Raises:
        SinkError: it cannot be opened, is not ours to replace, or not what the mark is of.
    """

    def __init__(
        self, path: str, *, mode: str = "new", mark: str = "", size: int = WARC_SIZE,
        proxied: bool = False,
    ) -> None:  # fmt: skip
        self._path = path
        self._size = size
        self._records = Records(compress=path.lower().endswith(".gz"), proxied=proxied)
        self._part = 0
        self._closed = False
        self._began = False  # a record beside the first is in this part
        if mark:
            self._file = self._cut_back(mark)
        else:
            self._file = self._opened(mode)
        if self._file.begins:
            self._begin()
        else:
            self._records.warcinfo = _identity_in(self._name(self._part))

    def write(self, outcome: Final) -> None:
        records = self._records.of(outcome)
        if not records:
            return
        if self._began and self._written >= self._size:
            self._next()
        self._file.add(records)
        self._written += len(records)
        self._began = True

    def flush(self) -> None:
        """Write what was gathered. Raises SinkError."""
        self._file.flush()

    def mark(self) -> str:
        """Flush; the number of the part, and how much of it is whole. Raises SinkError."""
        mark = self._file.mark()
        return f"{self._part}:{mark}" if mark else ""

    def sync(self) -> None:
        """Wait until all of it is on the disk. Raises SinkError."""
        self._file.sync()

    def close(self) -> None:
        self._file.close()

    def _opened(self, mode: str) -> RecordFile:
        later = self._name(1)
        if mode == "overwrite":
            self._delete_from(1)
        elif mode == "append":
            # In a part of its own: the last one may be torn, if it was not closed.
            while self._part < _MOST and _holds(self._name(self._part)):
                self._part += 1
        elif os.path.lexists(later):
            raise SinkError(f"{later!r} exists: give --overwrite or --append, or another name")
        name = self._name(self._part)
        if mode == "resume" and _is_begun(name):
            mode = "overwrite"
        file = RecordFile(name, mode=mode, lines=False)
        self._written = file.size
        self._began = file.size > 0
        return file

    def _cut_back(self, mark: str) -> RecordFile:
        """The part of the mark, cut back to it, without those that came later."""
        number, _, rest = mark.partition(":")
        if not (number.isascii() and number.isdigit() and rest):
            raise SinkError(f"cannot go on with {self._path!r}: {mark!r} is no mark of a WARC file")
        self._part = int(number)
        for part in range(self._part):
            if not os.path.lexists(self._name(part)):
                raise SinkError(
                    f"{self._name(part)!r} is gone, and this crawl had written it: put it back, or"
                    " name another output"
                )
        file = RecordFile(self._name(self._part), mode="resume", mark=rest, lines=False)
        self._delete_from(self._part + 1)
        self._written = file.size
        self._began = file.size > 0
        return file

    def _next(self) -> None:
        """End this part, and begin the next."""
        file = self._file
        if not file.mark() or self._part >= _MOST:
            return  # a pipe or a device has no parts
        file.sync()
        file.close()
        self._part += 1
        self._file = RecordFile(self._name(self._part), mode="new", lines=False)
        self._begin()

    def _begin(self) -> None:
        name = os.path.basename(self._name(self._part))  # noqa: PTH119 - of a text as it was given
        record = self._records.begin(name, datetime.now(UTC))
        self._file.add(record)
        self._written = len(record)
        self._began = False

    def _name(self, part: int) -> str:
        if not part:
            return self._path
        end = _SUFFIX.search(self._path)
        at = end.start() if end else len(self._path)
        return f"{self._path[:at]}-{part:05}{self._path[at:]}"

    def _delete_from(self, first: int) -> None:
        """Delete that part and those after it, the last one first: a process that is killed here
        leaves no gap, behind which the next one would not look.
        """
        part = first
        while part <= _MOST and _is_file(self._name(part)):
            part += 1
        try:
            while part > first:
                part -= 1
                os.unlink(self._name(part))  # noqa: PTH108 - raises OSError with the name
        except OSError as error:
            raise SinkError(f"cannot delete {self._name(part)!r}: {error.strerror}") from error


def _is_file(name: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(name).st_mode)
    except OSError:
        return False


def _holds(name: str) -> bool:
    try:
        return os.stat(name).st_size > 0  # noqa: PTH116 - as RecordFile does
    except OSError:
        return False


def _first_record(name: str) -> tuple[bytes, bool]:
    """The first record of a file as far as it is there, and whether anything follows it."""
    try:
        with open(name, "rb") as file:  # noqa: PTH123 - as the name was given
            data = file.read(_FIRST)
    except OSError:
        return b"", False
    if not data.startswith(b"\x1f\x8b"):
        end = data.find(b"\r\n\r\n\r\n")
        return data, len(data) > end + 6 if end >= 0 else len(data) == _FIRST
    unpacker = zlib.decompressobj(31)
    try:
        return unpacker.decompress(data, _FIRST), bool(unpacker.unused_data)
    except zlib.error:
        return b"", True


def _is_begun(name: str) -> bool:
    """Whether a file has a first record of ours, torn perhaps, and nothing else."""
    if not _is_file(name):
        return False
    record, more = _first_record(name)
    ours = b"WARC/1.1\r\nWARC-Type: warcinfo\r\n"
    return not more and bool(record) and (record.startswith(ours) or ours.startswith(record))


def _identity_in(name: str) -> str:
    found = _IDENTITY.search(_first_record(name)[0])
    return found[1].decode("latin-1") if found else ""
