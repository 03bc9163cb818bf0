"""Those who found no descriptor: they wait in line until a connection of ours is closed.

Fewer at once, never lost. While others are under way, one of them will give a descriptor back; when
nobody is, the rest of the process holds them all, and there is a try now and then, for as long as
an exchange may take. Read beside it: _loop.py.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawler.engines._kept import Kept
    from crawler.engines._transfer import Transfer

RETRY = 0.05  # seconds between two tries for a descriptor when nothing of ours can end

_log = logging.getLogger(__name__)


class Starved:
    """The line of those without a descriptor, oldest first.

    Args:
        patience: seconds they wait while nothing else is under way.

    Attributes:
        line: the transfers.
        freed: a connection was closed since descriptors ran out.
    """

    def __init__(self, patience: float) -> None:
        self._alone_since = math.inf  # instant since which only starved transfers are under way
        self._patience = patience
        self._warned = False
        self.freed = False
        self.line: deque[Transfer] = deque()

    def add(self, transfer: Transfer, connections: int) -> None:
        """Let it wait; `connections` are open."""
        transfer.wait()
        if not self.line:
            self.freed = False
        if not self._warned:
            self._warned = True
            _log.warning("out of descriptors with %d connections open: using fewer", connections)
        self.line.append(transfer)

    def hopeless(self, now: float, *, alone: bool) -> bool:
        """Whether they have waited long enough, with nobody else under way."""
        if not alone:
            self._alone_since = math.inf
        elif self._alone_since > now:
            self._alone_since = now
        elif now - self._alone_since >= self._patience:
            self._alone_since = math.inf
            return True
        return False

    def fed(self, kept: Kept, *, alone: bool) -> Iterator[Transfer]:
        """Those who may try again, one by one, until the first joins the line anew."""
        waiting, self.line = self.line, deque()
        while waiting and not self.line and (alone or self.freed or kept):
            yield waiting.popleft()
        self.line += waiting
