"""What workers of every kind do with a request, and which transport they do it through.

A worker is a thread or a greenlet that performs one exchange after the other.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from queue import Empty
from typing import TYPE_CHECKING, Protocol

from crawler.contracts import Transport
from crawler.errors import FetchError
from crawler.model import Failure, Timing

if TYPE_CHECKING:
    from crawler.model import Limits, Network, Outcome, Request
    from crawler.transports._dial import Calls

TOO_MANY_FILES = "local.too_many_files"

WAIT_FOR_FILES = 0.1  # seconds until the last worker looks whether descriptors are free again

_log = logging.getLogger(__name__)


class Abortable(Transport, Protocol):
    """A transport whose waits another thread can end."""

    def abort(self) -> None:
        """End every wait of every worker at once; the transport is of no further use."""
        ...


def transport(name: str, network: Network, *, concurrency: int, calls: Calls | None) -> Abortable:
    """The transport of that name, for so many workers; `calls` where it is not for threads."""
    if name == "requests":
        from crawler.transports.via_requests import RequestsTransport

        return RequestsTransport(network, concurrency=concurrency)
    if name == "urllib":
        from crawler.transports.via_urllib import UrllibTransport

        return UrllibTransport(network)
    from crawler.transports._dial import THREADS
    from crawler.transports.via_socket import SocketTransport

    return SocketTransport(network, concurrency=concurrency, calls=calls or THREADS)


def perform(through: Transport, request: Request, limits: Limits) -> Outcome:
    """The outcome of one exchange. What is no FetchError is a bug, and is raised."""
    started = datetime.now(UTC)
    begun = time.monotonic()
    try:
        return through.exchange(request, limits)
    except FetchError as error:
        return failure(request, error, started, time.monotonic() - begun)


def failure(request: Request, error: FetchError, started: datetime, elapsed: float) -> Failure:
    """The outcome that carries an error."""
    begun = time.monotonic() - elapsed
    timing = Timing(total=elapsed) if error.partial is None else error.partial.timing
    if request.since:
        timing = timing._replace(queue=max(0.0, begun - request.since))
    _forget_frames(error)
    return Failure(request, error, started, elapsed, request.attempt, timing)


def _forget_frames(error: BaseException | None) -> None:
    """Let go of tracebacks: their frames hold the connections and buffers of what is over."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


class Ended(Protocol):
    """The part of queue.SimpleQueue and gevent's that is used here; both raise queue.Empty."""

    def get(self, block: bool = True, timeout: float | None = None) -> Outcome | BaseException:
        """The first, waiting for it."""
        ...

    def get_nowait(self) -> Outcome | BaseException:
        """The first, if there is one."""
        ...


def gathered(ended: Ended, timeout: float | None) -> tuple[list[Outcome], BaseException | None]:
    """What has ended, waiting for the first of it; and the bug behind it, if a worker met one."""
    outcomes: list[Outcome] = []
    try:
        first = ended.get(timeout=timeout)
        while not isinstance(first, BaseException):
            outcomes.append(first)
            first = ended.get_nowait()
    except Empty:
        return outcomes, None
    return outcomes, first


def is_out_of_files(outcome: Outcome) -> bool:
    """Whether the exchange failed for want of descriptors: our fault, not the page's."""
    return isinstance(outcome, Failure) and outcome.error.code == TOO_MANY_FILES


def warn_out_of_files() -> None:
    """Say that fewer exchanges run at once than were asked for."""
    _log.warning("out of file descriptors: fewer exchanges at once; raise the limit (ulimit -n)")
