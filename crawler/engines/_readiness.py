"""How a loop learns of its sockets: the one thing that differs between its engines.

Fact. A registration costs a system call and an exchange needs none: a connection stays registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from crawler.engines._connection import Connection


class Bell:
    """What the loop is told of besides connections."""

    def __init__(self, on_ready: Callable[[int], None]) -> None:
        self.on_ready = on_ready


class Readiness:
    """Four methods that each engine fills in its own way."""

    def _ready(self, timeout: float | None) -> Sequence[tuple[Connection | Bell, int]]:
        """Who is ready for what, READ, WRITE or both; waits `timeout` seconds, None for ever."""
        raise NotImplementedError

    def _register(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        """Tell of the socket's readiness from now on."""
        raise NotImplementedError

    def _change(self, sock: socket.socket, mask: int, told: Connection | Bell) -> None:
        """Tell of other readiness."""
        raise NotImplementedError

    def _forget(self, sock: socket.socket) -> None:
        """Tell of nothing any more."""
        raise NotImplementedError
