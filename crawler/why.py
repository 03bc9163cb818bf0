"""Why this speed: the seconds of a run, each given to what was true while they passed. Pure.

    the loop waited because     all slots were in use ──► split by what the exchanges spent:
                                                          DNS, connect, TLS, first byte, receive
                                hosts rested          ──► delay, Crawl-delay, Retry-After ...
                                nothing to take       ──► input, rate, parsers, the last exchanges
    it did not wait             output, or else our own CPU

With several processes some of the waiting is not for servers: for that part of it for which they
worked on average, they were what was waited for.

Every second has exactly one cause, so the parts add up to the wall time. What the loop has to say:
`turn` after each wait, `told` of each exchange. Read beside it: politeness.py (`Hold`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from crawler.politeness import Hold
from crawler.safety import safe_text

if TYPE_CHECKING:
    from crawler.model import Timing

_ORIGINS = 1000  # hosts that are remembered as the cause of waits
_SHOWN = 0.01  # of the wall time: smaller parts are put together
_NEVER_FULL = 0.5  # of the concurrency: with fewer under way than that, more would not help


class Reason(enum.Enum):
    """What was true while the loop waited or worked."""

    SERVERS = "all slots were in use, waiting for servers"
    WINDOW = "every host had as many exchanges under way as it may have"
    DELAY = "every host that was left rested: delay between requests"
    CRAWL_DELAY = "every host that was left rested: Crawl-delay of its robots.txt"
    RETRY_AFTER = "every host that was left rested: it asked for that by Retry-After"
    THROTTLED = "every host that was left rested: 429 or 503"
    PARKED = "every host that was left was parked: its exchanges were lost"
    ROBOTS = "every host that was left rested: its robots.txt is unreachable"
    RETRY = "only retries were left, which come later"
    RATE = "the rate for all hosts together was reached"
    INPUT = "the input had nothing yet"
    LAST = "nothing was left but what was under way"
    PARSERS = "pages were being parsed"
    NETWORK = "our own network was gone"
    OUTPUT = "writing outputs and state"
    SHARDS = "all slots were in use, waiting for our own processes"
    CPU = "our own work"

    __hash__ = object.__hash__  # Enum's own is a call of Python per look-up


OF_HOLD = {
    Hold.NONE: Reason.SERVERS,
    Hold.WINDOW: Reason.WINDOW,
    Hold.DELAY: Reason.DELAY,
    Hold.CRAWL_DELAY: Reason.CRAWL_DELAY,
    Hold.RETRY_AFTER: Reason.RETRY_AFTER,
    Hold.THROTTLED: Reason.THROTTLED,
    Hold.PARKED: Reason.PARKED,
    Hold.ROBOTS: Reason.ROBOTS,
}
# What an exchange was in when it failed before the first byte; where it is none of these, it had
# asked and waited.
_FAILED_IN = {"dns": "DNS", "connect": "connect", "proxy": "connect", "tls": "TLS"}
# While they are true the time is that of the exchanges under way, and so is split by their phases.
_EXCHANGES = (Reason.SERVERS, Reason.WINDOW, Reason.LAST)
_ADVICE = {
    Reason.SERVERS: "--concurrency",
    Reason.WINDOW: "--per-host",
    Reason.DELAY: "--delay",
    Reason.CRAWL_DELAY: "--crawl-delay ignore",
    Reason.RATE: "--rate",
    Reason.PARSERS: "--parsers",
    Reason.SHARDS: "--processes",
}


@dataclass(frozen=True, slots=True)
class Part:
    """Seconds of the wall time and their cause."""

    reason: Reason
    seconds: float
    origin: str = ""  # the host that caused most of them; "" where none did
    origin_seconds: float = 0.0


class Spent:
    """Where the time of a run goes.

    Attributes:
        worked: seconds for which the processes that fetch used a processor, each on average.
    """

    def __init__(self) -> None:
        self.worked = 0.0
        self._by_reason: dict[Reason, float] = {}
        self._by_origin: dict[Reason, dict[str, float]] = {}
        self._phases = dict.fromkeys(("DNS", "connect", "TLS", "first byte", "receive"), 0.0)
        self._exchanges = 0.0

    def turn(self, seconds: float, reason: Reason, origin: str = "") -> None:
        """So many seconds passed while that was true; `origin` is the host that is due first."""
        self._by_reason[reason] = self._by_reason.get(reason, 0.0) + seconds
        if origin:
            origins = self._by_origin.setdefault(reason, {})
            if origin in origins or len(origins) < _ORIGINS:
                origins[origin] = origins.get(origin, 0.0) + seconds

    def told(self, timing: Timing, code: str = "") -> None:
        """An exchange ended; `code` says why where it failed."""
        _, dns, connect, tls, first_byte, total = timing
        phases = self._phases
        if connect or dns:  # most ride a kept connection
            phases["DNS"] += dns
            phases["connect"] += connect
            phases["TLS"] += tls
        phases["first byte"] += first_byte
        last = "receive" if first_byte else _FAILED_IN.get(code.partition(".")[0], "first byte")
        phases[last] += max(0.0, total - dns - connect - tls - first_byte)
        self._exchanges += total

    def parts(self, wall: float) -> list[Part]:
        """The wall time, largest part first; what nobody told of is our own work."""
        found = dict(self._by_reason)
        if self.worked:
            share = min(1.0, self.worked / wall) if wall > 0 else 0.0
            waits = [reason for reason in _EXCHANGES if reason in found]
            theirs = share * sum(found[reason] for reason in waits)
            found.update((reason, (1.0 - share) * found[reason]) for reason in waits)
            found[Reason.SHARDS] = found.get(Reason.SHARDS, 0.0) + theirs
        rest = wall - sum(found.values())
        if rest > 0:
            found[Reason.CPU] = found.get(Reason.CPU, 0.0) + rest
        return sorted(
            (
                Part(reason, seconds, *self._most(reason))
                for reason, seconds in found.items()
                if seconds > 0
            ),
            key=lambda part: -part.seconds,
        )

    def phases(self) -> dict[str, float]:
        """What the exchanges spent: shares of 1 by phase; empty when there were none."""
        whole = sum(self._phases.values())
        return {name: spent / whole for name, spent in self._phases.items()} if whole else {}

    def mean_under_way(self, wall: float) -> float:
        """Exchanges under way on average."""
        return self._exchanges / wall if wall > 0 else 0.0

    def _most(self, reason: Reason) -> tuple[str, float]:
        origins = self._by_origin.get(reason)
        return max(origins.items(), key=itemgetter(1)) if origins else ("", 0.0)


def explain(spent: Spent, wall: float, concurrency: int) -> list[str]:
    """Lines for people: where the wall time went, and which option has a say in it."""
    parts = spent.parts(wall)
    whole = sum(part.seconds for part in parts)
    if not whole:
        return []
    shown = [part for part in parts if part.seconds >= _SHOWN * whole]
    others = parts[len(shown) :]
    shares = _percents([*(part.seconds for part in shown), sum(p.seconds for p in others)])
    lines = [
        f"{share:3d} % {_line(part, spent)}" for share, part in zip(shares, shown, strict=False)
    ]
    if shares[-1]:
        lines.append(f"{shares[-1]:3d} % other: {', '.join(p.reason.value for p in others)}")
    mean = spent.mean_under_way(wall)
    lines.append(f"on average {mean:.1f} of {concurrency:,} exchanges were under way")
    most = parts[0].reason
    if most in _ADVICE and (most is not Reason.SERVERS or mean > _NEVER_FULL * concurrency):
        lines[-1] += f"; what decides is {_ADVICE[most]}"
    return lines


def _line(part: Part, spent: Spent) -> str:
    text = part.reason.value
    if part.reason in _EXCHANGES:
        phases = sorted(spent.phases().items(), key=lambda phase: -phase[1])
        said = [f"{name} {share:.0%}" for name, share in phases if share >= _SHOWN]
        return f"{text} ({', '.join(said)})" if said else text
    if part.origin:
        return f"{text} ({safe_text(part.origin)}: {part.origin_seconds:,.1f} s)"
    return text


def _percents(parts: list[float]) -> list[int]:
    """Whole percents that add up to 100: the largest remainders are rounded up."""
    whole = sum(parts)
    exact = [100.0 * part / whole for part in parts]
    floors = [int(percent) for percent in exact]
    order = sorted(range(len(parts)), key=lambda n: floors[n] - exact[n])
    for n in order[: 100 - sum(floors)]:
        floors[n] += 1
    return floors
