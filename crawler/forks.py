"""A crawl belongs to the process that began it: in a fork of that process it can only be refused.

    parent ── crawl(...) ── outcome ── outcome ──► goes on
                               └ os.fork() ─► child: its copy is refused, and closes nothing

What both have is one: the sockets and the kernel's list of them (epoll(7), Q6), the places in the
output files (fork(2)), the database (sqlite.org/howtocorrupt.html, 2.6). Closing a copy would take
the parent's sockets out of that list and write its records twice; so a copy is left as it is, and
not even let go of: what Python clears away, it closes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from crawler.errors import EngineUnavailable

if TYPE_CHECKING:
    from contextlib import ExitStack


class Owner:
    """The process that this is called in."""

    __slots__ = ("_pid",)

    def __init__(self) -> None:
        self._pid = os.getpid()

    def leaves(self, *things: object) -> bool:
        """Whether this is a fork of that process, which then keeps the things until its end."""
        if os.getpid() == self._pid:
            return False
        import ctypes  # seldom needed

        for thing in things:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
        return True

    def require(self) -> None:
        """Raises EngineUnavailable in a fork."""
        if os.getpid() != self._pid:
            raise EngineUnavailable(
                f"this crawl belongs to process {self._pid} and goes on there: a fork of it has to"
                " begin its own"
            )

    def guard(self, stack: ExitStack) -> None:
        """In a fork `stack` closes nothing of what it was given until now."""

        def left() -> None:
            if self.leaves():
                self.leaves(stack.pop_all())

        stack.callback(left)
