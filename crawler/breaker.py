"""Whether our own network is there: when nothing is heard any more, all stop and one tries.

    closed ── 20 exchanges in a row heard nothing, of 5 hosts or more ──► open: nothing begins
       ▲                                                                    │ after 1, 2, 4 .. 30 s
       └─────────── anything is heard ◄────── one exchange is tried ◄───────┘

A host that is silent may be dead; a machine without network finds all hosts silent, and a million
URLs would fail within a minute. What tells the two apart: a reset, a refusal or the answer that a
name does not exist all came through the network; and the silence of a host that never answered says
nothing, for lists are full of dead hosts. Pure: instants come in as numbers.

How it is used: `wait` before each start, beside the host's own; `start` when one begins; and `told`
of each outcome in the place of `politeness.answer`: while the network is gone, the host is not
blamed. A request whose outcome comes while `is_open` is asked for again, and no attempt is counted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from crawler.model import Response
from crawler.politeness import Answer, answer

if TYPE_CHECKING:
    from crawler.model import Outcome

_IN_A_ROW = 20  # exchanges that heard nothing
_HOSTS = 5  # of so many origins; our own side alone (no route, no socket) needs no second origin
_PROBE, _MOST_PROBE = 1.0, 30.0  # seconds before one is tried; doubled each time
_REMEMBERED = 10_000  # origins that answered, the last ones

# Codes of failures, or their families.
_NO_NETWORK = ("connect.unreachable", "local.no_ports", "local.memory")
_NO_NAMES = ("dns.servfail", "dns.timeout")
_SILENCE = ("timeout.", "connect.timeout")
_NOTHING_SAID = ("local.", "proxy.", "policy.")


class Breaker:
    """Stops a crawl while the machine has no network.

    Attributes:
        is_open: nothing is heard; exchanges begin one at a time, to try.
        opened: times.
        lost: seconds it was open, up to the last time it closed.
    """

    def __init__(self) -> None:
        self.is_open = False
        self.opened = 0
        self.lost = 0.0
        self._heard: dict[str, None] = {}  # origins that answered, the latest last
        self._silent: set[str] = set()  # origins of the row
        self._in_a_row = 0
        self._is_ours = True  # all of the row are our own side's
        self._under_way = 0
        self._probe = _PROBE
        self._next_probe = 0.0
        self._since = 0.0

    def wait(self, now: float) -> float:
        """Seconds until an exchange may begin: 0.0 now, math.inf not before one has ended."""
        if not self.is_open:
            return 0.0
        return math.inf if self._under_way else max(0.0, self._next_probe - now)

    def start(self) -> None:
        """An exchange begins."""
        self._under_way += 1

    def told(self, outcome: Outcome, now: float) -> Answer:
        """An exchange has ended; how it went, as far as its host can be blamed for it."""
        self._under_way -= 1
        origin = outcome.request.origin
        code = "" if isinstance(outcome, Response) else outcome.error.code
        if _was_heard(outcome):
            self._hear(origin, now)
        elif self.is_open:
            self._miss(now)
        elif self._counts(code, origin):
            self._in_a_row += 1
            self._silent.add(origin)
            self._is_ours = self._is_ours and code.startswith(_NO_NETWORK)
            if self._in_a_row >= _IN_A_ROW and (self._is_ours or len(self._silent) >= _HOSTS):
                self._open(now)
        kind = answer(outcome)
        return Answer.OURS if self.is_open and kind is Answer.LOST else kind

    def _counts(self, code: str, origin: str) -> bool:
        if code.startswith((*_NO_NETWORK, *_NO_NAMES)):
            return True
        return code.startswith(_SILENCE) and origin in self._heard

    def _hear(self, origin: str, now: float) -> None:
        if self.is_open:
            self.is_open = False
            self.lost += now - self._since
        if self._in_a_row:
            self._in_a_row = 0
            self._silent.clear()
            self._is_ours = True
        if origin not in self._heard:
            self._heard[origin] = None
            if len(self._heard) > _REMEMBERED:
                del self._heard[next(iter(self._heard))]

    def _open(self, now: float) -> None:
        self.is_open = True
        self.opened += 1
        self._since = now
        self._probe = _PROBE
        self._next_probe = now + self._probe

    def _miss(self, now: float) -> None:
        """Nothing was heard, again; what was under way when it opened is no probe."""
        if now >= self._next_probe:
            self._probe = min(_MOST_PROBE, 2.0 * self._probe)
            self._next_probe = now + self._probe


def _was_heard(outcome: Outcome) -> bool:
    """Whether anything came through the network: bytes, a reset, the answer that there is none."""
    if isinstance(outcome, Response) or outcome.error.partial is not None:
        return True
    return not outcome.error.code.startswith((*_NO_NETWORK, *_NO_NAMES, *_SILENCE, *_NOTHING_SAID))
