"""The platform's best readiness call, by the selectors module: epoll, kqueue, devpoll or poll.

    select(timeout) ──► [(who, READ | WRITE), ...]

The kernel keeps the interest set, so a wait costs what is ready, not what is watched. Level
triggered: what was not read is told again. The engine is Loop; here is only how it waits.

Fact. EpollSelector asks for as many events as descriptors are registered, and epoll.poll allocates
room for them on every call: at 10 000 connections that costs more than the rest of the loop. So the
number is capped here; what does not fit is told next time (epoll_wait(2)).
Read beside it: _loop.py.
"""

from __future__ import annotations

import math
import selectors
import sys
from typing import TYPE_CHECKING

from crawler.engines._connection import READ, WRITE
from crawler.engines._loop import MOST_EVENTS, Loop
from crawler.engines._readiness import Bell

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from crawler.contracts import Engine
    from crawler.engines._connection import Connection
    from crawler.engines._resolve import Resolver
    from crawler.model import Limits, Network


def open(transport: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """The engine; `transport` is "", its exchange is its own."""
    return SelectorsLoop(concurrency=concurrency, limits=limits, network=network)


class SelectorsLoop(Loop):
    """Loop over selectors.DefaultSelector."""

    def __init__(
        self,
        *,
        concurrency: int,
        limits: Limits,
        network: Network,
        resolver: Resolver | None = None,
    ) -> None:
        self._selector = _Selector()
        super().__init__(concurrency=concurrency, limits=limits, network=network, resolver=resolver)

    def close(self) -> None:
        super().close()
        self._selector.close()

    def _ready(self, timeout: float | None) -> Sequence[tuple[Connection | Bell, int]]:
        return self._selector.told(timeout)

    def _register(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        self._selector.register(sock, mask, told)

    def _change(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        self._selector.modify(sock, mask, told)

    def _forget(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)


if sys.platform == "linux":
    import select

    _IN, _NOT_IN, _NOT_OUT = select.EPOLLIN, ~select.EPOLLIN, ~select.EPOLLOUT

    class _Selector(selectors.EpollSelector):
        """EpollSelector with at most MOST_EVENTS events a call, giving who is to be told."""

        def told(self, timeout: float | None) -> list[tuple[Connection | Bell, int]]:
            # epoll counts milliseconds: rounded up, or a wait that is too short would spin.
            wait = -1.0 if timeout is None else math.ceil(timeout * 1e3) * 1e-3
            keys = self._fd_to_key  # type: ignore[attr-defined]  # private, the same since 3.4
            events = self._selector.poll(wait, MOST_EVENTS)  # type: ignore[attr-defined]  # as above
            found = []
            for number, event in events:
                key = keys[number]
                if event == _IN:
                    found.append((key.data, READ))
                else:
                    # Errors and hang-ups are both: whoever reads or writes next sees which.
                    mask = (WRITE if event & _NOT_IN else 0) | (READ if event & _NOT_OUT else 0)
                    found.append((key.data, mask & key.events))
            return found

else:

    class _Selector(selectors.DefaultSelector):
        """The platform's selector, giving who is to be told."""

        def told(self, timeout: float | None) -> list[tuple[Connection | Bell, int]]:
            return [(key.data, mask) for key, mask in self.select(timeout)]
