"""One end of what connects the crawl and a shard: messages of plain values, many in one write.

    send(values) ─► frame, frame, ... ─► flush: one write(2) takes what fits ─► read() ─► values

Nothing here blocks: what does not fit stays until the next `flush`. Used by plain system calls,
which are the same in a process that gevent has patched. Messages are marshal's, which makes values
and nothing else. Read beside it: engines/_crossing.py (the frames), sharding.py, shard_worker.py.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from typing import TYPE_CHECKING

from crawler.engines import _crossing

if TYPE_CHECKING:
    from typing import Any

_CHUNK = 256 * 1024
_MOST = 4 * 1024 * 1024  # bytes taken at once: the others wait for their turn meanwhile
_SIZE = _crossing.LENGTH.size


class Pipe:
    """One end.

    Args:
        descriptor: of a socket; it belongs to this.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        os.set_blocking(descriptor, False)
        self._unsent: deque[memoryview] = deque()
        self._came = bytearray()

    @property
    def is_full(self) -> bool:
        """Whether something could not be sent yet."""
        return bool(self._unsent)

    def send(self, told: Any) -> None:
        """Have the values sent, after what was given before; `flush` does it."""
        self._unsent.append(memoryview(_crossing.framed(told)))

    def flush(self) -> None:
        """Write what the socket takes; that the other end is gone is for `read` to see."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            while self._unsent:
                sent = os.write(self.descriptor, self._unsent[0])
                rest = self._unsent.popleft()[sent:]
                if rest:
                    self._unsent.appendleft(rest)

    def read(self) -> tuple[list[Any], bool]:
        """The messages that have come, and whether the other end is still there."""
        is_there = True
        came = self._came
        before = len(came)
        try:
            while len(came) - before < _MOST:
                piece = os.read(self.descriptor, _CHUNK)
                if not piece:
                    is_there = False
                    break
                came += piece
        except BlockingIOError:
            pass
        except ConnectionResetError:
            is_there = False
        return self._messages(), is_there

    def _messages(self) -> list[Any]:
        came, start, told = self._came, 0, []
        with memoryview(came) as view:
            while len(came) - start >= _SIZE:
                end = start + _SIZE + _crossing.LENGTH.unpack_from(came, start)[0]
                if len(came) < end:
                    break
                with view[start + _SIZE : end] as frame:
                    told.append(_crossing.unframed(frame))
                start = end
        del came[:start]
        return told

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)
