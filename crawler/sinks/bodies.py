"""Bodies as files: named by their SHA-256, so no name ever comes from the wire.

    DIR/3f/3f79bb7b...  256 shards, 0700; files 0600; each body once, whole or not at all

Everything happens relative to a descriptor of DIR: moving or replacing the directory while the run
goes on cannot lead a write elsewhere, and no link is followed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat

from crawler.errors import SinkError

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Bodies:
    """The directory that bodies are kept in.

    Raises:
        SinkError: it is no directory, or cannot be made or written.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._shards: dict[str, int] = {}  # at most 256 descriptors
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)  # noqa: PTH103 - raises OSError with path
            self._fd = os.open(path, _DIRECTORY & ~os.O_NOFOLLOW)
        except OSError as error:
            raise SinkError(f"cannot keep bodies in {path!r}: {error.strerror}") from error
        if not os.access(path, os.W_OK | os.X_OK):
            os.close(self._fd)
            raise SinkError(f"cannot keep bodies in {path!r}: it is not writable")

    def keep(self, body: bytes, digest: str) -> str:
        """Keep `body`, whose SHA-256 is `digest`; the file's name below the directory.

        Raises:
            SinkError: the disk is full, the directory is gone, ...
        """
        shard = digest[:2]
        try:
            directory = self._shard(shard)
            if not _is_there(directory, digest, len(body)):
                _write(directory, digest, body)
        except OSError as error:
            message = f"cannot keep a body in {self._path!r}: {error.strerror}"
            raise SinkError(message) from error
        return f"{shard}/{digest}"

    def close(self) -> None:
        """Give the descriptors back."""
        for fd in (*self._shards.values(), self._fd):
            os.close(fd)
        self._shards.clear()

    def _shard(self, name: str) -> int:
        fd = self._shards.get(name)
        if fd is None:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=self._fd)
            fd = self._shards[name] = os.open(name, _DIRECTORY, dir_fd=self._fd)
        return fd


def _is_there(directory: int, name: str, size: int) -> bool:
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == size


def _write(directory: int, name: str, body: bytes) -> None:
    draft = f".{secrets.token_hex(8)}"
    fd = os.open(draft, _NEW, 0o600, dir_fd=directory)
    try:
        try:
            rest = memoryview(body)
            while rest:
                rest = rest[os.write(fd, rest) :]
        finally:
            os.close(fd)
        # rename replaces a link that someone put there, it does not follow it.
        os.rename(draft, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft, dir_fd=directory)
        raise
