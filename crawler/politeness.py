"""The values of politeness: what the user asked for, how an exchange went, what a host had to bear.

Read beside it: pace.py, which decides by them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.model import Response

if TYPE_CHECKING:
    from crawler.model import Outcome

_THROTTLED = frozenset({429, 503})


class Answer(enum.Enum):
    """How an exchange went, as far as its host's pace is concerned."""

    FINE = "an answer"
    ERROR = "an answer that says nothing about load, or an error of the page's own"
    THROTTLED = "429 or 503: too much"
    LOST = "no connection, no answer in time, or a connection dropped"
    OURS = "our own side failed, or the host was never reached"


class Hold(enum.Enum):
    """What keeps a host's next exchange from beginning."""

    NONE = "nothing"
    WINDOW = "as many under way as it may have"
    DELAY = "delay between requests"
    CRAWL_DELAY = "Crawl-delay of robots.txt"
    RETRY_AFTER = "Retry-After"
    THROTTLED = "429 or 503 without Retry-After"
    PARKED = "parked after lost exchanges"
    ROBOTS = "robots.txt unreachable"


@dataclass(frozen=True, slots=True)
class Politeness:
    """What the user asked for."""

    per_host: int = 0  # most exchanges with one public host; 0 = by rule
    concurrency: int = 16  # most exchanges in all
    earned: bool = False  # `concurrency` was given: a public host may earn all of it
    delay: float = 0.0  # seconds between two starts to one host; 0.0 = by rule
    follow: bool = False  # links are followed: the gentler rules
    crawl_delay: bool = True  # the Crawl-delay of robots.txt is obeyed


@dataclass(frozen=True, slots=True)
class Manners:
    """What a host had to bear."""

    exchanges: int
    peak: int  # most under way at once
    gap: float  # seconds, the smallest between two starts; math.inf with less than two
    throttled: int  # 429 and 503 it sent
    asked: int  # ... with Retry-After
    early: int  # exchanges that began during a rest: never any
    rested: float  # seconds it was left alone because it asked, or because it was parked
    parked: int  # times
    window: int  # at the end
    crawl_delay: float  # seconds; 0.0 where it asks for none
    is_public: bool
    is_dead: bool


# Codes of failures, or their families.
_OURS = (
    "local.", "connect.unreachable", "proxy.refused", "proxy.auth", "dns.servfail", "dns.timeout"
)  # fmt: skip
_LOST = ("connect.", "net.", "timeout.", "tls.eof", "tls.reset", "proxy.bad_gateway")


def answer(outcome: Outcome) -> Answer:
    """How the exchange went."""
    if isinstance(outcome, Response):
        if outcome.status in _THROTTLED:
            return Answer.THROTTLED
        return Answer.FINE if outcome.status < 400 else Answer.ERROR
    code = outcome.error.code
    if code.startswith(_OURS):
        return Answer.OURS
    return Answer.LOST if code.startswith(_LOST) else Answer.ERROR
