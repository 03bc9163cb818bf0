"""One thread and many clients: the loop that select, poll, epoll and selectors servers share.

    turn:   _ready(timeout) ──► the bell: a signal has come
                            ──► listener: accept all that wait
                            ──► a client that can be read:    feed its talk, do its steps
                            ──► a client that can be written: go on sending
            steps whose delay is over ──► do them

A subclass has one waiting call: `_ready`, and `_watch`, which says what to wait for. A client is
read from only while there is nothing to send to it, so one that sends and does not read is held
back by TCP, not by memory. Read beside it: talks.py, select_server.py.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import socket
import struct
import time
from itertools import count
from typing import TYPE_CHECKING

from crawler.serving.models import GRACE, IDLE, PAUSE, SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crawler.serving._stop import Stop
    from crawler.serving.models import Plan
    from crawler.serving.talks import Step, Talk

READ, WRITE = 1, 2
_ACCEPTS = 256  # in one turn
_SWEEP = 5.0  # seconds between two looks for clients that are silent
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST


class Guest:
    """A client, and how far the conversation with it is."""

    __slots__ = ("end", "moved", "sock", "talk", "timed", "unsent", "watched")

    def __init__(self, sock: socket.socket, talk: Talk, now: float) -> None:
        self.sock = sock
        self.talk = talk
        self.unsent = memoryview(b"")
        self.end = ""  # what comes after `unsent`
        self.timed: Step | None = None  # waits for its time
        self.moved = now  # monotonic instant at which it last said or took something
        self.watched = 0


class EventServer:
    """A server of one thread. Subclasses add how readiness is learned."""

    def __init__(self, listener: socket.socket, plan: Plan, stop: Stop) -> None:
        self._listener = listener
        self._plan = plan
        self._stop = stop
        self._guests: dict[int, Guest] = {}
        self._timers: list[tuple[float, int, Guest]] = []
        self._turn = count()
        self._accepting = 0
        self._rest_until = 0.0  # out of descriptors
        self._sweep_at = time.monotonic() + _SWEEP
        self._stop_at = math.inf

    # -- how readiness is learned ----------------------------------------------------------------

    def _ready(self, timeout: float) -> Iterable[tuple[int, int]]:
        """Descriptors and what they are ready for: READ, WRITE or both."""
        raise NotImplementedError

    def _watch(self, number: int, old: int, new: int) -> None:
        """Wait for other things on that descriptor: `new` instead of `old`; 0 for nothing."""
        raise NotImplementedError

    # -- the loop --------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until a signal."""
        self._listener.setblocking(False)
        self._watch(self._stop.bell.fileno(), 0, READ)
        while not self._stop.asked or (self._guests and time.monotonic() < self._stop_at):
            self._listen()
            for number, mask in self._ready(self._nap()):
                if number in self._guests:
                    self._serve(self._guests[number], mask)
                elif number == self._listener.fileno():
                    self._accept()
                elif number == self._stop.bell.fileno():
                    self._stop.hear()
            self._time()
            if self._stop.asked:
                self._dismiss()
        for guest in tuple(self._guests.values()):
            self._close(guest)

    def _listen(self) -> None:
        """Wait for clients as long as there is room for them."""
        is_over = self._stop.asked  # once: a signal may come between two looks
        has_room = len(self._guests) < self._plan.connections and not is_over
        wanted = READ if has_room and time.monotonic() >= self._rest_until else 0
        self._accepting = self._rewatched(self._listener.fileno(), self._accepting, wanted)
        if is_over:
            self._listener.close()  # those who come now are refused

    def _nap(self) -> float:
        """Seconds until something is to be done that no descriptor tells."""
        now = time.monotonic()
        nearest = min(self._sweep_at, self._stop_at)
        if self._timers:
            nearest = min(nearest, self._timers[0][0])
        if now < self._rest_until:
            nearest = min(nearest, self._rest_until)
        return max(0.0, nearest - now)

    def _accept(self) -> None:
        for _ in range(min(_ACCEPTS, self._plan.connections - len(self._guests))):
            try:
                sock, _ = self._listener.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except BlockingIOError:
                return
            except OSError:  # out of descriptors, or the client has gone again
                self._rest_until = time.monotonic() + PAUSE
                return
            if not self._is_welcome(sock):
                sock.close()
                continue
            guest = Guest(sock, self._plan.talk(), time.monotonic())
            self._guests[sock.fileno()] = guest
            self._attend(guest, READ)

    def _is_welcome(self, sock: socket.socket) -> bool:
        """Whether the readiness call can have this descriptor."""
        return True

    def _serve(self, guest: Guest, mask: int) -> None:
        guest.moved = time.monotonic()
        try:
            if mask & WRITE and not self._send(guest):
                return
            if mask & READ and guest.watched & READ:
                data = guest.sock.recv(SIZE)
                if guest.end == "hang":
                    if not data:
                        self._close(guest)
                    return
                guest.talk.feed(data)
            self._go_on(guest)
        except BlockingIOError:
            return
        except OSError:  # reset, broken: it is gone
            self._close(guest)

    def _go_on(self, guest: Guest) -> None:
        """Do the steps that can be done now."""
        while guest.timed is None and not guest.end:
            step = guest.talk.step()
            if step is None:
                self._attend(guest, READ)
                return
            if step.delay:
                guest.timed = step
                due = time.monotonic() + step.delay
                heapq.heappush(self._timers, (due, next(self._turn), guest))
                self._attend(guest, 0)
                return
            if not self._do(guest, step):
                return

    def _do(self, guest: Guest, step: Step) -> bool:
        """Do a step; False when the client has to be waited for, or is gone."""
        guest.unsent = memoryview(step.data)
        guest.end = step.end
        return self._send(guest)

    def _send(self, guest: Guest) -> bool:
        """Send what is left; False when the client takes no more for now, or is gone."""
        while guest.unsent:
            try:
                guest.unsent = guest.unsent[guest.sock.send(guest.unsent) :]
            except BlockingIOError:
                self._attend(guest, WRITE)
                return False
        if guest.end == "hang":
            self._attend(guest, READ)
            return False
        if guest.end:
            if guest.end == "reset":
                guest.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._close(guest)
            return False
        return True

    def _time(self) -> None:
        """Do the steps whose delay is over; drop who has been silent for too long."""
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            guest = heapq.heappop(self._timers)[2]
            step, guest.timed = guest.timed, None
            if step is None or guest.sock.fileno() < 0:
                continue
            guest.moved = now
            try:
                if self._do(guest, step):
                    self._go_on(guest)
            except OSError:
                self._close(guest)
        if now >= self._sweep_at:
            self._sweep_at = now + _SWEEP
            for guest in tuple(self._guests.values()):
                if guest.timed is None and now - guest.moved > IDLE:
                    self._close(guest)

    def _dismiss(self) -> None:
        """The server ends: drop those who are not being answered."""
        self._stop_at = min(self._stop_at, time.monotonic() + GRACE)
        for guest in tuple(self._guests.values()):
            if guest.timed is None and not guest.unsent:
                self._close(guest)

    def _attend(self, guest: Guest, wanted: int) -> None:
        guest.watched = self._rewatched(guest.sock.fileno(), guest.watched, wanted)

    def _rewatched(self, number: int, old: int, new: int) -> int:
        if old != new:
            self._watch(number, old, new)
        return new

    def _close(self, guest: Guest) -> None:
        number = guest.sock.fileno()
        if number < 0:
            return
        self._attend(guest, 0)
        del self._guests[number]
        guest.timed = None
        guest.unsent = memoryview(b"")
        with contextlib.suppress(OSError):
            guest.sock.close()
