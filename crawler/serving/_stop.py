"""A signal as something that can be waited for: a flag, and a bell that rings.

    SIGINT ──► C handler: a byte into the bell ──► whatever waits for the bell goes on
          └──► Python handler, soon after:  the first sets `asked`, a second ends the process

Facts.
* Python runs a handler between two steps of the main thread's code. A signal that comes after the
  last look at a flag and before the call that waits would be slept over; or another thread gets
  it, and the main one waits on. The C handler writes at once, and who waits for the descriptor
  finds the byte (signal.set_wakeup_fd; the self-pipe of select_tut(2)).
* A handler breaks in anywhere, also where the main thread holds a lock: it must take none. An
  assignment takes none; threading.Event.set does, and would wait for the code it interrupted.
Read beside it: models.py, which installs this before it says that the server listens.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SOME = 4096  # bytes: more rings than come between two looks


class Stop:
    """Whether the server is to stop. Made and entered in the main thread.

    Attributes:
        asked: one of `SIGNALS` has come: no more clients, the answers under way are the last.
        bell: can be read from when any signal that has a handler has come.
        farewell: called before a second one ends the process; takes no lock.
    """

    def __init__(self) -> None:
        self.asked = False
        self.farewell: Callable[[], None] = lambda: None
        self.bell, self._rope = socket.socketpair()
        self.bell.setblocking(False)
        self._rope.setblocking(False)

    def __enter__(self) -> Self:
        signal.set_wakeup_fd(self._rope.fileno(), warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, self._heard)
        return self

    def __exit__(self, *exc_info: object) -> None:
        # The handlers stay: a signal while the process ends must not make a failure of it.
        signal.set_wakeup_fd(-1)
        self._rope.close()
        self.bell.close()

    def hear(self) -> bool:
        """Silence the bell, so that it can ring again; whether the server is to stop."""
        with contextlib.suppress(BlockingIOError):  # it had not rung
            self.bell.recv(_SOME)
        return self.asked

    def wait(self, listener: socket.socket | None = None, seconds: float | None = None) -> bool:
        """Wait for the bell, a client or the time; True when there is a client to be accepted."""
        sources = [self.bell] if listener is None else [self.bell, listener]
        ready, _, _ = select.select(sources, (), (), seconds)
        if self.bell in ready:
            self.hear()
        return listener in ready and not self.asked

    def _heard(self, number: int, _frame: object) -> None:
        if self.asked:
            self.farewell()
            os._exit(128 + number)
        self.asked = True
