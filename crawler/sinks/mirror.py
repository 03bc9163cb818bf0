"""A crawl as files to browse: ``--mirror DIR``.

    write(page) ──► DIR/example.org/a/index.html      as it came, content decoded
    close()     ──► the links of every HTML page and style sheet lead to the files that are there

Every whole page with status 200 is kept, under a name made of its URL (_places.py). A file is
written beside and renamed, so that it is there whole or not at all; a page that is fetched again
takes the place of the older one, so a second run, or one that goes on, leaves what one run would.

Everything happens relative to a descriptor of DIR, one name at a time: no link is followed, nothing
is written elsewhere, whatever stood in DIR before. Read beside it: _relinked.py, _mirror_index.py.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections import OrderedDict
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import quote

from crawler import sniffing, styles
from crawler.charset import sniff
from crawler.errors import SinkError
from crawler.model import Response
from crawler.sinks._mirror_index import NAME, Index
from crawler.sinks._relinked import relinked, sheet_relinked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawler.model import Final

_DRAFT = ".crawl-mirror.draft"
_OURS = frozenset({NAME, f"{NAME}-wal", f"{NAME}-shm", f"{NAME}-journal", _DRAFT})
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN = 64  # descriptors of folders kept
_KEPT = frozenset({200, 203})  # 203: changed on its way (RFC 9110 15.3.4)


class Mirror:
    """A sink of files.

    Args:
        path: the folder; it is made when it is not there.
        mode: ``new`` and ``resume`` refuse a folder with files that are no mirror's; ``overwrite``
            and ``append`` put the mirror among them.

    Raises:
        SinkError: it is no folder, cannot be written, or has other files.
    """

    def __init__(self, path: str, *, mode: str = "new") -> None:
        self.name = path
        self._folders: OrderedDict[str, int] = OrderedDict()
        self._fault: SinkError | None = None
        self._closed = False
        with self._faults():
            os.makedirs(path, exist_ok=True)  # noqa: PTH103 - raises OSError with path
            self._fd = os.open(path, _FOLDER & ~os.O_NOFOLLOW)
        try:
            with self._faults():
                found = set(os.listdir(self._fd))  # noqa: PTH208 - of a descriptor
                if found and not found & _OURS and mode in {"new", "resume"}:
                    raise SinkError(
                        f"{path!r} has files and is no mirror: name another one, or give --append"
                    )
                if not os.access(path, os.W_OK | os.X_OK):
                    raise SinkError(f"cannot mirror into {path!r}: it is not writable")
                if _DRAFT in found:
                    os.unlink(_DRAFT, dir_fd=self._fd)
            self._index = Index(path, self._fd)
        except BaseException:
            os.close(self._fd)
            raise
        self._file = lru_cache(maxsize=10_000)(self._index.file)

    def write(self, outcome: Final) -> None:
        """Keep the body of a whole page; all else is left out."""
        if self._fault is not None:
            raise self._fault
        if (
            not isinstance(outcome, Response)
            or outcome.status not in _KEPT
            or outcome.truncated
            or outcome.request.method == "HEAD"
        ):
            return
        kind = outcome.headers.get("content-type", "")
        body = outcome.body
        is_page = sniffing.is_html(body, kind)
        with self._faults():
            file = self._index.place(outcome.url, kind, is_page=is_page)
            self._put(file, body)
            has_links = is_page or (styles.is_sheet(kind) and _is_sheet(file))
            encoding = sniff(body, kind) if has_links else None
            self._index.note(outcome.url, file, encoding, _digest(body) if has_links else None)
            for url in outcome.request.via:
                self._index.lead(url, file)

    def flush(self) -> None:
        """Note what was written. Raises SinkError."""
        with self._faults():
            self._index.commit()

    def mark(self) -> str:
        """Flush; there is nothing to cut back: what is written again takes its own place."""
        self.flush()
        return ""

    def sync(self) -> None:
        """Flush. Files are not waited for one by one."""
        self.flush()

    def close(self) -> None:
        """Make the links fit. Raises SinkError."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._fault is None:
                with self._faults():
                    self._index.commit()
                    for page in self._index.pages():
                        self._relink(*page)
        finally:
            try:
                self._index.close()
            finally:
                for fd in (*self._folders.values(), self._fd):
                    os.close(fd)

    def _relink(self, url: str, file: str, encoding: str, digest: bytes) -> None:
        body = self._read(file)
        if body is None:
            return

        def way(to: str) -> str:
            target = self._file(to)
            return quote(posixpath.relpath(target, posixpath.dirname(file))) if target else ""

        fresh = _digest(body) == digest
        fitted = sheet_relinked if _is_sheet(file) else relinked
        changed = fitted(body, encoding, url, way, is_fresh=fresh)
        if changed is not body:
            self._put(file, changed)

    def _put(self, file: str, body: bytes) -> None:
        folder, _, name = file.rpartition("/")
        fd = os.open(_DRAFT, _NEW, 0o666, dir_fd=self._fd)
        try:
            try:
                rest = memoryview(body)
                while rest:
                    rest = rest[os.write(fd, rest) :]
            finally:
                os.close(fd)
            # rename replaces a link that someone put there, it does not follow it.
            os.rename(_DRAFT, name, src_dir_fd=self._fd, dst_dir_fd=self._folder(folder))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(_DRAFT, dir_fd=self._fd)
            raise

    def _read(self, file: str) -> bytes | None:
        """What is in the file; None when it was taken away, or is none any more."""
        folder, _, name = file.rpartition("/")
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            fd = os.open(name, flags, dir_fd=self._folder(folder, make=False))
            with open(fd, "rb") as opened:  # noqa: PTH123 - a descriptor
                return opened.read()
        except OSError:
            return None

    def _folder(self, path: str, *, make: bool = True) -> int:
        """A descriptor of the folder, reached name by name from the top."""
        fd = self._folders.pop(path, None)
        if fd is None:
            above, _, name = path.rpartition("/")
            parent = self._folder(above, make=make) if above else self._fd
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=parent)
            fd = os.open(name, _FOLDER, dir_fd=parent)
        self._folders[path] = fd
        if len(self._folders) > _OPEN:
            os.close(self._folders.popitem(last=False)[1])
        return fd

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except SinkError as error:
            self._fault = error
            raise
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            self._fault = SinkError(f"cannot mirror into {self.name!r}: {said}")
            raise self._fault from error


def _is_sheet(file: str) -> bool:
    return file.lower().endswith(".css")  # which no page's does: see _places.py


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).digest()
