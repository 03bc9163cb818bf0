"""The standard library's event loop: coroutines with async and await, one thread.

    start(request) ──► queue ──► worker task:  await exchange(request)
    wait()  run_forever ──► epoll_wait ──► callbacks of what is ready ──► tasks go on
                               ▲                                            │
                               └── outcomes ──► stop() ◄────────────────────┘

An event loop calls what is ready, again and again: readable descriptors, timers that are due,
futures that have a result. A task is a coroutine that is gone on with by such a callback whenever
the future it awaits is done. Underneath it waits as epoll_loop.py does; what it adds is text in
the order in which things happen, and cancellation that unwinds it.

Facts.
* Each wait makes a future, a callback and a registration, and `timeout` a timer besides; so an
  exchange costs some times what the same state machine costs that keeps all of these.
* A function that awaits can only be called by one that awaits: the colour goes all the way up
  (PEP 492). Here it ends at this engine, whose `wait` runs the loop for a while and stops it.
* getaddrinfo blocks, so it runs in threads (asyncio documentation, loop.getaddrinfo); in ours,
  because asyncio's would keep the program from ending while a resolver hangs.
* It is the right choice for a program that does other things by asyncio, too, and for whoever wants
  to find libraries for the next protocol. PEP 3156 has the reasons behind its parts.
Read beside it: _awaited.py (the exchange), generators.py (the same without the keywords).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crawler.engines._awaited import Exchanges
from crawler.engines._resolve import Resolver
from crawler.engines._workers import WAIT_FOR_FILES, failure, is_out_of_files, warn_out_of_files
from crawler.errors import EngineUnavailable, FetchError

if TYPE_CHECKING:
    from crawler.contracts import Engine
    from crawler.model import Limits, Network, Outcome, Request
    from crawler.transports.resolve import Address


def open(transport: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """The engine; `transport` is "", its exchange is its own.

    Raises:
        EngineUnavailable: the caller is itself run by an event loop, which cannot be nested.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return AsyncioLoop(concurrency=concurrency, limits=limits, network=network)
    raise EngineUnavailable(
        "engine 'asyncio' runs a loop of its own and was opened inside a running one: use another"
        " engine there, or call it by asyncio.to_thread"
    )


class AsyncioLoop:
    """Worker tasks in an event loop that runs while someone waits."""

    def __init__(self, *, concurrency: int, limits: Limits, network: Network) -> None:
        self._loop = asyncio.new_event_loop()
        self._resolver = Resolver(network)
        self._loop.add_reader(self._resolver.wake, self._answered)
        self._exchanges = Exchanges(
            network, limits, concurrency=concurrency, peek=self._resolver.peek, ask=self._ask
        )
        self._limits = limits
        self._most = concurrency  # shrinks when descriptors run out
        self._workers: set[asyncio.Task[None]] = set()
        self._working = 0
        self._idle: deque[asyncio.Future[Request]] = deque()
        self._todo: deque[Request] = deque()
        self._ended: list[Outcome] = []
        self._under_way = 0
        self._bug: BaseException | None = None
        self._warned = False
        self._closing = False
        self._asking: dict[tuple[str, int], list[asyncio.Future[tuple[Address, ...]]]] = {}

    def start(self, request: Request, /) -> None:
        self._under_way += 1
        if self._idle:
            self._idle.popleft().set_result(request)
            return
        self._todo.append(request)
        if self._working < self._most:
            self._working += 1
            worker = self._loop.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._left)

    def wait(self, timeout: float | None, /) -> list[Outcome]:
        if not self._under_way:
            time.sleep(timeout or 0.0)
        elif not self._ended and self._bug is None:
            timer = None if timeout is None else self._loop.call_later(timeout, self._loop.stop)
            try:
                self._loop.run_forever()
            finally:
                if timer is not None:
                    timer.cancel()
        ended, self._ended = self._ended, []
        self._under_way -= len(ended)
        if not ended and self._bug is not None:
            raise self._bug
        return ended

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._closing = True  # from here on nobody may stop the loop
        self._loop.run_until_complete(self._ended_workers())
        self._exchanges.kept.clear()
        self._loop.remove_reader(self._resolver.wake)
        self._resolver.close()
        self._loop.close()

    async def _ended_workers(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            if self._todo:
                request = self._todo.popleft()
            else:
                idle: asyncio.Future[Request] = self._loop.create_future()
                self._idle.append(idle)
                request = await idle
            outcome = await self._perform(request)
            if outcome is None:
                return
            self._ended.append(outcome)
            self._stop()  # after the callbacks of this turn: `wait` has something to give

    def _left(self, worker: asyncio.Task[None]) -> None:
        """A worker ended: it retired, or has met a bug, which `wait` raises."""
        self._workers.discard(worker)
        if not worker.cancelled() and worker.exception() is not None:
            self._bug = worker.exception()
            self._stop()

    def _stop(self) -> None:
        if not self._closing:
            self._loop.stop()

    async def _perform(self, request: Request) -> Outcome | None:
        """The outcome; None when this worker has retired for want of descriptors."""
        end = time.monotonic() + self._limits.timeout
        while True:
            outcome = await self._outcome(request)
            if not is_out_of_files(outcome) or time.monotonic() >= end:
                return outcome
            self._exchanges.kept.clear()
            if not self._warned:
                self._warned = True
                warn_out_of_files()
            if self._working > 1:  # the last one may not leave
                self._working -= 1
                self._most = self._working
                if self._idle:
                    self._idle.popleft().set_result(request)
                else:
                    self._todo.append(request)
                return None
            await asyncio.sleep(WAIT_FOR_FILES)

    async def _outcome(self, request: Request) -> Outcome:
        started = datetime.now(UTC)
        begun = time.monotonic()
        try:
            return await self._exchanges.exchange(request)
        except FetchError as error:
            return failure(request, error, started, time.monotonic() - begun)

    async def _ask(self, host: str, port: int) -> tuple[Address, ...]:
        """The addresses of a name. Raises FetchError."""
        asked: asyncio.Future[tuple[Address, ...]] = self._loop.create_future()
        self._asking.setdefault((host, port), []).append(asked)
        self._resolver.ask(host, port)
        return await asked

    def _answered(self) -> None:
        for key, answer in self._resolver.answers():
            for asked in self._asking.pop(key, ()):
                if asked.done():
                    continue  # called off: it waited for too long
                if isinstance(answer, FetchError):
                    # A new one for each: an error belongs to one outcome.
                    asked.set_exception(type(answer)(str(answer), code=answer.code))
                elif isinstance(answer, BaseException):
                    asked.set_exception(answer)
                else:
                    asked.set_result(answer)
