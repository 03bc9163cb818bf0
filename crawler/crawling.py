"""The loop of `crawl urls.txt`: every line of the input to its outcome, and the outcome to you.

    reading ──► Listed ──► drive ──► engine
       │           ▲                   │
       │           └── hop, retry ◄─ settle
       └─ duplicate, bad line ──► write ◄── final outcome

One thread, one loop, whatever the engine: what `write` and `tick` do happens between two waits.
Read beside it: drive.py (the pump), fetching.py (settle), stopping.py.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler import engines
from crawler.drive import drive
from crawler.fetching import RETRYABLE, Fetches
from crawler.frontier.listed import Listed
from crawler.model import Failure, Limits, Network, Pause, Request
from crawler.stopping import Leave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from crawler.contracts import Engine
    from crawler.model import Outcome
    from crawler.stopping import Stop

log = logging.getLogger(__name__)

TICK = 0.25  # seconds: how late a stop is noticed at most, and four progress lines a second
_TURN = Pause(0.0)
_BETWEEN_TURNS = 500  # lines without a request before the exchanges under way get a turn


@dataclass(frozen=True, slots=True)
class Plan:
    """How a list is fetched."""

    engine: str = "selectors"
    concurrency: int = 16
    limits: Limits = Limits()
    network: Network = Network()
    follow: int = 10  # redirects
    retry_on: tuple[str, ...] = (RETRYABLE,)
    per_host: int = 0  # exchanges under way with one origin; 0 = no limit
    delay: float = 0.0  # seconds between two starts to one origin
    rate: float = 0.0  # starts per second; 0 = no limit


def crawl_list(
    entries: Iterable[Request | Failure | Pause],
    plan: Plan,
    stop: Stop,
    *,
    write: Callable[[Outcome], None],
    tick: Callable[[int], None],
) -> int:
    """Fetch every request of `entries`; how many were begun or held back and have no outcome.

    Args:
        entries: requests in order, lines that are none, pauses while nothing is there.
        plan: how to fetch.
        stop: when to end early.
        write: given every final outcome, and every Failure of `entries`.
        tick: called before every wait, at least four times a second, with the number under way.

    Raises:
        EngineUnavailable: the engine cannot run here.
        SinkError, InputError: whatever `write` and `entries` raise, as it is.
    """
    listed = Listed(
        _requests(entries, write), per_host=plan.per_host, delay=plan.delay, rate=plan.rate
    )
    fetches = Fetches(
        listed,
        limits=plan.limits,
        follow=plan.follow,
        retry_on=plan.retry_on,
        proxied=bool(plan.network.proxy),
    )
    engine = engines.open(
        plan.engine, concurrency=plan.concurrency, limits=plan.limits, network=plan.network
    )
    watched = _Watched(engine, stop, tick)
    log.info("engine %s, at most %d exchanges under way", plan.engine, plan.concurrency)
    chatty = log.isEnabledFor(logging.DEBUG)
    try:
        for outcome in drive(watched, _Until(fetches, stop), plan.concurrency):
            if chatty:
                _log_exchange(outcome)
            final = fetches.settle(outcome)
            if final is not None:
                write(final)
    except Leave:
        return watched.under_way + listed.unfinished()
    finally:
        engine.close()
    return listed.unfinished()


def _log_exchange(outcome: Outcome) -> None:
    request = outcome.request
    log.debug(
        "exchange %s %s: %s in %.3f s (line %d, attempt %d)",
        request.method,
        request.url,
        outcome.error.code if isinstance(outcome, Failure) else outcome.status,
        outcome.elapsed,
        request.number,
        request.attempt,
    )


def _requests(
    entries: Iterable[Request | Failure | Pause], write: Callable[[Outcome], None]
) -> Iterator[Request | Pause]:
    idle = 0
    for entry in entries:
        if isinstance(entry, Failure):
            write(entry)
            idle += 1
            if idle % _BETWEEN_TURNS == 0:
                yield _TURN
        else:
            yield entry


class _Until:
    """A source that has nothing more once the run is to stop."""

    def __init__(self, fetches: Fetches, stop: Stop) -> None:
        self._take = fetches.take
        self._stop = stop

    def take(self) -> Request | Pause | None:
        return None if self._stop.asked else self._take()


class _Watched:
    """An engine that is waited for in short steps, so that the loop sees the clock."""

    def __init__(self, engine: Engine, stop: Stop, tick: Callable[[int], None]) -> None:
        self.under_way = 0
        self._engine = engine
        self._stop = stop
        self._tick = tick
        self.close = engine.close

    def start(self, request: Request, /) -> None:
        self.under_way += 1
        self._engine.start(request)

    def wait(self, timeout: float | None, /) -> list[Outcome]:
        end = time.monotonic() + timeout if timeout is not None else None
        while True:
            self._tick(self.under_way)
            left = TICK if end is None else min(TICK, max(0.0, end - time.monotonic()))
            with self._stop.waiting():
                ended = self._engine.wait(left)
            if ended:
                self.under_way -= len(ended)
                return ended
            if self._stop.asked or (end is not None and time.monotonic() >= end):
                return []
