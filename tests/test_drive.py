"""The pump, with a scripted engine and source: what it promises to both."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from crawler.drive import drive
from crawler.model import Headers, Outcome, Pause, Request, Response


def response_to(request: Request) -> Response:
    return Response(request, 200, "OK", Headers(), b"", b"", "1.1", "", datetime.now(UTC), 0.0)


class ScriptedEngine:
    """Ends its exchanges oldest first, `batch` at a time, and writes down what it saw."""

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self.under_way: deque[Request] = deque()
        self.peak = 0
        self.waits: list[float | None] = []

    def start(self, request: Request) -> None:
        self.under_way.append(request)
        self.peak = max(self.peak, len(self.under_way))

    def wait(self, timeout: float | None) -> list[Response]:
        self.waits.append(timeout)
        ended = min(self.batch, len(self.under_way))
        return [response_to(self.under_way.popleft()) for _ in range(ended)]

    def close(self) -> None:
        self.under_way.clear()


class ScriptedSource:
    def __init__(self, *items: Request | Pause | None) -> None:
        self.items = deque(items)

    def take(self) -> Request | Pause | None:
        return self.items.popleft() if self.items else None


def flat(turns: Iterable[list[Outcome]]) -> list[Outcome]:
    return [outcome for ended in turns for outcome in ended]


def requests(count: int) -> list[Request]:
    return [Request(f"http://host/{number}") for number in range(count)]


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_every_request_has_exactly_one_outcome(batch: int) -> None:
    wanted = requests(20)

    outcomes = flat(drive(ScriptedEngine(batch), ScriptedSource(*wanted), 5))

    assert [outcome.request for outcome in outcomes] == wanted


def test_never_more_than_concurrency_are_under_way() -> None:
    engine = ScriptedEngine()

    list(drive(engine, ScriptedSource(*requests(20)), 3))

    assert engine.peak == 3


def test_the_source_is_pulled_no_further_than_concurrency() -> None:
    source = ScriptedSource(*requests(20))

    outcomes = drive(ScriptedEngine(), source, 4)
    next(outcomes)

    assert len(source.items) == 16


def test_a_pause_bounds_the_wait() -> None:
    engine = ScriptedEngine()
    first, second = requests(2)

    list(drive(engine, ScriptedSource(first, Pause(0.25), second), 5))

    assert engine.waits == [0.25, None]


def test_a_pause_with_nothing_under_way_is_waited_out_by_the_engine() -> None:
    engine = ScriptedEngine()
    (only,) = requests(1)

    outcomes = flat(drive(engine, ScriptedSource(Pause(0.5), only), 5))

    assert engine.waits[0] == 0.5
    assert [outcome.request for outcome in outcomes] == [only]


def test_work_given_back_after_the_last_outcome_is_still_taken() -> None:
    first, hop = requests(2)
    source = ScriptedSource(first)
    seen = []

    for (outcome,) in drive(ScriptedEngine(), source, 5):
        seen.append(outcome.request)
        if outcome.request is first:
            source.items.append(hop)

    assert seen == [first, hop]


def test_a_wait_that_brings_nothing_gives_the_caller_its_turn() -> None:
    (only,) = requests(1)

    turns = list(drive(ScriptedEngine(), ScriptedSource(Pause(0.5), only), 5))

    assert [len(ended) for ended in turns] == [0, 1]


def test_an_empty_source_ends_at_once() -> None:
    engine = ScriptedEngine()

    assert list(drive(engine, ScriptedSource(), 5)) == []
    assert engine.waits == []
