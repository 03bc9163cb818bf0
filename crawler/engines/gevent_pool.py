"""Greenlets in a gevent pool: blocking text, switched automatically wherever I/O would block.

    start() ──► requests ──► greenlet: perform, perform, ... ──► outcomes ──► wait()

A greenlet is a stack of Python calls that can be set aside and taken up again, all in one thread. A
patched socket that would block registers with libev and switches to the hub, which runs whichever
greenlet's event has come. So the text of a transport is that of threads.py, at the price of a
switch instead of a thread. Greenlets live as long as the engine: one for each URL would cost more
than the exchange does (7 us to spawn, and a watcher each time).

With requests and urllib the whole process has to be patched (patched.py). With our own exchange
sockets that switch are handed in instead (_green.py), and nothing has to be.
Read beside it: threads.py, transports/via_socket.py.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import gevent
import gevent.event
import gevent.pool
import gevent.queue
from greenlet import getcurrent

from crawler.engines._green import Green
from crawler.engines._late import Late
from crawler.engines._workers import (
    WAIT_FOR_FILES,
    failure,
    gathered,
    is_out_of_files,
    perform,
    transport,
    warn_out_of_files,
)
from crawler.errors import FetchTimeout
from crawler.transports._dial import Calls

if TYPE_CHECKING:
    from crawler.contracts import Engine
    from crawler.engines._workers import Abortable
    from crawler.model import Limits, Network, Outcome, Request

_MARGIN = 0.5  # seconds after the deadline: the transport ends its waits itself, this is in reserve
_CLOSING = 0.5  # seconds
_RESOLVERS = 32  # threads that ask DNS; gevent has 10


def open(name: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """An engine of at most `concurrency` greenlets over the transport of that name."""
    lookups = gevent.pool.Group()
    event: Any = gevent.event.Event  # its stub overloads wait
    green = Green()
    calls = Calls(green, gevent.sleep, lookups.spawn, event)
    through = transport(name, network, concurrency=concurrency, calls=calls)
    return GeventPool(through, concurrency, limits, lookups, green.late)


class GeventPool:
    """Worker greenlets between two queues."""

    def __init__(
        self,
        through: Abortable,
        concurrency: int,
        limits: Limits,
        lookups: gevent.pool.Group,
        waits: Late,
    ) -> None:
        self._through = through
        self._limits = limits
        self._lookups = lookups
        self._most = concurrency  # shrinks when descriptors run out
        self._pool = gevent.pool.Pool(concurrency)
        self._working = 0
        self._under_way = 0
        self._todo: gevent.queue.SimpleQueue[Request] = gevent.queue.SimpleQueue()
        self._ended: gevent.queue.SimpleQueue[Outcome | Exception] = gevent.queue.SimpleQueue()
        self._bug: BaseException | None = None
        self._warned = False
        self._waits = waits  # of the sockets
        self._late = Late(_TooLate)
        resolvers = gevent.get_hub().threadpool
        resolvers.maxsize = max(resolvers.maxsize, _RESOLVERS)

    def start(self, request: Request, /) -> None:
        self._under_way += 1
        self._todo.put(request)
        if self._under_way > self._working < self._most:
            self._working += 1
            self._pool.spawn(self._work)

    def wait(self, timeout: float | None, /) -> list[Outcome]:
        if self._bug is not None:
            raise self._bug
        if not self._under_way:
            gevent.sleep(timeout or 0.0)
            return []
        outcomes, self._bug = gathered(self._ended, timeout)
        self._under_way -= len(outcomes)
        if self._bug is not None and not outcomes:
            raise self._bug
        return outcomes

    def close(self) -> None:
        self._pool.kill()
        self._lookups.kill()
        self._through.abort()
        # A signal may have ended a worker between taking a lock and being able to give it back.
        late = gevent.Timeout.start_new(_CLOSING)
        try:
            self._through.close()
        except gevent.Timeout as error:
            if error is not late:
                raise
        finally:
            late.close()
            self._late.close()
            self._waits.close()

    def _work(self) -> None:
        try:
            while True:
                outcome = self._perform(self._todo.get())
                if outcome is None:
                    return
                self._ended.put(outcome)
        # The border of the greenlet: whatever this is, it is raised by wait().
        except Exception as bug:  # noqa: BLE001
            self._ended.put(bug)

    def _perform(self, request: Request) -> Outcome | None:
        """The outcome; None when this worker has retired for want of descriptors."""
        end = time.monotonic() + self._limits.timeout
        while True:
            outcome = self._in_time(request)
            if not is_out_of_files(outcome) or time.monotonic() >= end:
                return outcome
            self._through.close()
            if not self._warned:
                self._warned = True
                warn_out_of_files()
            if self._working > 1:  # the last one may not leave
                self._working -= 1
                self._most = self._working
                self._todo.put(request)
                return None
            gevent.sleep(WAIT_FOR_FILES)

    def _in_time(self, request: Request) -> Outcome:
        worker, limit = getcurrent(), self._limits.timeout
        self._late.begin(worker, time.monotonic() + limit + _MARGIN)
        try:
            return perform(self._through, request, self._limits)
        except _TooLate:
            message = f"not done in {limit:g} s"
            return failure(request, FetchTimeout(message), datetime.now(UTC), limit)
        finally:
            self._late.end(worker)


class _TooLate(BaseException):
    """The reserve has run out; no text that waits may take it for an error of its own."""
