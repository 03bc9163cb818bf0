"""Memory for the bodies under way: who has to stop reading when there is too much of it.

A transfer counts what it reads. Beyond `Limits.bodies` the transfers that want to read on are
parked: their sockets are not watched, so the peers are held back by TCP's window. One, the reader,
goes on whatever happens, or nothing would ever become free. Only bodies that did not come in one
piece are counted; the others are given away at once.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from crawler.engines._approach import State

if TYPE_CHECKING:
    from crawler.engines._transfer import Transfer


class Budget:
    """The bytes of bodies that may be under way at once.

    Attributes:
        held: bytes under way now.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._parked: deque[Transfer] = deque()
        self._reader: Transfer | None = None
        self.held = 0

    def hold(self, transfer: Transfer, size: int) -> bool:
        """Count bytes of a body; True when the transfer has to stop reading for now."""
        transfer.held += size
        self.held += size
        if self.held <= self._most:
            return False
        reader = self._reader
        if reader is None or reader.state is State.ENDED:
            self._reader = transfer
            return False
        if transfer is reader:
            return False
        self._parked.append(transfer)
        return True

    def release(self, transfer: Transfer) -> None:
        """The transfer has ended: let read on who may, all when there is room, else one."""
        self.held -= transfer.held
        while self._parked and self.held <= self._most:
            self._parked.popleft().resume()
        if self._reader is not None and self._reader.state is State.ENDED:
            self._reader = None
        while self._parked and self._reader is None:
            parked = self._parked.popleft()
            if parked.state is not State.ENDED:
                self._reader = parked
                parked.resume()
