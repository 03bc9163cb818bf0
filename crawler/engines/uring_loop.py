"""io_uring(7): the read itself is handed to the kernel, and what comes back is the bytes.

    recv(fd) ─┐ submission queue                  completion queue ┌─► 1460 bytes from fd
    send(fd) ─┴──────────► one io_uring_enter a turn ──────────────┴─► all of it sent

Asynchronous I/O, the last of the five models: elsewhere the kernel says that a read would not wait,
and the program reads. Here neither half of a read is a call of the program's. Waiting for the data:
the kernel tries at once, and if there is nothing it puts a callback on the socket, as epoll does,
and takes up the request when that is called. Copying it: done by the kernel, inside the next
io_uring_enter of this thread, into a buffer out of a stock that all connections share.

Facts.
* A turn costs one system call, however many connects, sends and reads it hands over or takes back;
  a page with epoll costs two and its share of the wait. The bytes cost what they cost.
* In Python a request is 64 bytes packed and a dictionary's entry, which costs about as much as the
  call it saves; so calls are saved here, hardly time. In C it is the other way round.
* Nothing can be taken back at once: a cancelled request ends later, and its memory is the kernel's
  until then. Most of the care in _ring.py and _ring_connection.py is about that.
* Docker, Android and ChromeOS keep it from their programs (seccomp; kernel.io_uring_disabled),
  because many of the kernel's security holes have been in it. The engine then says so.
* Right where system calls are the cost: many small exchanges in a compiled program, or files and
  sockets in one loop. Linux 5.19 and later here.
Sources: io_uring(7), io_uring_setup(2), io_uring_enter(2), io_uring_register(2); J. Axboe,
Efficient IO with io_uring; the kernel's Documentation/admin-guide/sysctl/kernel.rst.
Read next: _ring.py, the two queues; _ring_connection.py; epoll_loop.py, to compare.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from crawler.engines._connection import READ
from crawler.engines._loop import MOST_EVENTS, Loop
from crawler.engines._readiness import Bell
from crawler.engines._ring import Ring
from crawler.engines._ring_connection import Reader, RingConnection

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from crawler.contracts import Engine
    from crawler.engines._connection import Connection
    from crawler.model import Limits, Network
    from crawler.transports.resolve import Address


def open(transport: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """The engine; `transport` is "", its exchange is its own.

    Raises:
        EngineUnavailable: the kernel gives no ring.
    """
    return UringLoop(concurrency=concurrency, limits=limits, network=network)


class UringLoop(Loop):
    """Loop over an io_uring."""

    def __init__(self, *, concurrency: int, limits: Limits, network: Network) -> None:
        # A connection has two requests under way, and seldom more.
        size = 1 << min(max(concurrency * 2 - 1, 63).bit_length(), 11)
        stock = 1 << min(max(concurrency - 1, 15).bit_length(), 8)
        self._ring = Ring(entries=size, completions=2 * size, buffers=stock)
        self._told: dict[RingConnection, int] = {}
        self._rung: list[Bell] = []
        self._again: dict[Reader, None] = {}
        self._wakes: dict[int, _Wake] = {}
        try:
            super().__init__(concurrency=concurrency, limits=limits, network=network)
        except BaseException:
            self._ring.close()
            raise

    def close(self) -> None:
        if not self._closed:
            super().close()
            self._ring.close()

    def _ready(self, timeout: float | None) -> Sequence[tuple[Connection | Bell, int]]:
        ring, told = self._ring, self._told
        if self._again:
            again = tuple(self._again)
            self._again.clear()
            for connection in again:
                connection.read_on()
        # What was told and not taken is told again; then there is nothing to wait for.
        wait = timeout != 0.0 and not told and not ring.waiting()
        ring.enter(1 if wait else 0, timeout)
        ring.take(MOST_EVENTS)
        ready: list[tuple[Connection | Bell, int]] = list(told.items())
        while self._rung:
            ready.append((self._rung.pop(), READ))
        return ready

    def connection(self, sock: socket.socket, address: Address, *, key: str) -> Connection:
        return RingConnection(
            self,
            sock,
            address,
            key=key,
            limits=self.limits,
            ring=self._ring,
            told=self._told,
            again=self._again,
        )

    def _register(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        assert isinstance(told, Bell)  # connections hand over their requests themselves
        wake = self._wakes[sock.fileno()] = _Wake(self, sock, told)
        wake.read_on()

    def _change(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        raise NotImplementedError

    def _forget(self, sock: socket.socket) -> None:
        self._wakes.pop(sock.fileno()).forget()


class _Wake:
    """A bell's socket: the ring reads the byte that rings it."""

    def __init__(self, loop: UringLoop, sock: socket.socket, bell: Bell) -> None:
        self._loop = loop
        self._sock = sock
        self._reading = 0
        self.bell = bell

    def read_on(self) -> None:
        if not self._reading:
            self._reading = self._loop._ring.recv(self, self._sock.fileno())

    def completed(self, _kind: int, result: int, _data: bytes) -> None:
        self._reading = 0
        if result > 0:
            self._loop._rung.append(self.bell)
        if result > 0 or result == -errno.ENOBUFS:
            self._loop._again[self] = None

    def forget(self) -> None:
        self._loop._again.pop(self, None)
        if self._reading:
            self._loop._ring.cancel(self._reading)
            self._loop._ring.enter(0, 0.0)
