"""What cannot be set aside runs in threads, beside the one that switches: the look-up of a name.

    run(function) ──► queue ──► one of `most` threads ──► function(), which rings when it is done

Facts. getaddrinfo blocks and cannot be called off: its thread stays until the resolver gives up
(getaddrinfo(3) has no limit of time). Threads are made as they are needed, and where the system has
no further one (pthread_create(3), EAGAIN), those that are there have to do.
Read beside it: _hub.py, _resolve.py (the same for loops, with the cache).
"""

from __future__ import annotations

import errno
import queue
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_JOIN = 0.1  # seconds given to all threads: some may be inside getaddrinfo


class Beside:
    """At most that many threads, and what waits for one of them. Used by one thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way = 0
        self._todo: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def run(self, function: Callable[[], None]) -> None:
        """Run it in a thread. Raises OSError when there is none and none can be made."""
        if self._under_way >= len(self._threads) < self._most:
            self._add()
        self._under_way += 1
        self._todo.put(function)

    def ended(self) -> None:
        """One of them has ended: told by the thread that had it run."""
        self._under_way -= 1

    def close(self) -> None:
        """Let the threads end; one that is inside a call ends after it."""
        for _ in self._threads:
            self._todo.put(None)
        end = time.monotonic() + _JOIN
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _add(self) -> None:
        # A daemon, because a resolver that hangs must not keep the program from ending.
        thread = threading.Thread(target=self._work, name="crawler-dns", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            if not self._threads:
                raise OSError(errno.EAGAIN, "the system has no further thread") from error
        else:
            self._threads.append(thread)

    def _work(self) -> None:
        while (function := self._todo.get()) is not None:
            function()
