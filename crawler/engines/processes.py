"""Blocking I/O in many processes: each exchange under way has one of its own.

    start() ──► pipe of an idle worker ──► worker process: perform ──► pipe ──► wait()
                                                         one exchange at a time

The oldest way to do several things at once, and the kernel does all of it: each process blocks for
itself, none can corrupt another, and a crash costs one exchange. What it costs is memory, an
interpreter for each, and that nothing is shared: requests and outcomes cross a pipe as bytes, and a
kept connection belongs to the worker that has it. Python's lock is no limit here: two processors do
two exchanges' work at once.

Facts.
* fork(2) copies page tables, not pages; what a child writes to is copied then. Python writes a
  count into every object it looks at, so little stays shared for long.
* A process per request is what inetd did; a pool that lives on is what Apache's prefork made of it.
* The right choice where work is CPU-bound, or must be contained; not for waiting.
* Opening starts all workers, so that the first exchange waits for none (`start_up` of a run).
* They end by the end of a pipe, which the kernel closes however the engine ends: none outlives it.
Read beside it: _workshop.py (where workers come from), _crossing.py (what crosses), threads.py.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.engines import _crossing
from crawler.engines._workers import failure
from crawler.errors import EngineUnavailable, LocalError

if TYPE_CHECKING:
    from crawler.contracts import Engine
    from crawler.model import Limits, Network, Outcome, Request

_STARTING = 30.0  # seconds for the workshop to import and fork
_ENDING = 2.0  # seconds for it to end its workers
_CHUNK = 256 * 1024

_log = logging.getLogger(__name__)


def open(name: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """An engine of `concurrency` processes over the transport of that name.

    Raises:
        EngineUnavailable: not one process could be started.
    """
    return Processes(name, concurrency, limits, network)


class Worker:
    """One process, seen from here.

    Attributes:
        group: the number of its process group.
        request: what it is doing; None when it is idle.
        ready: it has said so.
    """

    def __init__(self, pipe: socket.socket, group: int) -> None:
        self.pipe = pipe
        self.group = group
        self.request: Request | None = None
        self.started = datetime.now(UTC)
        self.begun = 0.0
        self.ready = False
        self._came = bytearray()

    def begin(self, request: Request) -> None:
        """Hand it a request. Raises OSError when it is dead."""
        self.request = request
        self.started = datetime.now(UTC)
        self.begun = time.monotonic()
        self.pipe.sendall(_crossing.of_request(request))  # it is idle, so it reads

    def read(self) -> list[_crossing.Told] | None:
        """The messages that came; None when it is dead."""
        try:
            data = self.pipe.recv(_CHUNK, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        came = self._came
        came += data
        told = []
        while len(came) >= _crossing.LENGTH.size:
            end = _crossing.LENGTH.size + _crossing.LENGTH.unpack_from(came)[0]
            if len(came) < end:
                break
            told.append(_crossing.unframed(bytes(came[_crossing.LENGTH.size : end])))
            del came[:end]
        return told


class Processes:
    """Worker processes, and who of them does what."""

    def __init__(self, name: str, concurrency: int, limits: Limits, network: Network) -> None:
        share = max(limits.bodies // concurrency, limits.max_bytes)
        self._settings = _crossing.of_settings(name, replace(limits, bodies=share), network)
        self._most = concurrency  # shrinks when processes or descriptors run out
        self._selector = selectors.DefaultSelector()
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []
        self._todo: deque[Request] = deque()
        self._ended: list[Outcome] = []
        self._under_way = 0
        self._warned = False
        self._bug: _crossing.Bug | None = None
        try:
            self._workshop, self._control = self._opened()
        except OSError as error:
            self._selector.close()
            raise EngineUnavailable(f"engine 'processes' could not start one: {error}") from error
        try:
            self._start_all()
        except BaseException:
            self.close()
            raise

    def start(self, request: Request, /) -> None:
        self._under_way += 1
        self._todo.append(request)
        self._hand_out()

    def wait(self, timeout: float | None, /) -> list[Outcome]:
        end = None if timeout is None else time.monotonic() + timeout
        if not self._under_way:
            time.sleep(timeout or 0.0)
        while self._under_way and not self._ended and self._bug is None:
            left = None if end is None else end - time.monotonic()
            self._turn(left)
            if left is not None and left <= 0:
                break
        ended, self._ended = self._ended, []
        self._under_way -= len(ended)
        if not ended and self._bug is not None:
            raise self._bug
        return ended

    def close(self) -> None:
        self._control.close()  # the workshop ends its workers and itself
        try:
            self._workshop.wait(_ENDING)
        except subprocess.TimeoutExpired:
            # It is not yet waited for, so its number is still its own, and its group's.
            os.killpg(self._workshop.pid, signal.SIGKILL)
            self._workshop.wait()
        groups = {worker.group for worker in self._workers}
        if self._workshop.returncode == 0:
            groups.discard(self._workshop.pid)
        for group in groups:  # of workshops that were killed: it is there as long as they are
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        for worker in self._workers:
            worker.pipe.close()
        self._workers.clear()
        self._selector.close()

    def _turn(self, timeout: float | None) -> None:
        for key, _ in self._selector.select(timeout):
            worker: Worker = key.data
            told = worker.read()
            if told is None:
                self._bury(worker)
            else:
                for message in told:
                    self._hear(worker, message)
        self._hand_out()

    def _hear(self, worker: Worker, message: _crossing.Told) -> None:
        request, worker.request = worker.request, None
        self._idle.append(worker)
        worker.ready = True
        if request is not None:
            try:
                self._ended.append(_crossing.outcome_of(message, request))
            except _crossing.Bug as bug:
                self._bug = bug

    def _bury(self, worker: Worker) -> None:
        """A worker is dead: killed, out of memory, or never begun."""
        self._selector.unregister(worker.pipe)
        self._workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        worker.pipe.close()
        if worker.request is not None:
            error = LocalError("its worker process died", code="local.worker_died")
            passed = time.monotonic() - worker.begun
            self._ended.append(failure(worker.request, error, worker.started, passed))
        elif not worker.ready:
            self._shrink()

    def _hand_out(self) -> None:
        """Give what waits to idle workers; start others for those that died."""
        while self._todo and self._idle:
            worker = self._idle.pop()
            request = self._todo.popleft()
            try:
                worker.begin(request)
            except OSError:  # it died while idle: the request has not begun
                worker.request = None
                self._todo.appendleft(request)
                self._bury(worker)
        if self._todo and len(self._workers) < self._most:
            self._add()

    # -- starting --------------------------------------------------------------------------------

    def _opened(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """A workshop, and our end of its socket."""
        ours, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            package = str(Path(__file__).parent.parent.parent)
            path = os.environ.get("PYTHONPATH", "")
            workshop = subprocess.Popen(
                [sys.executable, "-P", "-m", "crawler.engines._workshop", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # a group of its own: closing ends all of it
                env={**os.environ, "PYTHONPATH": f"{package}:{path}" if path else package},
            )
            undo.pop_all()
        with contextlib.suppress(OSError):  # it is dead already: nobody will be ready
            ours.sendall(self._settings)
        return workshop, ours

    def _start_all(self) -> None:
        """Start all workers, and wait until each is ready or will never be."""
        for _ in range(self._most):
            self._add()
        end = time.monotonic() + _STARTING
        while any(not worker.ready for worker in self._workers):
            self._turn(max(0.0, end - time.monotonic()))
            if time.monotonic() >= end:
                break
        if not self._idle:
            raise EngineUnavailable("engine 'processes' could not start one process")

    def _add(self) -> None:
        """Have a worker made."""
        try:
            if self._workshop.poll() is not None:
                workshop, control = self._opened()
                self._control.close()
                self._workshop, self._control = workshop, control
            ours, theirs = socket.socketpair()
        except OSError:
            self._shrink()
            return
        with theirs:
            worker = Worker(ours, self._workshop.pid)
            self._selector.register(ours, selectors.EVENT_READ, worker)
            self._workers.add(worker)
            # When it is dead its end is closed here, and so the new worker's: it is buried then.
            with contextlib.suppress(OSError):
                socket.send_fds(self._control, [b"w"], [theirs.fileno()])

    def _shrink(self) -> None:
        """One worker less than was asked for; the last one may not leave."""
        self._most = max(1, len(self._workers))
        if not self._warned:
            self._warned = True
            _log.warning("out of processes or descriptors: fewer exchanges at once (ulimit -n -u)")
        while self._todo and not self._workers:  # not one can be made
            error = LocalError("no worker process can be started", code="local.worker_died")
            request = self._todo.popleft()
            self._ended.append(failure(request, error, datetime.now(UTC), 0.0))
