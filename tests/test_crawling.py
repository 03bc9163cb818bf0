"""The loop of a list: outcomes, accounts, stops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from crawler.crawling import crawled
from crawler.errors import SinkError
from crawler.frontier.memory import Memory
from crawler.model import Failure, Final, Limits, Pause, Request
from crawler.pace import Pace
from crawler.plan import Plan
from crawler.politeness import Politeness
from crawler.reading import Reading
from crawler.serving.fixture import Site
from crawler.stats import Stats
from crawler.stopping import LIMIT_REACHED, Stop

ENGINES = ("sequential+socket", "threads+socket", "gevent+socket", "selectors")


def nothing(under_way: int) -> None:
    assert under_way >= 0


class Keeping:
    """A record that hands on what it is given."""

    def __init__(self, write: Callable[[Final], object]) -> None:
        self.write = write

    def passed(self, response: object) -> None: ...

    def marks(self) -> dict[str, str]:
        return {}

    def sync(self) -> None: ...


def pace(_: str) -> Pace:
    return Pace(Politeness(concurrency=1000), is_public=False)


def crawl_list(
    entries: Iterable[Request | Failure | Pause],
    plan: Plan,
    stop: Stop,
    *,
    write: Callable[[Final], object],
    tick: Callable[[int], None],
) -> int:
    """How many have no outcome."""
    frontier = Memory(pace, robots=False)
    for _ in crawled(entries, plan, frontier, Keeping(write), stop, tick=tick):
        pass
    return frontier.waiting


@pytest.mark.parametrize("engine", ENGINES)
def test_every_entry_has_one_outcome(site: Site, engine: str) -> None:
    stats = Stats()
    reading = Reading([f"{site.url}/page/{n}" for n in range(30)] + ["http://bad host/"])

    left = crawl_list(reading, Plan(engine, 8), Stop(), write=stats.add, tick=nothing)

    now = stats.snapshot(reading.lines)
    assert (left, now.lines, now.fetched, now.invalid, now.unfinished) == (0, 31, 30, 1, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_more_are_under_way_than_asked_for(site: Site, engine: str) -> None:
    seen: list[int] = []
    reading = Reading([f"{site.url}/delay/5?n={n}" for n in range(20)])

    crawl_list(reading, Plan(engine, 4), Stop(), write=lambda _: None, tick=seen.append)

    assert max(seen) == 4


def test_a_stop_takes_nothing_new_and_counts_what_is_left(site: Site) -> None:
    stop = Stop()
    stats = Stats()

    def first_is_enough(outcome) -> None:
        stats.add(outcome)
        stop.ask(LIMIT_REACHED, "enough")

    reading = Reading([f"{site.url}/redirect/1?n={n}" for n in range(100)])
    left = crawl_list(reading, Plan("threads+socket", 4), stop, write=first_is_enough, tick=nothing)

    assert reading.lines < 20
    assert stats.snapshot(reading.lines).unfinished == left


def test_what_is_under_way_is_left_when_the_stop_is_over(site: Site) -> None:
    stop = Stop(grace=0.05, max_run_time=0.05)
    stats = Stats()
    reading = Reading([f"{site.url}/hang?n={n}" for n in range(10)])

    left = crawl_list(reading, Plan("selectors", 4), stop, write=stats.add, tick=nothing)

    assert (left, stats.ended, reading.lines, stop.code) == (4, 0, 4, LIMIT_REACHED)


def test_an_output_that_fails_ends_the_loop_and_the_engine(site: Site, fds: None) -> None:
    def full(_: object) -> None:
        raise SinkError("full")

    reading = Reading([f"{site.url}/page/{n}" for n in range(10)])

    with pytest.raises(SinkError, match="full"):
        crawl_list(reading, Plan("threads+socket", 4), Stop(), write=full, tick=nothing)


def test_bad_lines_without_end_let_the_exchanges_have_their_turn(site: Site) -> None:
    outcomes: list[object] = []

    def entries() -> Iterator[Request | Failure | Pause]:
        yield from Reading([f"{site.url}/page/1"])
        yield from Reading(["http://bad host/"] * 100_000)

    def write(outcome) -> None:
        outcomes.append(outcome)

    def tick(_: int) -> None:
        if len(outcomes) > 50_000 and not any(outcome.ok for outcome in outcomes):
            pytest.fail("the page waits for the end of the bad lines")

    crawl_list(entries(), Plan("selectors", 4), Stop(), write=write, tick=tick)

    assert len(outcomes) == 100_001


def test_limits_and_retries_are_the_plans(site: Site) -> None:
    outcomes: list[object] = []
    plan = Plan("threads+socket", 2, limits=Limits(max_bytes=100, retries=0), redirects=0)

    reading = Reading([f"{site.url}/size/1000", f"{site.url}/redirect/2"])
    crawl_list(reading, plan, Stop(), write=outcomes.append, tick=nothing)

    by_number = {outcome.request.number: outcome for outcome in outcomes}
    assert by_number[1].error.code == "body.too_large"
    assert by_number[2].status == 302
