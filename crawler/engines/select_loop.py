"""select(2): three sets of descriptors go in, the same sets with only the ready ones come out.

    select(read set, write set, error set, timeout) ──► read set, write set, error set

The sets are bit fields of 1024 bits, written anew before every call and searched after it; in
between the kernel asks every descriptor up to the highest. The first of the multiplexing calls
(4.2BSD, 1983), it is everywhere, and what every later one was made to improve on.

Facts.
* A descriptor above 1023 does not fit into the field: glibc would write beside it, so Python
  refuses (select(2), BUGS). Here a connection with such a number is given back at once, and the
  engine goes on with fewer, as when descriptors run out.
* A refused connect is told as readable and writable at once (connect(2), EINPROGRESS).
Read beside it: poll_loop.py, the same without the field; _loop.py, all the rest.
"""

from __future__ import annotations

import errno
import select
from typing import TYPE_CHECKING

from crawler.engines._connection import READ, WRITE
from crawler.engines._loop import Loop
from crawler.engines._readiness import Bell
from crawler.errors import EngineUnavailable

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from crawler.contracts import Engine
    from crawler.engines._connection import Connection
    from crawler.model import Limits, Network
    from crawler.transports.resolve import Address

FD_SETSIZE = 1024  # descriptors in a set, by number: sys/select.h
_OTHERS = 64  # descriptors that are not connections: files, pipes, DNS


def open(transport: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """The engine; `transport` is "", its exchange is its own.

    Raises:
        EngineUnavailable: so many descriptors would not fit.
    """
    most = FD_SETSIZE - _OTHERS
    if concurrency > most:
        raise EngineUnavailable(
            f"engine 'select' takes no descriptor above {FD_SETSIZE - 1}: give a concurrency of at"
            f" most {most}, not {concurrency}, or use 'poll'"
        )
    return SelectLoop(concurrency=concurrency, limits=limits, network=network)


class SelectLoop(Loop):
    """Loop over select.select."""

    def __init__(self, *, concurrency: int, limits: Limits, network: Network) -> None:
        self._told: dict[int, Connection | Bell] = {}
        self._reading: set[int] = set()
        self._writing: set[int] = set()
        super().__init__(concurrency=concurrency, limits=limits, network=network)

    def open_connection(self, address: Address, *, key: str) -> Connection:
        """As every loop's, but a descriptor that does not fit counts as none."""
        connection = super().open_connection(address, key=key)
        number = connection.sock.fileno()
        if number >= FD_SETSIZE:
            self.close_connection(connection)
            raise OSError(errno.EMFILE, f"select(2) takes no descriptor above 1023, not {number}")
        return connection

    def _ready(self, timeout: float | None) -> Sequence[tuple[Connection | Bell, int]]:
        readable, writable, _ = select.select(self._reading, self._writing, (), timeout)
        ready = dict.fromkeys(readable, READ)
        for number in writable:
            ready[number] = ready.get(number, 0) | WRITE
        return [(self._told[number], mask) for number, mask in ready.items()]

    def _register(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        number = sock.fileno()
        self._told[number] = told
        self._reading.discard(number)
        self._writing.discard(number)
        if mask & READ:
            self._reading.add(number)
        if mask & WRITE:
            self._writing.add(number)

    def _change(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        self._register(sock, mask, told)

    def _forget(self, sock: socket.socket) -> None:
        number = sock.fileno()
        del self._told[number]
        self._reading.discard(number)
        self._writing.discard(number)
