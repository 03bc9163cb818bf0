"""When our own network is down no page has failed: the crawl waits, and looks whether it is back.

    failure ──► told ──► ours? ──► back into the line; nothing begins but one request now and then
                   └────► theirs: as ever

A machine without a route knows so at once: to `connect` a datagram socket sends nothing and fails
with ENETUNREACH (connect(2), udp(7)). Otherwise the number says it: 20 in a row, of several hosts,
whose names could not be looked up, or that had answered before and are silent now; hosts that never
answered say nothing, for lists are full of them. A refusal, a reset, the answer that a name does
not exist came through the network. After five minutes without any answer the run stops, resumable.
"""

from __future__ import annotations

import errno
import socket
import time
from typing import TYPE_CHECKING

from crawler.model import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.model import Outcome

MOST = 300.0  # seconds without an answer until the run stops
_ROUTES = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))  # RFC 5737, 3849
_UNREACHABLE = "connect.unreachable"
_NAMES = frozenset({"dns.servfail", "dns.timeout"})
_SILENCE = ("timeout.", "connect.timeout")
_NOTHING_SAID = ("local.", "proxy.", "policy.", "redirect.", *_SILENCE)
_REMEMBERED = 10_000  # hosts that answered, the last ones
_IN_A_ROW, _HOSTS = 20, 5
_FIRST, _SLOWEST = 1.0, 30.0  # seconds between two looks


def has_route() -> bool:
    """Whether this machine could send anything to the outside."""
    for family, address in _ROUTES:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, 9))
                return True
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM}:
                return True  # nothing is known
    return False


class Outage:
    """Whether our network is down.

    Args:
        is_connected: whether there is a route to the outside.
        clock: a monotonic clock, in seconds.

    Attributes:
        since: monotonic instant it went down; 0.0 while it is up.
    """

    def __init__(
        self,
        *,
        is_connected: Callable[[], bool] = has_route,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.since = 0.0
        self._is_connected = is_connected
        self._clock = clock
        self._in_a_row = 0
        self._hosts: set[str] = set()
        self._heard: dict[str, None] = {}  # hosts that answered, the latest last
        self._wait = _FIRST
        self._next = 0.0

    @property
    def is_over(self) -> bool:
        """Whether it lasts so long that the run had better stop."""
        return bool(self.since) and self._clock() - self.since >= MOST

    def told(self, outcome: Outcome) -> bool:
        """Take note of an outcome; True when it is our network's fault and says nothing else."""
        origin = outcome.request.origin
        if isinstance(outcome, Response) or outcome.error.partial is not None:
            self._hear(origin)
            return False
        code = outcome.error.code
        silent = code.startswith(_SILENCE) and origin in self._heard
        if code != _UNREACHABLE and code not in _NAMES and not silent:
            if not code.startswith(_NOTHING_SAID):
                self._up()
            return False
        self._in_a_row += 1
        if len(self._hosts) < _HOSTS:
            self._hosts.add(origin)
        if not self._is_down(code):
            return False
        if not self.since:
            self.since = self._clock()
            self._next = self.since + self._wait
        return True

    def pause(self) -> float:
        """Seconds until the next request may begin; 0.0 when it may now."""
        if not self.since:
            return 0.0
        now = self._clock()
        if now < self._next:
            return self._next - now
        self._wait = min(_SLOWEST, 2 * self._wait)
        self._next = now + self._wait
        return 0.0

    def _is_down(self, code: str) -> bool:
        if not self._is_connected():
            return True
        several = self._in_a_row >= _IN_A_ROW and len(self._hosts) >= _HOSTS
        return code != _UNREACHABLE and (several or bool(self.since))

    def _hear(self, origin: str) -> None:
        if origin not in self._heard:
            self._heard[origin] = None
            if len(self._heard) > _REMEMBERED:
                del self._heard[next(iter(self._heard))]
        if self._in_a_row:
            self._up()

    def _up(self) -> None:
        self.since = 0.0
        self._in_a_row = 0
        self._hosts.clear()
        self._wait = _FIRST
