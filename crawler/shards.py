"""An engine in several processes: each of them, a shard, has its share of the hosts.

    start() ─► by origin ─► shard 0: engine, decoding, links, fields ─┐
                       └──► shard 1: the same                        ─┴─► wait()

For when one processor is not enough. Frontier, manners, state and outputs stay here, once, so that
order, budgets and a resumed crawl are what they are without; what crosses is requests and outcomes.
A host stays with its shard, where its connections, TLS sessions and addresses are known, as long as
that has room; a crawl of one site uses all shards all the same. What was under way in a shard that
dies fails with ``local.worker_died``, which is tried once more, in another that takes its place.

Read beside it: shard_worker.py (the process), shard_pipe.py (the messages), engines/processes.py
(a process for each exchange, which is an I/O model; this is none).
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import select
import signal
import socket
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from crawler import engines, parse_worker, shard_worker
from crawler.engines import _crossing
from crawler.engines._workers import failure
from crawler.errors import EngineUnavailable, LocalError
from crawler.findings import Findings
from crawler.model import Purpose, Response
from crawler.shard_pipe import Pipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crawler.model import Limits, Network, Outcome, Request
    from crawler.sharding import Looks

_BUFFER = 4 * 1024 * 1024  # bytes between two processes; the kernel may grant less
_STILLBORN = 3  # processes that may die before they were ready, one after the other

_log = logging.getLogger(__name__)


class Shards:
    """The processes, and who of them has which request.

    No shard gets more than its share of the concurrency while all of them live: were all at their
    share, all of the concurrency would be in use.

    Attributes:
        worked: seconds for which they used a processor, all together.
    """

    def __init__(
        self,
        name: str,
        processes: int,
        concurrency: int,
        limits: Limits,
        network: Network,
        looks: Looks,
    ) -> None:
        self.worked = 0.0
        self._share = math.ceil(concurrency / processes)
        limits = replace(limits, bodies=max(limits.bodies // processes, limits.max_bytes))
        told = _crossing.settings_told(name, limits, network)
        self._settings = (told, self._share, tuple(looks))
        self._is_patched = engines.needs_patch(name)
        self._homes: list[_Shard | None] = [None] * processes
        self._by_descriptor: dict[int, _Shard] = {}
        self._ended: list[Outcome] = []
        self._under_way = 0
        self._key = 0
        self._stillborn = 0
        self._said_that_short = False
        self._fault: Exception | None = None
        self._poll = select.poll()
        for home in range(processes):
            self._started(home)
        if not self._by_descriptor:
            raise EngineUnavailable("not one of the processes could be started: see `ulimit -n -u`")

    def start(self, request: Request, /) -> None:
        self._under_way += 1
        self._give(request)

    def wait(self, timeout: float | None, /) -> list[Outcome]:
        end = None if timeout is None else time.monotonic() + timeout
        if not self._under_way:
            time.sleep(timeout or 0.0)
        for shard in tuple(self._by_descriptor.values()):
            self._sent(shard)
        while self._under_way and not self._ended and self._fault is None:
            left = None if end is None else max(0.0, end - time.monotonic())
            self._turn(left)
            if left == 0.0:
                break
        ended, self._ended = self._ended, []
        self._under_way -= len(ended)
        if not ended and self._fault is not None:
            raise self._fault
        return ended

    def close(self) -> None:
        shards = tuple(self._by_descriptor.values())
        self._by_descriptor.clear()
        for shard in shards:
            shard.kill()
        for shard in shards:
            shard.bury()
        self._homes = [None] * len(self._homes)

    # -- who has what ----------------------------------------------------------------------------

    def _give(self, request: Request) -> None:
        shard = self._chosen(request)
        if shard is None:
            error = LocalError("no process can be started", code="local.worker_died")
            self._ended.append(failure(request, error, datetime.now(UTC), 0.0))
            return
        self._key += 1
        is_page = request.purpose is Purpose.PAGE
        shard.requests[self._key] = request, time.monotonic()
        shard.unsent.append((self._key, _crossing.asked_by(request), is_page))

    def _chosen(self, request: Request) -> _Shard | None:
        """The shard of the request's origin, or where there is room."""
        home = crc32(request.origin.encode()) % len(self._homes)
        shard = self._homes[home] or self._started(home)
        if shard is not None and len(shard.requests) < self._share:
            return shard
        if len(self._by_descriptor) < len(self._homes):  # one of them has died
            self._started(self._homes.index(None))
        shards = self._by_descriptor.values()
        return min(shards, key=lambda shard: len(shard.requests), default=None)

    def _sent(self, shard: _Shard) -> None:
        """Hand over what was given to it since, in one message."""
        if shard.unsent:
            shard.pipe.send(shard.unsent)
            shard.unsent = []
        if shard.pipe.is_full:
            shard.pipe.flush()
            mask = select.POLLIN | (select.POLLOUT if shard.pipe.is_full else 0)
            self._poll.modify(shard.pipe.descriptor, mask)

    def _turn(self, timeout: float | None) -> None:
        milliseconds = None if timeout is None else math.ceil(timeout * 1000)
        for descriptor, _ in self._poll.poll(milliseconds):
            shard = self._by_descriptor[descriptor]
            messages, is_there = shard.pipe.read()
            for message in messages:
                self._hear(shard, *message)
            if is_there:
                self._sent(shard)
            else:
                self._lost(shard)

    def _hear(self, shard: _Shard, kind: int, *values: Any) -> None:
        if kind == shard_worker.OUTCOMES:
            self.worked += values[1]
            for key, told, findings in values[0]:
                request, _ = shard.requests.pop(key)
                outcome = _crossing.outcome_of(told, request)
                if findings is not None and isinstance(outcome, Response):
                    outcome = _known(outcome, findings)
                self._ended.append(outcome)
        elif kind == shard_worker.READY:
            shard.is_ready = True
            self._stillborn = 0
        elif kind == shard_worker.SAID:
            _log.log(*values)
        elif kind == shard_worker.UNAVAILABLE:
            self._fault = EngineUnavailable(*values)
        else:
            self._fault = _crossing.Bug(*values)

    # -- processes -------------------------------------------------------------------------------

    def _started(self, home: int) -> _Shard | None:
        """A process for that share of the origins; None when there can be none."""
        if self._stillborn >= _STILLBORN:
            return None
        try:
            shard = _Shard(home, self._settings, is_patched=self._is_patched)
        except OSError as error:
            if not self._said_that_short:
                self._said_that_short = True
                _log.warning("a process less than was asked for: %s", error)
            return None
        self._homes[home] = shard
        self._by_descriptor[shard.pipe.descriptor] = shard
        self._poll.register(shard.pipe.descriptor, select.POLLIN)
        self._sent(shard)
        return shard

    def _lost(self, shard: _Shard) -> None:
        """A process is dead: killed, out of memory, or never begun."""
        self._poll.unregister(shard.pipe.descriptor)
        del self._by_descriptor[shard.pipe.descriptor]
        self._homes[shard.home] = None
        shard.kill()
        shard.bury()
        if not shard.is_ready:
            self._stillborn += 1
            if self._stillborn >= _STILLBORN and not self._by_descriptor:
                self._fault = self._fault or EngineUnavailable("its processes die at once")
        if self._fault is not None:  # it ends the crawl: what is under way has no outcome
            return
        unsent = {key for key, _, _ in shard.unsent}
        now = time.monotonic()
        for key, (request, begun) in shard.requests.items():
            if key in unsent or not shard.is_ready:  # it has not begun
                self._give(request)
                continue
            error = LocalError("the process it was given to died", code="local.worker_died")
            started = datetime.now(UTC) - timedelta(seconds=now - begun)
            self._ended.append(failure(request, error, started, now - begun))
        for other in tuple(self._by_descriptor.values()):
            self._sent(other)


class _Shard:
    """One process, seen from here.

    Attributes:
        home: which share of the origins is its own.
        requests: what it has, by the number it knows them by; with the instant each was given.
        unsent: requests that go with the next message.
        is_ready: it has said so.
    """

    def __init__(self, home: int, settings: Any, *, is_patched: bool) -> None:
        self.home = home
        self.requests: dict[int, tuple[Request, float]] = {}
        self.unsent: list[Any] = []
        self.is_ready = False
        ours, theirs = socket.socketpair()
        # What does not fit waits for the shard's next turn (unix(7): the sender's side counts).
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            self._pid = _spawned(theirs.fileno(), is_patched=is_patched)
            undo.pop_all()
        self.pipe = Pipe(ours.detach())
        self._handle = _handle(self._pid)
        self.pipe.send(settings)

    def kill(self) -> None:
        """End it, whatever it is doing."""
        with contextlib.suppress(ProcessLookupError):
            if self._handle < 0:
                os.kill(self._pid, signal.SIGKILL)
            else:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def bury(self) -> None:
        """Wait for its end, a matter of milliseconds, and give back what it took here."""
        self.pipe.close()
        if self._handle >= 0:
            os.close(self._handle)
        with contextlib.suppress(ChildProcessError):  # somebody else has waited for it
            os.waitid(os.P_PID, self._pid, os.WEXITED)


def _spawned(descriptor: int, *, is_patched: bool) -> int:
    """A shard that talks through the descriptor; its number."""
    package = str(Path(__file__).parent.parent)
    path = os.environ.get("PYTHONPATH", "")
    command = ["crawler.patched", "shard"] if is_patched else [shard_worker.__name__]
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-m", *command],
        {**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{path}" if path else package},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, descriptor, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setpgroup=0,  # Ctrl-C and the end of a terminal are for the crawl
        setsigmask=(),
    )


def _handle(pid: int) -> int:
    """A descriptor that means this process and never a later one of its number; -1 without."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def _known(response: Response, findings: Any) -> Response:
    """The response with what its shard found on it."""
    body, warnings, found, fields = findings
    known: Mapping[str, Any] | None = None if fields is None else dict(fields)
    return replace(
        response,
        body=response.body if body is None else body,
        warnings=warnings,
        findings=Findings(
            body is not None, None if found is None else parse_worker.found_of(found), known
        ),
    )
