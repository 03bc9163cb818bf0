"""How long a list must take at least, from what hosts ask for. Pure.

    hosts ──► seconds each needs ──► the longest of them, or the sum over all slots

A host that asks for a pause is fetched one by one: URLs x pause. Any other has at most so many
exchanges at once, each as long as its robots.txt took to answer: URLs x latency / window. The whole
list takes as long as its slowest host, and no less than all exchanges divided by the concurrency.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    """One host of a list."""

    origin: str
    urls: int
    disallowed: int = 0  # of these, by robots.txt
    robots: str = ""  # what came of asking for it: a status or an error code
    pause: float = 0.0  # seconds between two requests, by Crawl-delay or --delay
    window: int = 1  # most exchanges at once
    latency: float = 0.0  # seconds an answer took
    unreachable: bool = False  # nothing of it will be fetched

    @property
    def allowed(self) -> int:
        """URLs that will be asked for."""
        return 0 if self.unreachable else self.urls - self.disallowed

    @property
    def seconds(self) -> float:
        """The shortest time in which they can be."""
        if not self.allowed:
            return 0.0
        if self.pause:
            return self.pause * (self.allowed - 1) + self.latency
        rounds = -(-self.allowed // max(1, self.window))
        return rounds * self.latency


@dataclass(frozen=True, slots=True)
class Forecast:
    """A list, host by host, the slowest first."""

    hosts: tuple[Host, ...]
    concurrency: int
    rate: float = 0.0  # starts per second over all; 0 = no limit

    @property
    def urls(self) -> int:
        """All of them."""
        return sum(host.urls for host in self.hosts)

    @property
    def allowed(self) -> int:
        """Those that will be asked for."""
        return sum(host.allowed for host in self.hosts)

    @property
    def slowest(self) -> Host | None:
        """The host that sets the time; None when it is not a single one."""
        first = max(self.hosts, key=lambda host: host.seconds, default=None)
        return first if first is not None and first.seconds >= self._together else None

    @property
    def seconds(self) -> float:
        """The shortest time for the whole list."""
        longest = max((host.seconds for host in self.hosts), default=0.0)
        return max(longest, self._together)

    @property
    def _together(self) -> float:
        work = sum(host.allowed * host.latency for host in self.hosts)
        by_rate = self.allowed / self.rate if self.rate else 0.0
        return max(work / max(1, self.concurrency), by_rate)
