"""The calls that may fail, and one of them that does: the n-th, once, as was asked for.

    Points(fail_at=17, kind="memory").install()     in a process of its own, which is never put back

A call is reached in one of three ways: Python tells audit hooks of it, and a hook that raises stops
it (PEP 578); it is an attribute of `os` or of a class of ours, and is wrapped; or it is SQLite's,
whose connections get a class in between. Kinds, after curl's torture tests: ``os`` OSError,
``timeout`` TimeoutError, ``memory`` MemoryError, ``kill`` the process is gone before the call.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import sqlite3
import sys
from pathlib import Path

KINDS = ("os", "timeout", "memory", "kill")
TOLD = {
    "open", "os.rename", "os.remove", "os.mkdir", "os.truncate", "os.link", "os.rmdir",
    "os.scandir", "os.listdir", "fcntl.flock", "fcntl.fcntl", "sqlite3.connect",
    "socket.__new__", "socket.getaddrinfo", "subprocess.Popen", "os.posix_spawn", "mmap.__new__",
}  # fmt: skip
WRAPPED_OS = (
    "write", "read", "fsync", "ftruncate", "pread", "fstat", "lseek", "dup", "stat", "pipe",
)  # fmt: skip
_OURS = {"write": errno.ENOSPC, "open": errno.EMFILE, "socket": errno.ENOBUFS}


class Points:
    """Counts the calls, and fails one.

    Args:
        fail_at: which call; 0 = none.
        at: or the first one of that name, or from that line of ours.
        kind: of KINDS.
        told: a file that is told which call failed, as it fails.

    Attributes:
        count: calls so far.
        failed: the name of the one that failed, and who called it; "" before.
    """

    def __init__(
        self, *, fail_at: int = 0, at: str = "", kind: str, told: Path | None = None
    ) -> None:
        self.count = 0
        self.failed = ""
        self._fail_at = fail_at
        self._at = at
        self._kind = kind
        self._armed = False
        self._told_in = told

    def install(self) -> None:
        """Count and fail from here on, in this process."""
        for name in WRAPPED_OS:
            setattr(os, name, self._wrapped(getattr(os, name), name))
        self._wrap_sockets()
        self._wrap_sqlite()
        if self._kind == "memory":
            self._wrap_work()
        sys.addaudithook(self._told)
        self._armed = True

    def disarm(self) -> None:
        self._armed = False

    def point(self, name: str) -> None:
        """Here a call may fail. Raises what was asked for, at the n-th."""
        if not self._armed:
            return
        callers = _callers()
        if not callers:
            return
        self.count += 1
        if self.count != self._fail_at and not (self._at and self._is_at(name, callers)):
            return
        if self._kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        self.failed = f"{name} from {' '.join(callers[-4:])}"
        self._armed = False
        if self._told_in is not None:  # it may be the last that is heard of this process
            self._told_in.write_text(self.failed)
        self._armed = True
        raise self._error(name)

    def _is_at(self, name: str, callers: list[str]) -> bool:
        return not self.failed and self._at in f"{name} from {' '.join(callers[-4:])}"

    def _error(self, name: str) -> BaseException:
        if self._kind == "memory":
            return MemoryError()
        late = self._kind == "timeout"
        if name.startswith("sqlite"):
            return sqlite3.OperationalError("database is locked" if late else "disk I/O error")
        if name == "socket.getaddrinfo":
            return socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if late:
            return TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        number = _OURS.get(name.partition(".")[0], errno.EIO)
        return OSError(number, os.strerror(number))

    def _told(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in TOLD or (event == "open" and _is_code(arguments[0])):
            return
        # Of a pair, the sockets are there by then, and only the objects around them are made; and
        # gevent's close() looks at the descriptor's flags, which are there while it is.
        caller = sys._getframe(1).f_code
        deeper = sys._getframe(2).f_code.co_name if event == "socket.__new__" else ""
        if deeper != "socketpair" and not (
            event == "fcntl.fcntl" and "gevent" in caller.co_filename
        ):
            self.point(event)

    def _wrapped(self, call, name: str):
        def failing(*args, **named):
            self.point(name)
            return call(*args, **named)

        return failing

    def _wrap_sockets(self) -> None:
        from crawler.engines._switched import SwitchedSocket

        for kind in (socket.socket, SwitchedSocket):
            for name in ("connect", "send", "sendall", "recv", "setsockopt", "setblocking"):
                call = getattr(kind, name, None)
                if call is not None:
                    setattr(kind, name, self._wrapped(call, f"socket.{name}"))

    def _wrap_sqlite(self) -> None:
        points, connect = self, sqlite3.connect

        class Failing(sqlite3.Connection):
            def execute(self, statement, *args):
                points.point(f"sqlite {statement.split()[0]}")
                return super().execute(statement, *args)

            def executemany(self, statement, *args):
                points.point(f"sqlite {statement.split()[0]}")
                return super().executemany(statement, *args)

            def executescript(self, script):
                points.point("sqlite script")
                return super().executescript(script)

            def commit(self):
                points.point("sqlite commit")
                super().commit()

        def connected(*args, **named):
            factory = named.pop("factory", None)
            bases = (factory, Failing) if factory else (Failing,)
            return connect(*args, factory=type("Failing", bases, {}), **named)

        sqlite3.connect = connected

    def _wrap_work(self) -> None:
        """What takes memory and calls nobody."""
        from crawler.discovery import Discovery
        from crawler.fetching import Fetches
        from crawler.frontier._lines import Lines
        from crawler.parsing import Parsers
        from crawler.sinks.record import Describer
        from crawler.wire.parse import ResponseParser

        for kind, name in (
            (ResponseParser, "feed"), (ResponseParser, "respond"), (Parsers, "submit"),
            (Discovery, "add_links"), (Fetches, "settle"), (Describer, "line"), (Lines, "take"),
        ):  # fmt: skip
            setattr(kind, name, self._wrapped(getattr(kind, name), f"{kind.__name__}.{name}"))


def _callers() -> list[str]:
    """The lines of ours that lead here; none when it is Python that imports, or a library's hub."""
    found: list[str] = []
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return []
        if f"{os.sep}crawler{os.sep}" in name:
            found.append(f"{Path(name).name}:{frame.f_lineno}")
        frame = frame.f_back
    return found[::-1]


def _is_code(path: object) -> bool:
    """Whether it is opened to import it."""
    name = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
    return name.endswith((".py", ".pyc", ".so")) or "/proc/" in name
