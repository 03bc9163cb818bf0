"""Who hands what to whom. Read this first: everything else implements one of these five.

    source ── take() ──► drive ── start() ──► engine ──(exchange)──► transport or transfer, on wire
                           ▲                    │
                           └────── wait() ──────┘      outcomes go to the caller, then to sinks

A class fits a contract by having its methods; nothing inherits from these.
"""

from __future__ import annotations

from typing import Protocol

from crawler.model import Limits, Outcome, Pause, Request, Response


class Engine(Protocol):
    """One I/O model: how many exchanges wait at once, and how the end of a wait is learned.

    Every `start` ends in exactly one outcome of some later `wait`. An engine is used by one thread.
    """

    def start(self, request: Request, /) -> None:
        """Begin an exchange. Never blocks for the peer's sake, never raises for it."""
        ...

    def wait(self, timeout: float | None, /) -> list[Outcome]:
        """The exchanges that ended: blocks until there is at least one or `timeout` seconds passed.

        With nothing under way it only lets the time pass (None then returns at once). Whatever is
        not a FetchError is a bug of ours and is raised here.
        """
        ...

    def close(self) -> None:
        """Abandon what is under way and give back every descriptor, thread and greenlet."""
        ...


class Transport(Protocol):
    """One way to perform one exchange in blocking style."""

    def exchange(self, request: Request, limits: Limits, /) -> Response:
        """Send the request, read the response: no redirects, retries, cookies or content decoding.

        Raises:
            FetchError: there is no usable response; `.partial` holds what had arrived.
        """
        ...

    def close(self) -> None:
        """Close every kept connection."""
        ...


class Source(Protocol):
    """Where requests come from."""

    def take(self) -> Request | Pause | None:
        """The next request; a Pause when there is one but not yet; None when none is waiting.

        None is not the end while exchanges are under way: their outcomes may bring more.
        """
        ...


class Frontier(Source, Protocol):
    """A source that is told what became of its requests."""

    def add(self, request: Request, /) -> bool:
        """Queue a request; False when it was seen before."""
        ...

    def done(self, request: Request, /, *, ready_in: float = 0.0) -> None:
        """The request ended; its host rests for `ready_in` seconds."""
        ...


class Sink(Protocol):
    """Where outcomes are written."""

    def write(self, outcome: Outcome, /) -> None:
        """Take one outcome. Raises SinkError when it cannot be kept."""
        ...

    def close(self) -> None:
        """Flush and close. Raises SinkError when what was taken is not safe."""
        ...
