"""Blocking I/O in many threads: one OS thread for each exchange under way.

    start() ──► queue of requests ──► worker: perform, perform, ... ──► queue of outcomes ──► wait()

The kernel switches between threads wherever one blocks; each costs a stack and some scheduling, and
Python runs only one of them at a time. A worker is made when it is first needed and lives as long
as the engine. Read beside it: gevent_pool.py, the same with greenlets; transports/via_socket.py.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

from crawler.engines._workers import (
    WAIT_FOR_FILES,
    gathered,
    is_out_of_files,
    perform,
    transport,
    warn_out_of_files,
)

if TYPE_CHECKING:
    from crawler.contracts import Engine
    from crawler.engines._workers import Abortable
    from crawler.model import Limits, Network, Outcome, Request


def open(name: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """An engine of at most `concurrency` threads over the transport of that name."""
    through = transport(name, network, concurrency=concurrency, calls=None)
    return Threads(through, concurrency, limits)


class Threads:
    """Worker threads between two queues."""

    def __init__(self, through: Abortable, concurrency: int, limits: Limits) -> None:
        self._through = through
        self._limits = limits
        self._most = concurrency  # shrinks when descriptors run out
        self._working = 0
        self._under_way = 0
        self._lock = threading.Lock()  # for the two numbers that workers change
        self._todo: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        self._bug: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._warned = False

    def start(self, request: Request, /) -> None:
        self._under_way += 1
        self._todo.put(request)
        with self._lock:
            if self._under_way <= self._working or self._working >= self._most:
                return
            self._working += 1
        thread = threading.Thread(target=self._work, name=f"crawler-{len(self._threads)}")
        self._threads.append(thread)
        thread.start()

    def wait(self, timeout: float | None, /) -> list[Outcome]:
        if self._bug is not None:
            raise self._bug
        if not self._under_way:
            time.sleep(timeout or 0.0)
            return []
        outcomes, self._bug = gathered(self._ended, timeout)
        self._under_way -= len(outcomes)
        if self._bug is not None and not outcomes:
            raise self._bug
        return outcomes

    def close(self) -> None:
        self._closing = True
        self._through.abort()
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._through.close()

    def _work(self) -> None:
        try:
            while (request := self._todo.get()) is not None and not self._closing:
                outcome = self._perform(request)
                if outcome is None:
                    return
                self._ended.put(outcome)
        # The border of the thread: whatever this is, it is raised by wait().
        except BaseException as bug:  # noqa: BLE001
            self._ended.put(bug)

    def _perform(self, request: Request) -> Outcome | None:
        """The outcome; None when this worker has retired for want of descriptors."""
        end = time.monotonic() + self._limits.timeout
        while True:
            outcome = perform(self._through, request, self._limits)
            if not is_out_of_files(outcome) or self._closing or time.monotonic() >= end:
                return outcome
            self._through.close()
            if self._retires():
                self._todo.put(request)
                return None
            time.sleep(WAIT_FOR_FILES)

    def _retires(self) -> bool:
        """Whether this worker leaves its descriptor to the others; the last one may not."""
        with self._lock:
            if self._working == 1:
                return False
            self._working -= 1
            self._most = self._working
            warned, self._warned = self._warned, True
        if not warned:
            warn_out_of_files()
        return True
