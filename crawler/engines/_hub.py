"""Greenlets switched by hand: who waits for what, and who is switched to when it has come.

    worker                       hub (the greenlet that calls `turn`)
      recv: EAGAIN
      wait(fd, READ) ── switch ──► select ... fd is readable
      recv: bytes   ◄── switch ──┘

This is what gevent does with libev, in one file: `wait` notes the current greenlet under its
descriptor and switches to the hub; `turn` asks the selector and switches to whoever it names.

Facts.
* A switch sets a slice of the C stack aside and puts another in its place; the greenlet that is
  switched to goes on where it had switched away. No kernel is involved (greenlet's documentation).
* Most waits end long before their limit, so no timer is made for them: a greenlet has one instant
  that moves, and one entry in the heap that is looked at when the instant it was made for comes.
* A socket stays registered between two waits: registering it anew would be two calls per wait. One
  that becomes ready while nobody waits is taken out, or it would be told for ever.
* The look-up of a name cannot wait here, so it runs in a thread and rings a socket (_resolve.py has
  the same for loops).
Read beside it: _switched.py (the socket), greenlets.py (the workers).
"""

from __future__ import annotations

import contextlib
import heapq
import math
import selectors
import socket
import threading
import time
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any

import greenlet  # noqa: TID253 - only greenlets.py, which needs it, loads this

from crawler.engines._switched import SwitchedSocket

if TYPE_CHECKING:
    from collections.abc import Callable

_THREADS = 64  # look-ups at once
_now = time.monotonic


class Strand(greenlet.greenlet):
    """A greenlet, and what the hub knows of it.

    Attributes:
        late_at: monotonic instant until which it waits.
        timer_at: the instant of its entry in the heap; math.inf for none.
        waiting: which of its waits this is: an event that is meant for an earlier one is void.
    """

    def __init__(self, run: Callable[[], object]) -> None:
        super().__init__(run)
        self.late_at = math.inf
        self.timer_at = math.inf
        self.waiting = 0


class HubSocket(SwitchedSocket):
    """A socket that waits in a hub."""

    def __init__(self, hub: Hub, family: int, kind: int) -> None:
        super().__init__(family, kind)
        self._hub = hub

    def close(self) -> None:
        self._hub.forget(self.fileno())
        super().close()

    def _wait(self, event: int, seconds: float) -> None:
        self._hub.wait(self.fileno(), event, seconds)


class Hub:
    """Switches to greenlets when what they wait for has come. Used by one thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._waiting: dict[int, tuple[Strand, int]] = {}  # descriptor: who, and for what
        self._registered: dict[int, selectors.SelectorKey] = {}
        self._soon: deque[tuple[Strand, int]] = deque()
        self._timers: list[tuple[float, int, Strand]] = []
        self._turn = count()
        self._rung: deque[Strand] = deque()  # by other threads
        self._lookups = threading.BoundedSemaphore(_THREADS)
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ)

    # -- for greenlets ---------------------------------------------------------------------------

    def current(self) -> Strand:
        """The calling greenlet."""
        current = greenlet.getcurrent()
        assert isinstance(current, Strand), "only greenlets of the hub can wait in it"
        return current

    def wait(self, number: int, event: int, seconds: float) -> None:
        """Set the calling greenlet aside until the descriptor is ready. Raises TimeoutError."""
        current = self.current()
        key = self._registered.get(number)
        if key is None:
            self._registered[number] = self._selector.register(number, event)
        elif not key.events & event:
            self._registered[number] = self._selector.modify(number, key.events | event)
        self._waiting[number] = (current, event)
        try:
            self._park(current, seconds)
        finally:
            self._waiting.pop(number, None)

    def sleep(self, seconds: float) -> None:
        """Set the calling greenlet aside for that long."""
        with contextlib.suppress(TimeoutError):
            self._park(self.current(), seconds)

    def park(self) -> None:
        """Set the calling greenlet aside until `wake`."""
        self._park(self.current(), math.inf)

    def wake(self, strand: Strand) -> None:
        """Switch to a greenlet that was set aside, in this turn or the next."""
        self._soon.append((strand, strand.waiting))

    def start(self, function: Callable[[], object]) -> Strand:
        """A new greenlet, switched to in the next turn."""
        strand = Strand(function)
        self.wake(strand)
        return strand

    def event(self) -> Event:
        """What greenlets can wait on."""
        return Event(self)

    def socket(self, family: int, kind: int) -> HubSocket:
        """A socket that sets its caller aside."""
        return HubSocket(self, family, kind)

    def getaddrinfo(self, *arguments: Any) -> Any:
        """As socket.getaddrinfo, in a thread, with the calling greenlet set aside."""
        current = self.current()
        answer: list[Any] = []

        def ask() -> None:
            with self._lookups:
                try:
                    answer.append(socket.getaddrinfo(*arguments))
                except Exception as error:  # noqa: BLE001 - a border: it is raised on the other side
                    answer.append(error)
            self._rung.append(current)
            with contextlib.suppress(OSError):  # full: it rings anyway; closed: nobody waits
                self._bell.send(b"\0")

        # A daemon, because a resolver that hangs must not keep the program from ending.
        threading.Thread(target=ask, name="crawler-dns", daemon=True).start()
        while not answer:
            self.park()
        if isinstance(answer[0], Exception):
            raise answer[0]
        return answer[0]

    # -- for whoever turns the hub ---------------------------------------------------------------

    def turn(self, timeout: float | None) -> None:
        """Switch to everyone whose wait has ended; waits `timeout` seconds for the first."""
        end = math.inf if timeout is None else _now() + timeout
        nearest = min(end, self._timers[0][0] if self._timers else math.inf)
        nap = 0.0 if self._soon else max(0.0, nearest - _now())
        for key, events in self._selector.select(None if nap == math.inf else nap):
            if key.fileobj is self._ear:
                self._listen()
            elif self._registered.get(key.fd) is key:  # else it was closed in this very turn
                self._tell(key.fd, events)
        for _ in range(len(self._soon)):
            strand, waiting = self._soon.popleft()
            if strand.waiting == waiting:
                self._switch(strand, None)
        now = _now()
        while self._timers and self._timers[0][0] <= now:
            self._expire(heapq.heappop(self._timers), now)

    def forget(self, number: int) -> None:
        """The descriptor is about to be closed."""
        if self._registered.pop(number, None) is not None:
            self._selector.unregister(number)

    def close(self) -> None:
        """Give back what the hub itself has open; greenlets have ended before."""
        self._selector.close()
        self._ear.close()
        self._bell.close()

    def _tell(self, number: int, events: int) -> None:
        strand, event = self._waiting.get(number, (None, 0))
        if strand is None:
            self.forget(number)
        elif events & event:  # errors and hang-ups come as both
            self._switch(strand, None)
        else:
            self._registered[number] = self._selector.modify(number, event)

    def _listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while len(self._ear.recv(4096)) == 4096:
                pass
        while self._rung:
            self.wake(self._rung.popleft())

    def _expire(self, timer: tuple[float, int, Strand], now: float) -> None:
        instant, _, strand = timer
        if instant != strand.timer_at:
            return  # a later entry of it was made for an earlier instant
        strand.timer_at = math.inf
        if strand.late_at <= now:
            self._switch(strand, TimeoutError("timed out"))
        elif strand.late_at < math.inf:
            self._push(strand)

    def _push(self, strand: Strand) -> None:
        strand.timer_at = strand.late_at
        heapq.heappush(self._timers, (strand.late_at, next(self._turn), strand))

    def _park(self, current: Strand, seconds: float) -> None:
        current.late_at = _now() + seconds
        if current.late_at < current.timer_at:
            self._push(current)
        error = current.parent.switch()  # type: ignore[union-attr]  # only the hub has no parent
        current.waiting += 1
        current.late_at = math.inf
        if error is not None:
            raise error

    def _switch(self, strand: Strand, error: TimeoutError | None) -> None:
        if strand.dead:
            return
        strand.parent = greenlet.getcurrent()  # whoever turns the hub is switched back to
        strand.switch(*(() if not strand else (error,)))


class Event:
    """As threading.Event, for the greenlets of one hub and no threads."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._is_set = False
        self._waiting: list[Strand] = []

    def set(self) -> None:
        """Wake all who wait."""
        self._is_set = True
        waiting, self._waiting = self._waiting, []
        for strand in waiting:
            self._hub.wake(strand)

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        """Set the caller aside until it is set, or the time has passed; whether it is set."""
        if not self._is_set:
            current = self._hub.current()
            self._waiting.append(current)
            try:
                self._hub.sleep(math.inf if timeout is None else timeout)
            finally:
                if current in self._waiting:
                    self._waiting.remove(current)
        return self._is_set
