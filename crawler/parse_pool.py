"""Worker processes that parse pages, seen from the crawl: who has which page, who is late or dead.

    submit(key, page) ─► to do ─► pipe ─► parse_worker ─► pipe ─► ready() ─► (key, what was found)

A worker that takes 5 seconds of processor time for a page, or dies of it, is replaced, and the page
given up. Nothing here blocks but `wait` and `close`. Pipes and processes are used by plain system
calls, which are the same in a process that gevent has patched. Read beside it: parse_worker.py (the
other end), parsing.py (which pages come here).
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import marshal
import os
import select
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import parse_worker

if TYPE_CHECKING:
    from crawler.model import Response
    from crawler.parse_worker import Told

CPU_SECONDS = 5.0  # of a worker, for one page
_WALL_SECONDS = 60.0  # more, until a worker is given up that gets no processor time either
_MEMORY = 1024 * 1024 * 1024  # bytes of address space of a worker; its imports take a tenth
_AHEAD = 4  # pages sent to a worker before it has answered the first
_PIPE = 1024 * 1024  # bytes; the most that Linux grants a user (pipe(7))
_CHUNK = 256 * 1024

_log = logging.getLogger(__name__)


class Pool:
    """Up to `most` processes that do one kind of work, started when there is some.

    Args:
        work: its name and arguments, as parse_worker knows them.
        most: processes.
        cpu_seconds: of a worker, for one page.
        again: how to work on a page that was given up; "" where there is no other way.

    Attributes:
        pending: pages submitted whose answer `ready` has not given yet.
    """

    def __init__(
        self, work: Told, *, most: int = 1, cpu_seconds: float = CPU_SECONDS, again: str = ""
    ) -> None:
        self._settings = parse_worker.framed((cpu_seconds, _MEMORY, *work))
        self._most = most
        self._cpu_seconds = cpu_seconds
        self._again = again
        self._workers: list[_Worker] = []
        self._todo: deque[_Page] = deque()
        self._answers: list[tuple[int, Told | None, str]] = []
        self._dead: list[int] = []
        self.pending = 0

    def submit(self, key: int, response: Response) -> bool:
        """Have this page worked on; False when there is no process for it and none to be had."""
        if not self._workers and self._started() is None:
            return False
        self.pending += 1
        self._todo.append(_Page(key, parse_worker.of_response(response)))
        self._hand_out()
        return True

    def ready(self) -> list[tuple[int, Told | None, str]]:
        """The answers that have come, each with its key, and a word; never blocks.

        The word says why there is no answer, or not the one that was wanted: ``parse.timeout``,
        ``parse.died``.
        """
        for worker in list(self._workers):
            self._hear(worker)
        self._hand_out()
        self._reap()
        answers, self._answers = self._answers, []
        self.pending -= len(answers)
        return answers

    def wait(self, timeout: float) -> None:
        """Return when `ready` has something to tell, or after so many seconds."""
        end = time.monotonic() + timeout
        while self.pending and not self._answers:
            left = end - time.monotonic()
            if left <= 0:
                return
            poll = select.poll()
            for worker in self._workers:
                poll.register(worker.reads, select.POLLIN)
                if worker.unsent:
                    poll.register(worker.writes, select.POLLOUT)
            poll.poll(min(left, 1.0) * 1000)
            for worker in list(self._workers):
                self._hear(worker)
            self._hand_out()

    def close(self) -> None:
        """Kill the workers; what is pending is forgotten."""
        for worker in self._workers:
            self._bury(worker)
        self._workers.clear()
        self._todo.clear()
        self._answers.clear()
        self.pending = 0
        for pid in self._dead:  # killed: this is a matter of milliseconds
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, pid, os.WEXITED)
        self._dead.clear()

    def _hand_out(self) -> None:
        """Send what waits to the workers that have the least to do."""
        while self._todo:
            worker = min(self._workers, key=lambda worker: len(worker.pages), default=None)
            if (worker is None or worker.pages) and len(self._workers) < self._most:
                worker = self._started() or worker
            if worker is None:
                self._answers.append((self._todo.popleft().key, None, "parse.died"))
            elif len(worker.pages) < _AHEAD:
                worker.send(self._todo.popleft())
            else:
                break
        for worker in self._workers:
            worker.flush()

    def _hear(self, worker: _Worker) -> None:
        """Take what the worker has found; replace it when it is dead or has had its time."""
        is_alive = worker.read()
        self._answers += worker.answers
        worker.answers.clear()
        spent = time.monotonic() - worker.began if worker.pages else 0.0
        if is_alive and spent < _WALL_SECONDS + self._cpu_seconds:
            return
        self._workers.remove(worker)
        self._bury(worker)
        for page in reversed(worker.pages):
            self._todo.appendleft(page)
        if worker.pages:
            self._blame(worker.pages[0], spent)

    def _blame(self, page: _Page, spent: float) -> None:
        """Its worker ended, perhaps because of it: the second time it is given up."""
        # The kernel ends a worker by its processor time, which is at most the time that passed.
        reason = "parse.timeout" if spent >= self._cpu_seconds else "parse.died"
        page.deaths += 1
        if reason == "parse.timeout" or page.deaths > 1:
            _log.warning("a page was given up: %s after %.1f s", reason, spent)
            if self._again and not page.reason:
                page.again(reason, self._again)
            else:
                self._todo.remove(page)
                self._answers.append((page.key, None, reason))

    def _started(self) -> _Worker | None:
        """Another worker; None when the machine has no process or descriptor left for it."""
        try:
            worker = _Worker(self._settings)
        except OSError as error:
            _log.warning("cannot start a process to parse pages in: %s", error)
            return None
        self._workers.append(worker)
        return worker

    def _bury(self, worker: _Worker) -> None:
        worker.kill()
        self._dead.append(worker.pid)
        self._reap()

    def _reap(self) -> None:
        """Let go of the processes that ended; others may have done so before."""
        for pid in list(self._dead):
            with contextlib.suppress(ChildProcessError):
                if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is None:
                    continue
            self._dead.remove(pid)


class _Page:
    """A page on its way.

    Attributes:
        told: itself, as parse_worker has it told.
        deaths: how many workers died over it.
        reason: why it was given up; "" when it was not.
    """

    __slots__ = ("deaths", "key", "reason", "told")

    def __init__(self, key: int, told: Told) -> None:
        self.key = key
        self.told = told
        self.deaths = 0
        self.reason = ""

    def again(self, reason: str, mode: str) -> None:
        """It was given up: it is to be worked on in this way."""
        self.reason = reason
        self.deaths = 0
        self.told = (*self.told[:-1], mode)


class _Worker:
    """One process, seen from here.

    Attributes:
        pages: what it was sent and has not answered, oldest first.
        began: monotonic instant at which it may have begun the first of them.
        answers: what came back.
    """

    def __init__(self, settings: bytes) -> None:
        self.pages: deque[_Page] = deque()
        self.began = 0.0
        self.answers: list[tuple[int, Told | None, str]] = []
        self.unsent: deque[memoryview] = deque()
        self._came = bytearray()
        with contextlib.ExitStack() as undo:
            theirs_in, self.writes = _pipe(undo)
            self.reads, theirs_out = _pipe(undo)
            self.pid = _spawned(theirs_in, theirs_out)
            self._handle = _handle(self.pid)
            os.close(theirs_in)
            os.close(theirs_out)
            undo.pop_all()
        for descriptor in (self.writes, self.reads):
            os.set_blocking(descriptor, False)
        self.unsent.append(memoryview(settings))

    def send(self, page: _Page) -> None:
        """Hand it another page."""
        if not self.pages:
            self.began = time.monotonic()
        self.pages.append(page)
        self.unsent.append(memoryview(parse_worker.framed(page.told)))

    def flush(self) -> None:
        """Write what its pipe takes."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):  # `read` sees that it is dead
            while self.unsent:
                sent = os.write(self.writes, self.unsent[0])
                rest = self.unsent.popleft()[sent:]
                if rest:
                    self.unsent.appendleft(rest)

    def read(self) -> bool:
        """Take what it answered; False when it is dead."""
        is_alive = True
        try:
            while piece := os.read(self.reads, _CHUNK):
                self._came += piece
            is_alive = False
        except BlockingIOError:
            pass
        came = self._came
        size = parse_worker.LENGTH.size
        while len(came) >= size:
            end = size + parse_worker.LENGTH.unpack_from(came)[0]
            if len(came) < end:
                break
            told: Told = marshal.loads(came[size:end])  # noqa: S302 - the other end is ours
            del came[:end]
            page = self.pages.popleft()
            self.answers.append((page.key, told, page.reason))
            self.began = time.monotonic()
        return is_alive

    def kill(self) -> None:
        """End it, whatever it is doing, and close its pipes."""
        with contextlib.suppress(ProcessLookupError):
            if self._handle < 0:
                os.kill(self.pid, signal.SIGKILL)
            else:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        for descriptor in (self.writes, self.reads, self._handle):
            if descriptor >= 0:
                os.close(descriptor)


def _pipe(undo: contextlib.ExitStack) -> tuple[int, int]:
    ends = os.pipe()
    for descriptor in ends:
        undo.callback(os.close, descriptor)
    with contextlib.suppress(OSError):  # beyond what the user may have in pipes
        fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, _PIPE)
    return ends


def _spawned(stdin: int, stdout: int) -> int:
    """A worker on these pipes; its number."""
    package = str(Path(__file__).parent.parent)
    path = os.environ.get("PYTHONPATH", "")
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-m", parse_worker.__name__],
        {**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{path}" if path else package},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, stdin, 0),
            (os.POSIX_SPAWN_DUP2, stdout, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setpgroup=0,  # Ctrl-C and the end of a terminal are for the crawl
        setsigmask=(),  # an engine may have blocked what ends a worker
    )


def _handle(pid: int) -> int:
    """A descriptor that means this process and never a later one of its number; -1 without."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1
