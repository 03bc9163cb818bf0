"""Greenlets switched by hand: who is set aside in the middle of a call, and gone on with later.

    worker                       hub (the greenlet that calls `turn`)
      recv: EAGAIN
      wait(fd, READ) ── switch ──► select ... fd is readable
      recv: bytes   ◄── switch ──┘

This is what gevent does with libev: `wait` notes the current greenlet and switches to the hub;
`turn` asks the selector and switches to whoever it names.

Facts.
* A switch sets a slice of the C stack aside and puts another in its place; the greenlet that is
  switched to goes on where it had switched away. No kernel is involved (greenlet's documentation).
* The look-up of a name cannot wait here, so it runs in a thread and rings (_beside.py).
Read beside it: _waits.py (who waits for what), _switched.py (the socket), greenlets.py.
"""

from __future__ import annotations

import contextlib
import math
import socket
from typing import TYPE_CHECKING, Any

import greenlet  # noqa: TID253 - only greenlets.py, which needs it, loads this

from crawler.engines._beside import Beside
from crawler.engines._switched import SwitchedSocket
from crawler.engines._waits import Waits

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOKUPS = 64  # at once


class Strand(greenlet.greenlet):
    """A greenlet that can wait in a hub; see `_waits.Waiter`."""

    def __init__(self, run: Callable[[], object]) -> None:
        super().__init__(run)
        self.late_at = math.inf
        self.timer_at = math.inf
        self.waits = 0


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


class Hub(Waits[Strand]):
    """Switches to greenlets when what they wait for has come. Used by one thread."""

    def __init__(self) -> None:
        super().__init__()
        self._strands: set[Strand] = set()
        self._lookups = Beside(_LOOKUPS)

    def resume(self, waiter: Strand, error: TimeoutError | None) -> None:
        if waiter.dead:
            return
        waiter.parent = greenlet.getcurrent()  # whoever turns the hub is switched back to
        try:
            waiter.switch(*((error,) if waiter else ()))
        finally:
            if waiter.dead:
                self._strands.discard(waiter)

    def current(self) -> Strand:
        """The calling greenlet."""
        current = greenlet.getcurrent()
        assert isinstance(current, Strand), "only greenlets of the hub can wait in it"
        return current

    def wait(self, number: int, event: int, seconds: float) -> None:
        """Set the calling greenlet aside until the descriptor is ready. Raises TimeoutError."""
        current = self.current()
        self.watch(current, number, event, seconds)
        self._away(current)

    def sleep(self, seconds: float) -> None:
        """Set the calling greenlet aside for that long, or until `wake`."""
        current = self.current()
        self.pause(current, seconds)
        with contextlib.suppress(TimeoutError):
            self._away(current)

    def start(self, function: Callable[[], object]) -> Strand:
        """A new greenlet, switched to in the next turn."""
        strand = Strand(function)
        self._strands.add(strand)
        self.wake(strand)
        return strand

    def end(self) -> None:
        """End every greenlet that was started here: GreenletExit is raised in its wait."""
        while self._strands:
            strand = self._strands.pop()
            strand.parent = greenlet.getcurrent()  # who ends it, not who last turned the hub
            strand.throw()

    def close(self) -> None:
        self._lookups.close()
        super().close()

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
        self.pause(current, math.inf)
        wait = current.waits

        def ask() -> None:
            try:
                answer.append(socket.getaddrinfo(*arguments))
            except Exception as error:  # noqa: BLE001 - a border: raised on the other side
                answer.append(error)
            self.ring(current, wait)

        self._lookups.run(ask)
        try:
            self._away(current)
        finally:
            self._lookups.ended()
        if isinstance(answer[0], Exception):
            raise answer[0]
        return answer[0]

    def _away(self, current: Strand) -> None:
        """Switch to the hub, and come back when the wait is over."""
        hub = current.parent
        assert hub is not None
        error: TimeoutError | None = hub.switch()
        if error is not None:
            raise error


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
