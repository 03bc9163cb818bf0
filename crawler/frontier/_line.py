"""One host's line: its requests, its rules, its pace, and what is to be remembered of it.

Read beside it: _lines.py (which line moves), pace.py (when it may).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from crawler.told import NOTHING

if TYPE_CHECKING:
    from crawler.model import Request
    from crawler.pace import Pace
    from crawler.robots import Rules
    from crawler.told import Told

NO_RULES = "robots.unreachable"
DEAD = "host.dead", "given up after many lost exchanges in a row"


class Line:
    """One host's requests, and what is known of the host.

    Attributes:
        origin: scheme, host and port.
        pace: when its next exchange may begin.
        is_public: a public address answered; from then on no other may.
        read_at: monotonic instant its robots.txt was read; 0.0 where it was not.
        rules: what its robots.txt allows; None while that is not known. They last until the instant
            `rules_until`.
        asked: its robots.txt is on its way; `asked_public` when a public page led to it.
        blocked: why what public pages link to is refused: its address is private; "" for nothing.
        refused: the code with which all of its requests are refused, and `reason` in words; "" for
            none.
        queue: (depth, turn, request), a heap.
        kept: what of `told` is in the state file.
    """

    __slots__ = (
        "address",
        "asked",
        "asked_public",
        "blocked",
        "is_public",
        "kept",
        "origin",
        "pace",
        "peer",
        "queue",
        "read_at",
        "reason",
        "refused",
        "rules",
        "rules_until",
        "tries",
        "waits",
    )

    def __init__(self, origin: str, pace: Pace) -> None:
        self.origin = origin
        self.pace = pace
        self.peer = ""  # the address that answered last
        self.rules: Rules | None = None
        self.rules_until = 0.0
        self.read_at = 0.0
        self.is_public = False
        self.asked = False
        self.asked_public = False
        self.blocked = ""
        self.refused = ""
        self.reason = ""
        self.tries = 0
        self.queue: list[tuple[int, int, Request]] = []
        self.address: Address | None = None
        self.kept: tuple[Told, float] = NOTHING, 0.0
        self.waits = False  # it stands in _ready, in _resting or at its address

    @property
    def is_idle(self) -> bool:
        """Whether nothing of it waits, rests or is under way."""
        return not (self.queue or self.waits or self.asked or self.pace.under_way)

    def told(self, now: float) -> tuple[Told, float]:
        """What is to be remembered of the host, and the instant until which it rests."""
        told, until = self.pace.told(now)
        if self.tries:
            refused = (self.refused, self.reason) if self.refused == NO_RULES else ("", "")
            told = told._replace(tries=self.tries, refused=refused[0], reason=refused[1])
        return told, until

    def recall(self, told: Told, rest: float, now: float) -> None:
        """Go on with a host that told so, and rests for `rest` seconds yet."""
        self.pace.recall(told, rest, now)
        self.tries = told.tries
        self.refused, self.reason = told.refused, told.reason
        if self.pace.dead:
            self.refused, self.reason = DEAD
        self.kept = self.told(now)


class Address:
    """What all hosts at one address have under way together."""

    __slots__ = ("blocked", "most", "under_way")

    def __init__(self, most: int) -> None:
        self.most = most
        self.under_way = 0
        self.blocked: deque[Line] = deque()
