"""An output that holds whole records whatever happens: shared by the sinks.

Records are gathered and written together, but never torn apart on purpose: when the disk is full
or a size limit is reached, a regular file is cut back to the end of its last whole record.

    mark()  "10485760:9f3c01ab"     bytes that are whole, and a checksum of the last of them
    sync()                          they outlive a power cut from here on (fsync)
    mode="resume", mark=...         the file again, cut back to its mark

Facts: write(2) may take less than it was given and fail only at the next call; ENOSPC and EDQUOT
also come at close(2) (write(2), close(2)); Python ignores SIGXFSZ and SIGPIPE, so EFBIG and EPIPE
come as errors. What write(2) took outlives the process, kill -9 included, but no power cut: for
that there is fsync(2), of the directory too when the file is new.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
from typing import TYPE_CHECKING
from zlib import crc32

from crawler.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

GATHER = 64 * 1024  # bytes gathered before they are written
_TAIL = 256  # bytes before the mark that its checksum is of
_MODES = {"new": os.O_EXCL, "overwrite": os.O_TRUNC, "append": 0, "resume": os.O_EXCL}
_NO_READER = frozenset({errno.EPIPE, errno.ECONNRESET})


class OutputClosed(SinkError):
    """The reader of a pipe went away: nobody wants more, which is no fault."""


class RecordFile:
    """A file or pipe that takes whole records.

    After a SinkError nothing more is taken and there is no mark: what was not written is lost, and
    a file that went on would have a gap.

    Args:
        path: where to write; ``-`` is stdout.
        mode: ``new`` (an existing file with content is refused), ``overwrite``, ``append``, or
            ``resume``.
        mark: of an earlier `mark()`, to resume from; "" when there was none yet. Only regular files
            have marks.
        heading: what a file begins with.
        lines: every record ends in a newline, so that a torn one can be told.

    Raises:
        SinkError: it cannot be opened, is not ours to replace, or not what the mark is of.
    """

    def __init__(
        self, path: str, *, mode: str = "new", mark: str = "", heading: bytes = b"",
        lines: bool = True,
    ) -> None:  # fmt: skip
        self.name = "stdout" if path == "-" else path
        self.size = 0  # bytes that hold whole records
        self._gathered: list[bytes] = []
        self._bytes = 0
        self._fault: SinkError | None = None
        self._mark = ""
        self._marked = -1  # the size that the mark is of
        self._fd = _resumed(path, mark) if mark else _open(path, mode, heading)
        try:
            status = os.fstat(self._fd)
            self._regular = stat.S_ISREG(status.st_mode) and path != "-"
            if self._regular:
                self.size = status.st_size
                self._begin(heading, lines=lines, fresh=not mark)
            if self.begins and heading:
                self.add(heading)
        except OSError as error:
            os.close(self._fd)
            raise self._failed(error) from error
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def begins(self) -> bool:
        """Whether nothing was written yet, so that a heading belongs here."""
        return self.size == 0 and not self._bytes

    def add(self, record: bytes) -> None:
        """Take one whole record. Raises SinkError, OutputClosed."""
        if self._fault is not None:
            raise self._fault
        self._gathered.append(record)
        self._bytes += len(record)
        if self._bytes >= GATHER:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered. Raises SinkError, OutputClosed."""
        if self._fault is not None:
            raise self._fault
        if not self._bytes:
            return
        data = memoryview(b"".join(self._gathered))
        ends = [len(record) for record in self._gathered]
        self._gathered.clear()
        self._bytes = 0
        done = 0
        try:
            while done < len(data):
                done += self._write(data[done:])
        except OSError as error:
            self._cut(done, ends)
            self._fault = self._failed(error)
            raise self._fault from error
        self.size += len(data)
        with self._faults():
            if self._regular and not os.fstat(self._fd).st_nlink:
                raise SinkError(f"{self.name} was removed while it was written")

    def mark(self) -> str:
        """Flush; how much of the file is whole, "" where that cannot be resumed.

        Raises:
            SinkError, OutputClosed: what was taken cannot be written.
        """
        self.flush()
        if not self._regular:
            return ""
        if self._marked != self.size:
            with self._faults():
                self._mark = f"{self.size}:{_checksum(self._fd, self.size):08x}"
            self._marked = self.size
        return self._mark

    def sync(self) -> None:
        """Wait until what was flushed is on the disk. Raises SinkError, OutputClosed."""
        self.flush()
        if self._regular:
            with self._faults():
                os.fsync(self._fd)

    def close(self) -> None:
        """Flush and close. Raises SinkError, OutputClosed."""
        if self._fd < 0:
            return
        try:
            if self._fault is None:
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

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        """Whatever fails here ends the file: nothing more is taken."""
        try:
            yield
        except SinkError as error:
            self._fault = error
            raise
        except OSError as error:
            self._fault = self._failed(error)
            raise self._fault from error

    def _write(self, data: memoryview) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:  # another program made the shared pipe or terminal non-blocking
            select.select([], [self._fd], [], 1.0)
            return 0

    def _cut(self, done: int, ends: list[int]) -> None:
        """Take a torn record off the end."""
        whole = 0
        for length in ends:
            if whole + length > done:
                break
            whole += length
        if self._regular and whole < done:
            try:
                os.ftruncate(self._fd, self.size + whole)
            except OSError:
                return
        self.size += whole

    def _begin(self, heading: bytes, *, lines: bool, fresh: bool) -> None:
        """Look at what is there, and go to its end."""
        if fresh and not self.size:
            sync_directory(self.name)
        found = os.pread(self._fd, len(heading), 0)
        if self.size and found != heading:
            raise SinkError(
                f"{self.name!r} has other columns: give the options it was begun with, or another"
                " name"
            )
        # The half line that a killed run left is ended, so that what follows stands alone.
        if lines and self.size and os.pread(self._fd, 1, self.size - 1) != b"\n":
            self.add(b"\n")
        os.lseek(self._fd, 0, os.SEEK_END)

    def _failed(self, error: OSError) -> SinkError:
        if error.errno in _NO_READER:
            return OutputClosed(f"{self.name}: nobody reads it any more")
        return SinkError(f"cannot write {self.name}: {error.strerror}")


def _open(path: str, mode: str, heading: bytes) -> int:
    if path == "-":
        try:
            return os.dup(1)
        except OSError as error:
            raise SinkError(f"cannot write stdout: {error.strerror}") from error
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
    status = _status(path)
    if status is not None and not stat.S_ISREG(status.st_mode):
        flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY
    elif status is None:
        flags |= _MODES[mode]
    elif status.st_size and mode == "resume" and _is_begun(path, heading):
        flags |= os.O_TRUNC
    elif status.st_size and mode in {"new", "resume"}:
        raise SinkError(f"{path!r} exists: give --overwrite or --append, or another name")
    elif status.st_size:
        flags |= _MODES[mode]
    try:
        return os.open(path, flags, 0o666)
    except OSError as error:
        raise SinkError(f"cannot write {path!r}: {error.strerror}") from error


def _resumed(path: str, mark: str) -> int:
    """The file that the mark is of, cut back to it."""
    size, _, checksum = mark.partition(":")
    if not (size.isascii() and size.isdigit()):
        raise SinkError(f"cannot go on with {path!r}: {mark!r} is no mark of a file")
    advice = "put it back, or name another output"
    status = _status(path)
    if status is None:
        raise SinkError(f"{path!r} is gone, and {size} bytes of this crawl were in it: {advice}")
    if not stat.S_ISREG(status.st_mode):
        raise SinkError(f"{path!r} was a file with {size} bytes and is none any more: {advice}")
    if status.st_size < int(size):
        raise SinkError(
            f"{path!r} has {status.st_size} bytes, and this crawl had written {size}: it was cut or"
            f" replaced; {advice}"
        )
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            if f"{_checksum(fd, int(size)):08x}" != checksum:
                raise SinkError(
                    f"{path!r} does not hold what this crawl had written up to byte {size}: it was"
                    f" replaced or changed; {advice}"
                )
            os.ftruncate(fd, int(size))
        except BaseException:
            os.close(fd)
            raise
    except OSError as error:
        raise SinkError(f"cannot write {path!r}: {error.strerror}") from error
    return fd


def _is_begun(path: str, heading: bytes) -> bool:
    """Whether a file holds a heading of ours, torn perhaps, and nothing else."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as the path was given
            found = file.read(len(heading) + 1)
    except OSError:
        return False
    return heading.startswith(found)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - os.open follows
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SinkError(f"cannot write {path!r}: {error}") from error


def _checksum(fd: int, size: int) -> int:
    begin = max(0, size - _TAIL)
    return crc32(os.pread(fd, size - begin, begin))


def sync_directory(path: str) -> None:
    """Make a new name last; where a directory cannot be synced there is nothing to be done."""
    try:
        folder = os.path.dirname(os.path.realpath(path))  # noqa: PTH120 - of what a link leads to
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(fd)
    except OSError:
        return
    finally:
        os.close(fd)
