"""Who waits for which descriptor and until when; the ground under greenlets and generators.

    watch(waiter, descriptor, event, seconds)    turn() ──► ready ────► resume(waiter, None)
                                                        └─► too late ─► resume(waiter, TimeoutError)

A waiter is anything that can be set aside and gone on with: `resume` is the subclass's. One waits
for one thing at a time, so what is known of its wait lies on the waiter itself.

Facts.
* A socket stays registered between two waits: registering it anew would be two calls per wait
  (epoll_ctl(2)). One that becomes ready while nobody waits is taken out, or it would be told for
  ever.
* Most waits end long before their limit, so nothing is sorted for them: a waiter has one instant
  that moves, and one entry in the heap, looked at when the instant it was made for comes.
Read beside it: _hub.py (greenlets), generators.py.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import selectors
import socket
import time
from collections import deque
from itertools import count
from typing import Generic, Protocol, TypeVar

_now = time.monotonic


class Waiter(Protocol):
    """What can wait.

    Attributes:
        late_at: monotonic instant until which it waits.
        timer_at: the instant of its entry in the heap; math.inf for none.
        waits: how many waits it has begun: what is meant for an earlier one is void.
    """

    late_at: float
    timer_at: float
    waits: int


W = TypeVar("W", bound=Waiter)


class Waits(Generic[W]):
    """The waits of one thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._registered: dict[int, selectors.SelectorKey] = {}
        self._watching: dict[int, tuple[W, int, int]] = {}  # who, which wait of it, for what
        self._soon: deque[tuple[W, int]] = deque()
        self._timers: list[tuple[float, int, W]] = []
        self._turn = count()
        self._rung: deque[tuple[W, int]] = deque()  # by other threads
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ)

    def resume(self, waiter: W, error: TimeoutError | None) -> None:
        """Let it go on, with the error when it has waited for too long."""
        raise NotImplementedError

    def watch(self, waiter: W, number: int, event: int, seconds: float) -> None:
        """It waits for the descriptor to be ready, for so many seconds."""
        key = self._registered.get(number)
        if key is None:
            self._registered[number] = self._selector.register(number, event)
        elif not key.events & event:
            self._registered[number] = self._selector.modify(number, key.events | event)
        self.pause(waiter, seconds)
        self._watching[number] = (waiter, waiter.waits, event)

    def pause(self, waiter: W, seconds: float) -> None:
        """It waits for so many seconds, or until `wake`."""
        waiter.waits += 1
        waiter.late_at = _now() + seconds
        if waiter.late_at < waiter.timer_at:
            self._push(waiter)

    def wake(self, waiter: W) -> None:
        """Its present wait is over: let it go on in the next turn."""
        self._soon.append((waiter, waiter.waits))

    def ring(self, waiter: W, wait: int) -> None:
        """As `wake`, from any thread, for that wait of it: by now it may have begun another."""
        self._rung.append((waiter, wait))
        with contextlib.suppress(OSError):  # full: it rings anyway; closed: nobody listens
            self._bell.send(b"\0")

    def turn(self, timeout: float | None) -> None:
        """Resume everyone whose wait is over; waits `timeout` seconds for the first."""
        nearest = self._timers[0][0] if self._timers else math.inf
        nap = nearest - _now()
        if timeout is not None and timeout < nap:
            nap = timeout
        if self._soon or nap < 0.0:
            nap = 0.0
        ready = self._selector.select(None if nap == math.inf else nap)
        if nap and not ready:
            # Who was stopped in that call (SIGSTOP) is told that the time is over, not what came.
            ready = self._selector.select(0.0)
        for key, events in ready:
            if key.fileobj is self._ear:
                self._listen()
            elif self._registered.get(key.fd) is key:  # else it was closed in this very turn
                self._tell(key.fd, events)
        for _ in range(len(self._soon)):
            waiter, wait = self._soon.popleft()
            if waiter.waits == wait:
                self.resume(waiter, None)
        now = _now()
        while self._timers and self._timers[0][0] <= now:
            self._expire(heapq.heappop(self._timers), now)

    def forget(self, number: int) -> None:
        """The descriptor is about to be closed."""
        if self._registered.pop(number, None) is not None:
            self._selector.unregister(number)
            self._watching.pop(number, None)

    def close(self) -> None:
        """Give back what is open here; nobody waits any more."""
        self._registered.clear()
        self._selector.close()
        self._ear.close()
        self._bell.close()

    def _tell(self, number: int, events: int) -> None:
        waiter, wait, event = self._watching.get(number, (None, 0, 0))
        if waiter is None or waiter.waits != wait:
            self.forget(number)
        elif events & event:  # errors and hang-ups come as both
            del self._watching[number]
            self.resume(waiter, None)
        else:
            self._registered[number] = self._selector.modify(number, event)

    def _listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while len(self._ear.recv(4096)) == 4096:
                pass
        while self._rung:
            self._soon.append(self._rung.popleft())

    def _expire(self, timer: tuple[float, int, W], now: float) -> None:
        instant, _, waiter = timer
        if instant != waiter.timer_at:
            return  # another entry was made for an earlier instant
        waiter.timer_at = math.inf
        if waiter.late_at <= now:
            waiter.late_at = math.inf
            self.resume(waiter, TimeoutError("timed out"))
        elif waiter.late_at < math.inf:
            self._push(waiter)

    def _push(self, waiter: W) -> None:
        waiter.timer_at = waiter.late_at
        heapq.heappush(self._timers, (waiter.late_at, next(self._turn), waiter))
