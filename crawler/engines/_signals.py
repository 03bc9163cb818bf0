"""A queue of signals that one thread takes by hand, and whom they name; Linux.

    opened()    a signal number of its own, blocked in this thread: it waits in the kernel's queue
    send_to()   socket ──O_ASYNC──► each event of it is one more entry of that queue
    take()      sigtimedwait, again and again ──► the descriptors that the entries name
    close()     the queue emptied, then the signal let through again

Facts.
* Real-time signals queue, each with the descriptor it is about (si_fd) and what happened (si_band);
  standard signals are flags, and a second one is lost (signal(7); fcntl(2), F_SETSIG).
* struct_siginfo of Python's signal module has no si_fd, but si_status lies at the same offset of
  the union (sigaction(2), asm-generic/siginfo.h with 64-bit longs).
* The queue is finite (RLIMIT_SIGPENDING, for all processes of a user). When it is full the kernel
  sends SIGIO instead, which names nobody: then everyone may have something (fcntl(2), F_SETSIG).
* The default action of SIGIO, and of a real-time signal, ends the process: both stay blocked while
  a queue is open. F_OWNER_TID sends them to one thread, so nobody else's mask matters (fcntl(2)).
* Children inherit what is blocked, never what is pending (fork(2), signal(7)).
Read beside it: sigio_loop.py, which asks the sockets that are named.
"""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import sys
import threading
from typing import TYPE_CHECKING

from crawler.errors import EngineUnavailable

if TYPE_CHECKING:
    import socket

_F_SETOWN_EX, _F_OWNER_TID = 15, 0  # include/uapi/asm-generic/fcntl.h; Python has no names for them
_MOST = 1024  # entries taken in one turn: as many as the loop takes events


class _Thread(threading.local):
    """What the open queues of a thread share."""

    def __init__(self) -> None:
        self.queues: list[Queue] = []
        self.had_sigio_blocked = False


_here = _Thread()


class Queue:
    """The signals of one engine, in the thread that opened it.

    Attributes:
        overflowed: entries were lost since this was last set to False: everyone is to be asked.

    Raises:
        EngineUnavailable: no real-time signal is free in this thread.
    """

    def __init__(self) -> None:
        self.overflowed = False
        self._opener = threading.get_ident()
        self._owner = struct.pack("ii", _F_OWNER_TID, threading.get_native_id())
        self._fellows = _here.queues
        self._number = _free_number()
        self._awaited = {self._number, signal.SIGIO}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, self._awaited)
        if not self._fellows:
            _here.had_sigio_blocked = signal.SIGIO in before
        self._fellows.append(self)

    def watch(self, sock: socket.socket) -> None:
        """Have an entry queued for all that happens to a non-blocking socket from now on."""
        fcntl.fcntl(sock, _F_SETOWN_EX, self._owner)
        fcntl.fcntl(sock, fcntl.F_SETSIG, self._number)
        fcntl.fcntl(sock, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)

    def unwatch(self, sock: socket.socket) -> None:
        """Have nothing queued for it any more; what is queued stays."""
        fcntl.fcntl(sock, fcntl.F_SETFL, os.O_NONBLOCK)

    def take(self, timeout: float | None) -> set[int]:
        """The descriptors that are named: at once, or after at most `timeout` seconds of waiting.

        One that is named may be closed, or another socket's by now. Look at `overflowed`, too.
        """
        if threading.get_ident() != self._opener:
            raise RuntimeError("engine 'sigio' is of the thread that opened it: signals go there")
        named: set[int] = set()
        if self.overflowed:  # told to a fellow
            timeout = 0.0
        for _ in range(_MOST):
            entry = self._entry(timeout)
            if entry is None:
                break
            timeout = 0.0
            if entry.si_signo == signal.SIGIO:
                self._overflow()
            else:
                named.add(entry.si_status)  # si_fd
        return named

    def close(self) -> None:
        """Empty the queue, so that nothing strikes when its signal is no longer blocked.

        In another thread than the one that opened it the signal stays blocked there, and unused.
        """
        if self not in self._fellows:
            return
        self._fellows.remove(self)
        if threading.get_ident() != self._opener:
            return
        while (entry := signal.sigtimedwait(self._awaited, 0)) is not None:
            if entry.si_signo == signal.SIGIO:
                self._overflow()
        allowed = {self._number}
        if not self._fellows and not _here.had_sigio_blocked:
            allowed.add(signal.SIGIO)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, allowed)

    def _entry(self, timeout: float | None) -> signal.struct_siginfo | None:
        if timeout is None:
            return signal.sigwaitinfo(self._awaited)
        return signal.sigtimedwait(self._awaited, timeout)

    def _overflow(self) -> None:
        """A queue of this thread was full; SIGIO does not say whose."""
        for queue in self._fellows:
            queue.overflowed = True


def _free_number() -> int:
    """A real-time signal that nobody in this thread handles, ignores, waits for or has blocked."""
    if sys.maxsize < 2**32:
        raise EngineUnavailable("engine 'sigio' needs a 64-bit Python: its siginfo has no si_fd")
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    for number in range(signal.SIGRTMAX, signal.SIGRTMIN - 1, -1):
        if number not in blocked and signal.getsignal(number) == signal.SIG_DFL:
            return number
    raise EngineUnavailable(
        "engine 'sigio' needs a real-time signal of its own, and every one is in use in this thread"
        f" ({len(_here.queues)} by other sigio engines): close one of them"
    )
