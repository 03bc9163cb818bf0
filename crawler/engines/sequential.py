"""Blocking I/O, one exchange after the other: the line all other engines are measured against.

    wait() performs the exchange that was started first

Everything waits for everything: 200 pages of 100 ms take 20 s. Read beside it: threads.py, where
the same text runs many times at once.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from crawler.engines._workers import (
    WAIT_FOR_FILES,
    is_out_of_files,
    perform,
    transport,
    warn_out_of_files,
)

if TYPE_CHECKING:
    from crawler.contracts import Engine
    from crawler.engines._workers import Abortable
    from crawler.model import Limits, Network, Outcome, Request


def open(name: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """A sequential engine over the transport of that name."""
    return Sequential(transport(name, network, concurrency=1, calls=None), limits)


class Sequential:
    """Performs each exchange inside `wait`."""

    def __init__(self, through: Abortable, limits: Limits) -> None:
        self._through = through
        self._limits = limits
        self._started: deque[Request] = deque()
        self._warned = False

    def start(self, request: Request, /) -> None:
        self._started.append(request)

    def wait(self, timeout: float | None, /) -> list[Outcome]:
        if not self._started:
            time.sleep(timeout or 0.0)
            return []
        request = self._started.popleft()
        end = time.monotonic() + self._limits.timeout
        outcome = perform(self._through, request, self._limits)
        while is_out_of_files(outcome) and time.monotonic() < end:
            if not self._warned:
                self._warned = True
                warn_out_of_files()
            self._through.close()
            time.sleep(WAIT_FOR_FILES)
            outcome = perform(self._through, request, self._limits)
        return [outcome]

    def close(self) -> None:
        self._started.clear()
        self._through.abort()
        self._through.close()
