"""Generators as coroutines: text that says where it waits, and a scheduler that sends it on.

    start(request) ── send ──► worker:  request = yield IDLE
                               scheduler                       exchange
                                 send(None) ─────────────────► wait = yield Wait(0.3, fd, READ)
                                 select ... fd is readable       (it stands still)
                                 send(None) ─────────────────► goes on behind its yield
                                 throw(TimeoutError) ────────► or has this raised at its yield

A function with a `yield` in it can stop there and be gone on with: first the producer and consumer
of the tutorial, who hand each other values by `yield` and `send`, then, with a descriptor as the
value and a select behind it, a way to wait for a thousand sockets in one thread. `yield from` calls
another such function, and whatever is sent or thrown reaches the innermost one. That is all that
async and await are: `await` is `yield from`, a task is a generator with its scheduler, an event
loop is `Scheduler` below.

Facts.
* Sending a value into a generator and throwing an exception into it came with PEP 342, delegating
  to another one with PEP 380, the keywords for it with PEP 492.
* A generator that stands still is a frame on the heap, some hundred bytes and nothing of the
  kernel's; to go on is a method call, and one more for each `yield from` above it.
* It can be switched at a `yield` and nowhere else: between two of them nobody interferes, and
  whoever waits without one holds up all. Every caller up to the scheduler has to take part.
* Choose asyncio for new programs, and this to see how it works.
Read beside it: _yielded.py (the exchange), _waits.py (the select), greenlets.py (the same without
a word in the text), asyncio_loop.py.
"""

from __future__ import annotations

import math
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crawler.engines._resolve import Resolver
from crawler.engines._waits import Waits
from crawler.engines._workers import WAIT_FOR_FILES, failure, is_out_of_files, warn_out_of_files
from crawler.engines._yielded import Exchanges
from crawler.engines._yielded_stream import READ, Found, Wait, Waiting, sleep
from crawler.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Generator

    from crawler.contracts import Engine
    from crawler.model import Limits, Network, Outcome, Request

IDLE = Wait(math.inf)


def open(transport: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """The engine; `transport` is "", its exchange is its own."""
    return Generators(concurrency=concurrency, limits=limits, network=network)


class Task:
    """A generator that can wait in a scheduler; see `_waits.Waiter`.

    Attributes:
        generator: stands at a `yield`, or has not begun.
        sent: the value of that `yield`.
    """

    def __init__(self, generator: Generator[Wait, Any, None]) -> None:
        self.generator = generator
        self.sent: Any = None
        self.late_at = math.inf
        self.timer_at = math.inf
        self.waits = 0


class Scheduler(Waits[Task]):
    """Sends generators on when what they yielded has come.

    Attributes:
        running: the task whose generator runs now.
    """

    running: Task

    def start(self, generator: Generator[Wait, Any, None]) -> Task:
        """A new task, begun at once: it runs to its first `yield`."""
        task = Task(generator)
        self.resume(task, None)
        return task

    def send(self, task: Task, value: object) -> None:
        """Let its `yield` have that value, in the next turn."""
        task.sent = value
        self.wake(task)

    def resume(self, waiter: Task, error: TimeoutError | None) -> None:
        self.running = waiter
        sent, waiter.sent = waiter.sent, None
        try:
            go_on = waiter.generator
            wait = go_on.send(sent) if error is None else go_on.throw(error)
        except StopIteration:
            waiter.late_at = math.inf  # or its last wait would be found to have been too long
            return
        if wait.number < 0:
            self.pause(waiter, wait.seconds)
        else:
            self.watch(waiter, wait.number, wait.event, wait.seconds)


class Generators:
    """Worker generators, and the scheduler that sends them on."""

    def __init__(self, *, concurrency: int, limits: Limits, network: Network) -> None:
        self._scheduler = Scheduler()
        self._resolver = Resolver(network)
        self._exchanges = Exchanges(
            network,
            limits,
            concurrency=concurrency,
            resolver=self._resolver,
            forget=self._scheduler.forget,
            asked=self._asked,
        )
        self._limits = limits
        self._most = concurrency  # shrinks when descriptors run out
        self._workers: list[Task] = []
        self._idle: list[Task] = []
        self._working = 0
        self._under_way = 0
        self._todo: deque[Request] = deque()
        self._ended: list[Outcome] = []
        self._asking: dict[tuple[str, int], list[Task]] = {}
        self._bug: Exception | None = None
        self._warned = False
        self._listener = self._scheduler.start(self._listen())

    def start(self, request: Request, /) -> None:
        self._under_way += 1
        if not self._idle and self._working < self._most:
            self._working += 1
            self._workers.append(self._scheduler.start(self._work()))
        if self._idle:
            self._scheduler.send(self._idle.pop(), request)
        else:
            self._todo.append(request)

    def wait(self, timeout: float | None, /) -> list[Outcome]:
        end = None if timeout is None else time.monotonic() + timeout
        if not self._under_way:
            time.sleep(timeout or 0.0)
        while self._under_way and not self._ended and self._bug is None:
            left = None if end is None else end - time.monotonic()
            try:
                self._scheduler.turn(left)
            # The border of the workers: whatever this is, it is raised behind the outcomes.
            except Exception as bug:  # noqa: BLE001
                self._bug = bug
            if left is not None and left <= 0:
                break
        ended, self._ended = self._ended, []
        self._under_way -= len(ended)
        if not ended and self._bug is not None:
            raise self._bug
        return ended

    def close(self) -> None:
        for task in (*self._workers, self._listener):
            task.generator.close()  # GeneratorExit at its yield: what it has open is closed
        self._exchanges.kept.clear()
        self._scheduler.forget(self._resolver.wake.fileno())
        self._resolver.close()
        self._scheduler.close()

    def _work(self) -> Generator[Wait, Any, None]:
        """The consumer: request after request. What is no FetchError comes out of `wait`."""
        while True:
            self._idle.append(self._scheduler.running)
            request: Request | None = yield IDLE
            while request is not None:
                outcome = yield from self._perform(request)
                if outcome is None:
                    return
                self._ended.append(outcome)
                request = self._todo.popleft() if self._todo else None

    def _perform(self, request: Request) -> Waiting[Outcome | None]:
        """The outcome; None when this worker has retired for want of descriptors."""
        end = time.monotonic() + self._limits.timeout
        while True:
            outcome = yield from self._outcome(request)
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
                    self._scheduler.send(self._idle.pop(), request)
                else:
                    self._todo.append(request)
                return None
            yield from sleep(WAIT_FOR_FILES)

    def _outcome(self, request: Request) -> Waiting[Outcome]:
        started = datetime.now(UTC)
        begun = time.monotonic()
        try:
            return (yield from self._exchanges.exchange(request))
        except FetchError as error:
            return failure(request, error, started, time.monotonic() - begun)

    def _asked(self, host: str, port: int, seconds: float) -> Waiting[Found]:
        """What DNS says. Raises TimeoutError."""
        task = self._scheduler.running
        asking = self._asking.setdefault((host, port), [])
        asking.append(task)
        self._resolver.ask(host, port)
        try:
            found: Found = yield from _sent(Wait(seconds))
        finally:
            if task in asking:
                asking.remove(task)
        return found

    def _listen(self) -> Generator[Wait, Any, None]:
        """Hand what was looked up to those who wait for it."""
        while True:
            yield Wait(math.inf, self._resolver.wake.fileno(), READ)
            for key, answer in self._resolver.answers():
                for task in self._asking.pop(key, ()):
                    if isinstance(answer, FetchError):
                        # A new one for each: an error belongs to one outcome.
                        found: Found = type(answer)(str(answer), code=answer.code)
                    elif isinstance(answer, BaseException):
                        raise answer
                    else:
                        found = answer
                    self._scheduler.send(task, found)


def _sent(wait: Wait) -> Generator[Wait, Any, Any]:
    """What is sent to whoever waits so."""
    return (yield wait)
