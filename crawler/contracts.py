"""Who hands what to whom. Read this first: everything else implements one of these five.

    source ── take() ──► drive ── start() ──► engine ──(exchange)──► transport or transfer, on wire
                           ▲                    │
                           └────── wait() ──────┘      outcomes go to the caller, then to sinks

A class fits a contract by having its methods; nothing inherits from these.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from crawler.model import Failure, Final, Limits, Outcome, Pause, Request, Response, Skip
    from crawler.politeness import Answer
    from crawler.robots import Robots
    from crawler.why import Reason


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


@dataclass(frozen=True, slots=True)
class Facts:
    """What a frontier keeps of an outcome."""

    code: str = ""  # why it failed or was skipped
    status: int = 0
    etag: str = ""
    modified: str = ""  # Last-Modified, as the server wrote it


class State(enum.Enum):
    """What became of a URL."""

    QUEUED = 0
    DONE = 1
    FAILED = 2
    SKIPPED = 3
    REACHED = 4  # by a redirect: it is fetched as part of what led there

    __hash__ = object.__hash__  # Enum's own is a call of Python per look-up


class Frontier(Protocol):
    """All URLs of a crawl: what waits, what was seen, what became of it.

    It decides whose turn it is, and politeness decides when (pace.py).
    """

    @property
    def durable(self) -> bool:
        """Whether what was committed outlives the process."""
        ...

    @property
    def counts(self) -> Mapping[State, int]:
        """Pages by what became of them; sitemaps are among those that are queued."""
        ...

    @property
    def waiting(self) -> int:
        """Requests without an outcome."""
        ...

    def add(self, request: Request, /) -> bool:
        """Queue a request; False when its URL was seen before."""
        ...

    def take(self, *, new: bool = True) -> Request | Skip | Pause | None:
        """What may begin now; a Skip for what its host does not allow.

        A Pause when all that waits has to rest; None when nothing waits, or nothing can move before
        an exchange has ended. With `new` False only what had begun before: hops and retries.
        """
        ...

    def waits_for(self) -> tuple[Reason, str]:
        """Why `take` gave no request, and the host that is due first; "" where there is none."""
        ...

    def again(self, request: Request, /, *, after: float = 0.0) -> None:
        """Queue a hop or a retry, not before `after` seconds."""
        ...

    def ended(
        self, request: Request, answer: Answer, /, *, latency: float, rest: float, peer: str
    ) -> None:
        """An exchange with the request's host ended.

        Args:
            request: what was asked for.
            answer: how it went.
            latency: seconds to the first byte.
            rest: seconds the host asked for; 0.0 where it did not.
            peer: the address that answered; "" where unknown or of no matter.
        """
        ...

    def may_retry(self, request: Request, /) -> bool:
        """Whether the budget of the request's host has another retry in it; if so it is used."""
        ...

    def learn(self, origin: str, robots: Robots, /) -> None:
        """What came of the origin's robots.txt."""
        ...

    def is_new(self, hop: Request, /) -> bool:
        """Note that a redirect leads to `hop`; False when that URL was seen before."""
        ...

    def finish(self, request: Request, state: State, facts: Facts, /) -> None:
        """The request has its final outcome."""
        ...

    def set_aside(self, waiting: Iterable[Failure], written: Iterable[Failure], /) -> None:
        """Lines that are no requests: keep those that wait for their turn, forget the others."""
        ...

    def commit(self, marks: Mapping[str, str], /, *, synced: bool = False) -> None:
        """Make what happened since the last commit last, with the outputs' marks.

        `synced` says that the outputs are on the disk up to these marks.
        """
        ...

    def close(self) -> None:
        """Give everything back; what was not committed is forgotten."""
        ...


class Sink(Protocol):
    """Where outcomes are written."""

    def write(self, outcome: Final, /) -> None:
        """Take one outcome. Raises SinkError when it cannot be kept."""
        ...

    def close(self) -> None:
        """Flush and close. Raises SinkError when what was taken is not safe."""
        ...
