"""Greenlets, switched by hand: blocking text in one thread, and no kernel to switch it.

    worker a:  connect ─┐        ┌─ recv ─┐            ┌─ response
                        ▼ switch │        ▼            │
    hub:             select ─────┴──── select ──── select ...
                                          │ ▲
    worker b:            connect ─────────┘ └─ ...

A greenlet is a stack of calls that can be set aside in the middle of a call and gone on with later.
So the text of a transport stays as it is for threads (via_socket.py is the same file, unchanged),
and only what it calls at the bottom, recv and sleep, does not block the thread but switches to the
hub, which waits for all of them by one select. gevent is this, with a loop in C, a patch for
programs that call the standard library, and much care; here it is some two hundred lines to read.

Facts.
* A switch is a copy of a slice of the C stack and some assignments, below a microsecond; a switch
  of threads is two of the kernel's. A greenlet's memory is the slice, some kilobytes (greenlet's
  documentation; PEP 219 and Stackless Python are where it comes from).
* Nobody is made to stop: a greenlet that computes holds up all others.
* It is the right choice for text that blocks and cannot be rewritten. With a free hand, coroutines
  say where they may be switched (generators.py, asyncio_loop.py), and these do not.
Read beside it: _hub.py, the switching; gevent_pool.py, what it grew into; generators.py.
"""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING

from crawler.engines._hub import Hub, Strand
from crawler.engines._workers import (
    WAIT_FOR_FILES,
    is_out_of_files,
    perform,
    transport,
    warn_out_of_files,
)
from crawler.transports._dial import Calls

if TYPE_CHECKING:
    from crawler.contracts import Engine
    from crawler.engines._workers import Abortable
    from crawler.model import Limits, Network, Outcome, Request


def open(name: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """An engine of at most `concurrency` greenlets over the transport of that name."""
    hub = Hub()
    calls = Calls(hub, hub.sleep, hub.start, hub.event)
    return Greenlets(
        hub, transport(name, network, concurrency=concurrency, calls=calls), concurrency, limits
    )


class Greenlets:
    """Worker greenlets, and the hub that switches to them."""

    def __init__(self, hub: Hub, through: Abortable, concurrency: int, limits: Limits) -> None:
        self._hub = hub
        self._through = through
        self._limits = limits
        self._most = concurrency  # shrinks when descriptors run out
        self._idle: list[Strand] = []
        self._working = 0
        self._under_way = 0
        self._todo: deque[Request] = deque()
        self._ended: list[Outcome] = []
        self._bug: Exception | None = None
        self._warned = False

    def start(self, request: Request, /) -> None:
        self._under_way += 1
        self._todo.append(request)
        if self._idle:
            self._hub.wake(self._idle.pop())
        elif self._working < self._most:
            self._working += 1
            self._hub.start(self._work)

    def wait(self, timeout: float | None, /) -> list[Outcome]:
        end = None if timeout is None else time.monotonic() + timeout
        if not self._under_way:
            time.sleep(timeout or 0.0)
        while self._under_way and not self._ended and self._bug is None:
            left = None if end is None else end - time.monotonic()
            try:
                self._hub.turn(left)
            # The border of the workers: whatever this is, it is raised behind the outcomes.
            except Exception as bug:  # noqa: BLE001
                self._bug = bug
            if left is not None and left <= 0:
                break
        ended, self._ended = self._ended, []
        self._under_way -= len(ended)
        if not ended and self._bug is not None:
            raise self._bug
        return ended

    def close(self) -> None:
        self._hub.end()
        self._through.abort()
        self._through.close()
        self._hub.close()

    def _work(self) -> None:
        """Exchange after exchange. What is no FetchError ends in the hub, and so in `wait`."""
        while True:
            while not self._todo:
                self._idle.append(self._hub.current())
                self._hub.sleep(math.inf)
            outcome = self._perform(self._todo.popleft())
            if outcome is None:
                return
            self._ended.append(outcome)

    def _perform(self, request: Request) -> Outcome | None:
        """The outcome; None when this worker has retired for want of descriptors."""
        end = time.monotonic() + self._limits.timeout
        while True:
            outcome = perform(self._through, request, self._limits)
            if not is_out_of_files(outcome) or time.monotonic() >= end:
                return outcome
            self._through.close()
            if not self._warned:
                self._warned = True
                warn_out_of_files()
            if self._working > 1:  # the last one may not leave
                self._working -= 1
                self._most = self._working
                self._todo.append(request)
                if self._idle:
                    self._hub.wake(self._idle.pop())
                return None
            self._hub.sleep(WAIT_FOR_FILES)
