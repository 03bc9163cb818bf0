"""The way to a connection: addresses race, and the first that is taken wins.

    a ──► refused
      b ──► connected: the winner
        c ──► closed

Facts. A connect that fails says so at once, one that is dropped says nothing for two minutes, so
the next address starts `Limits.stagger` after the last (RFC 8305 5). Each address has
`Limits.connect`, and what follows on it, tunnel and TLS, must fit into the rest of that.
Read beside it: _approach.py, which goes on with the winner; transports/_dial.py, the same by
blocking calls.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from crawler.addresses import is_public
from crawler.engines._connection import READ
from crawler.errors import AddressBlocked, ConnectError, FetchTimeout
from crawler.transports._dial import connect_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.engines._connection import Connection
    from crawler.engines._loop import Loop
    from crawler.errors import FetchError
    from crawler.transports.resolve import Address

STARVED = frozenset({errno.EMFILE, errno.ENFILE})


class Race:
    """The connects of one exchange to the addresses of its host.

    Args:
        loop: who opens and closes connections.
        addresses: best first.
        key: of the connections.
        raced: called with a connection whose connect has ended, and with what it is ready for.

    Attributes:
        winner: the first connection that was taken, or None so far.
        error: why the last of them failed.
        late_at: monotonic instant at which `step` has something to do.
    """

    def __init__(
        self,
        loop: Loop,
        addresses: tuple[Address, ...],
        *,
        key: str,
        raced: Callable[[Connection, int], None],
    ) -> None:
        self._loop = loop
        self._raced = raced
        self._limits = loop.limits
        self._key = key
        self._waiting = list(addresses[loop.limits.addresses - 1 :: -1])
        self._racing: dict[Connection, float] = {}
        self._next_at = 0.0
        self.winner: Connection | None = None
        self.error: FetchError | None = None
        self.late_at = 0.0

    def step(self, now: float) -> bool:
        """Expire what is late, start what is due; True once it is decided: `winner` or `error`.

        Raises:
            OSError: EMFILE or ENFILE, and nothing is under way: try again later.
        """
        for connection, end in tuple(self._racing.items()):
            if now >= end:
                where = f"{connection.address.host} {connection.address.port}"
                message = f"{where} took no connection in {self._limits.connect:g} s"
                self._lost(connection, FetchTimeout(message, code="connect.timeout"))
        while self._waiting and (not self._racing or now >= self._next_at):
            self._start(now)
        if not self._racing:
            return True
        self.late_at = min(self._racing.values())
        if self._waiting:
            self.late_at = min(self.late_at, self._next_at)
        return False

    def ready(self, connection: Connection, mask: int) -> bool:
        """A connect has ended: True when it won, else it is up to `step`."""
        error = connection.connected()
        if error is not None:
            self._lost(connection, error)
            return False
        del self._racing[connection]
        self.abandon()
        self.winner = connection
        connection.dubious = bool(mask & READ)
        return True

    def abandon(self) -> None:
        """Close every connection that has not won."""
        for connection in self._racing:
            self._loop.close_connection(connection)
        self._racing.clear()
        self._waiting.clear()

    def _start(self, now: float) -> None:
        address = self._waiting.pop()
        try:
            connection = self._loop.open_connection(address, key=self._key)
        except OSError as error:
            if error.errno in STARVED:
                if self._racing:  # it must do with those that have started
                    self._waiting.clear()
                    return
                self._waiting.append(address)
                raise
            self.error = connect_error(error, address)
            return
        self._racing[connection] = now + self._limits.connect
        self._next_at = now + self._limits.stagger
        try:
            connection.connect(lambda mask: self._raced(connection, mask))
        except OSError as error:
            self._lost(connection, connect_error(error, address))

    def _lost(self, connection: Connection, error: FetchError) -> None:
        del self._racing[connection]
        self._loop.close_connection(connection)
        self.error = error


def check_peer(connection: Connection, host: str) -> None:
    """Raise AddressBlocked when the peer that answered is private, whatever DNS had said."""
    try:
        peer = str(connection.sock.getpeername()[0])
    except OSError as error:  # it has gone again
        raise ConnectError(f"{connection.peer} closed at once", code="connect.reset") from error
    if not is_public(peer):
        message = f"{host} was reached at the private address {peer}"
        raise AddressBlocked(message, code="policy.address_blocked")
