"""An output that holds whole records whatever happens: shared by the sinks.

Records are gathered and written together, but never torn apart on purpose: when the disk is full
or a size limit is reached, a regular file is cut back to the end of its last whole record.

Facts: write(2) may take less than it was given and fail only at the next call; ENOSPC and EDQUOT
also come at close(2) (write(2), close(2)); Python ignores SIGXFSZ and SIGPIPE, so EFBIG and EPIPE
come as errors.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from typing import TYPE_CHECKING

from crawler.errors import SinkError

if TYPE_CHECKING:
    from types import TracebackType

GATHER = 64 * 1024  # bytes gathered before they are written
_MODES = {"new": os.O_EXCL, "overwrite": os.O_TRUNC, "append": 0}
_NO_READER = frozenset({errno.EPIPE, errno.ECONNRESET})


class OutputClosed(SinkError):
    """The reader of a pipe went away: nobody wants more, which is no fault."""


class RecordFile:
    """A file or pipe that takes whole records.

    Args:
        path: where to write; ``-`` is stdout.
        mode: ``new`` (an existing file with content is refused), ``overwrite`` or ``append``.

    Raises:
        SinkError: it cannot be opened, or is not ours to replace.
    """

    def __init__(self, path: str, *, mode: str = "new") -> None:
        self.name = "stdout" if path == "-" else path
        self.size = 0  # bytes that hold whole records
        self._gathered: list[bytes] = []
        self._bytes = 0
        self._fd = _open(path, mode)
        status = os.fstat(self._fd)
        self._regular = stat.S_ISREG(status.st_mode) and path != "-"
        if self._regular:
            self.size = status.st_size
            self._mend()

    @property
    def begins(self) -> bool:
        """Whether nothing was written yet, so that a heading belongs here."""
        return self.size == 0 and not self._bytes

    def add(self, record: bytes) -> None:
        """Take one whole record. Raises SinkError, OutputClosed."""
        self._gathered.append(record)
        self._bytes += len(record)
        if self._bytes >= GATHER:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered. Raises SinkError, OutputClosed."""
        if not self._bytes:
            return
        data = memoryview(b"".join(self._gathered))
        self._gathered.clear()
        self._bytes = 0
        done = 0
        try:
            while done < len(data):
                done += self._write(data[done:])
        except OSError as error:
            self._cut(data[:done])
            raise self._failed(error) from error
        self.size += len(data)
        if self._regular and not os.fstat(self._fd).st_nlink:
            raise SinkError(f"{self.name} was removed while it was written")

    def close(self) -> None:
        """Flush and close. Raises SinkError, OutputClosed."""
        if self._fd < 0:
            return
        try:
            self.flush()
        finally:
            fd, self._fd = self._fd, -1
            try:
                os.close(fd)
            except OSError as error:
                raise self._failed(error) from error

    def __enter__(self) -> RecordFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, data: memoryview) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:  # another program made the shared pipe or terminal non-blocking
            select.select([], [self._fd], [], 1.0)
            return 0

    def _cut(self, written: memoryview) -> None:
        """Take a torn record off the end."""
        end = bytes(written).rfind(b"\n") + 1
        if self._regular and end < len(written):
            try:
                os.ftruncate(self._fd, self.size + end)
            except OSError:
                return
        self.size += end

    def _mend(self) -> None:
        """End the half line that a killed run left in a file appended to."""
        if self.size and os.pread(self._fd, 1, self.size - 1) != b"\n":
            self.add(b"\n")
        os.lseek(self._fd, 0, os.SEEK_END)

    def _failed(self, error: OSError) -> SinkError:
        if error.errno in _NO_READER:
            return OutputClosed(f"{self.name}: nobody reads it any more")
        return SinkError(f"cannot write {self.name}: {error.strerror}")


def _open(path: str, mode: str) -> int:
    if path == "-":
        try:
            return os.dup(1)
        except OSError as error:
            raise SinkError(f"cannot write stdout: {error.strerror}") from error
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
    try:
        status = os.stat(path)  # noqa: PTH116 - os.open follows
    except FileNotFoundError:
        status = None
    except (OSError, ValueError) as error:
        raise SinkError(f"cannot write {path!r}: {error}") from error
    if status is not None and not stat.S_ISREG(status.st_mode):
        flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY
    elif status is not None and status.st_size and mode == "new":
        raise SinkError(f"{path!r} exists: give --overwrite or --append, or another name")
    elif status is None or status.st_size:
        flags |= _MODES[mode]
    try:
        return os.open(path, flags, 0o666)
    except OSError as error:
        raise SinkError(f"cannot write {path!r}: {error.strerror}") from error
