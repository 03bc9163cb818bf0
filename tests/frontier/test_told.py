"""What a host has told us holds for the next process; what it has not costs no write."""

from __future__ import annotations

import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest
from frontier.frontiers import OPEN, Clock, end, finish, is_robots, made, page, public, taken, urls

from crawler import robots
from crawler.contracts import State
from crawler.frontier import _schema
from crawler.frontier.state_file import StateFile
from crawler.model import Pause, Request, Skip
from crawler.politeness import Answer, Politeness
from crawler.told import NOTHING, Told, of_text, text_of
from crawler.why import Reason

UNREACHABLE = robots.Robots(None, 300.0, "robots.txt: 503", code="robots.unreachable")


class Crawl:
    """A crawl of a public host whose processes are killed, each after a commit."""

    def __init__(self, folder: Path, *, robots: bool = False, **politeness: object) -> None:
        self.folder = folder
        self.clock = Clock(1_000_000.0)
        manners = Politeness(**{"concurrency": 8, "earned": True, **politeness})  # type: ignore[arg-type]
        self.options = {"clock": self.clock, "wall": self.clock, "robots": robots}
        self.pace = public(manners)
        self.opened()

    def opened(self) -> None:
        self.frontier = made("sqlite", self.folder, self.pace, **self.options)

    def killed(self) -> None:
        """kill -9, and the next process."""
        self.frontier.commit({})
        OPEN.pop().close()
        self.opened()

    def page(self, number: int = 0) -> Request:
        self.frontier.add(page("a", number))
        item = self.frontier.take()
        assert isinstance(item, Request)
        return item

    def kept(self) -> tuple[str | None, float]:
        with sqlite3.connect(self.folder / "crawl.db") as db:
            told, not_before = db.execute("SELECT told, not_before FROM hosts").fetchone()
        db.close()
        return told, not_before


@pytest.fixture
def crawl(tmp_path: Path) -> Crawl:
    return Crawl(tmp_path)


def test_a_host_that_said_429_rests_on_with_a_smaller_window(crawl: Crawl) -> None:
    for number in range(9):
        crawl.frontier.add(page("a", number))
    first, *others = taken(crawl.frontier)
    end(crawl.frontier, first, Answer.THROTTLED)
    crawl.killed()

    assert crawl.frontier.take() == Pause(1.0)
    assert crawl.frontier.waits_for() == (Reason.THROTTLED, "http://a")
    crawl.clock.now += 1.0
    assert len(others) == 3
    again = taken(crawl.frontier)
    assert len(again) == 2, "half of the window that brought the 429"
    for item in again:
        end(crawl.frontier, item, Answer.THROTTLED)
    assert crawl.frontier.take() == Pause(2.0), "the second in a row doubles the rest"


def test_a_host_that_was_parked_is_on_probation_until_it_answers(crawl: Crawl) -> None:
    for number in range(5):
        end(crawl.frontier, crawl.page(number), Answer.LOST)
    crawl.killed()

    assert crawl.frontier.take() == Pause(60.0)
    assert crawl.frontier.waits_for() == (Reason.PARKED, "http://a")
    crawl.clock.now += 60.0
    (only,) = taken(crawl.frontier)
    end(crawl.frontier, only, Answer.LOST)
    crawl.killed()
    assert crawl.frontier.take() == Pause(120.0)

    crawl.clock.now += 120.0
    (only,) = taken(crawl.frontier)
    end(crawl.frontier, only)
    crawl.killed()
    for item in taken(crawl.frontier):
        end(crawl.frontier, item, Answer.LOST)
    assert isinstance(crawl.frontier.take(), Request), "one that is lost is no row of five"


def test_a_host_that_was_given_up_stays_so_until_it_is_to_be_tried_again(crawl: Crawl) -> None:
    for number in range(14):
        end(crawl.frontier, crawl.page(number), Answer.LOST)
        crawl.clock.now += 1800.0 if 4 <= number < 13 else 0.0
        crawl.killed()

    item = crawl.frontier.take()
    assert isinstance(item, Skip)
    assert item.code == "host.dead"

    crawl.frontier.finish(item.request, State.FAILED, _facts("host.dead"))
    assert crawl.frontier.queue_failed(frozenset({"host"})) == 1
    crawl.killed()
    assert isinstance(crawl.frontier.take(), Pause), "what it asked for is kept"
    crawl.clock.now += 1800.0
    assert isinstance(crawl.frontier.take(), Request)


def _facts(code: str):
    from crawler.contracts import Facts

    return Facts(code)


def test_rules_that_cannot_be_had_are_not_asked_for_at_once(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path, robots=True)
    crawl.frontier.add(page("a", 1))

    for asked_for in range(3):
        asked = crawl.frontier.take()
        assert is_robots(asked), asked_for
        end(crawl.frontier, asked)
        crawl.frontier.learn("http://a", UNREACHABLE)
        crawl.killed()
        if asked_for < 2:
            assert crawl.frontier.take() == Pause(300.0)
            crawl.clock.now += 300.0

    item = crawl.frontier.take()
    assert isinstance(item, Skip)
    assert (item.code, item.reason) == ("robots.unreachable", "robots.txt: 503")


def test_a_crawl_delay_is_kept_over_a_kill(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path, robots=True)
    crawl.frontier.add(page("a", 1))
    crawl.frontier.add(page("a", 2))
    asked = crawl.frontier.take()
    end(crawl.frontier, asked)
    body = b"User-agent: *\nCrawl-delay: 10"
    crawl.frontier.learn(
        "http://a", robots.Robots(robots.parse(body, asked.url, "crawler"), body=body)
    )
    crawl.clock.now += 10.0
    crawl.frontier.take()
    crawl.killed()  # nobody wrote down when that began

    assert crawl.frontier.take() == Pause(10.0)
    assert crawl.frontier.waits_for() == (Reason.CRAWL_DELAY, "http://a")


def test_a_host_that_rests_does_not_end_the_crawl_and_holds_up_no_other(crawl: Crawl) -> None:
    end(crawl.frontier, crawl.page(), Answer.THROTTLED, rest=200.0)
    crawl.frontier.add(page("b"))
    crawl.killed()

    assert urls(taken(crawl.frontier)) == ["http://b/0"]
    assert crawl.frontier.take() == Pause(200.0)


def test_a_clock_that_was_set_back_makes_no_host_rest_for_days(crawl: Crawl) -> None:
    end(crawl.frontier, crawl.page(), Answer.THROTTLED, rest=200.0)
    crawl.frontier.commit({})
    crawl.clock.now -= 24 * 3600.0
    crawl.killed()

    assert crawl.frontier.take() == Pause(1800.0)


def test_a_host_without_trouble_costs_no_write(crawl: Crawl) -> None:
    said: list[str] = []
    crawl.frontier._db.set_trace_callback(said.append)
    for number in range(60):
        finish(crawl.frontier, crawl.page(number))
        crawl.frontier.commit({})

    assert len([text for text in said if text.startswith("UPDATE urls")]) == 60
    assert not [text for text in said if "SET not_before" in text]
    assert crawl.kept() == (None, 0.0)


def test_trouble_is_written_when_it_changes_and_taken_back_when_it_is_over(crawl: Crawl) -> None:
    said: list[str] = []
    end(crawl.frontier, crawl.page(), Answer.THROTTLED, rest=5.0)
    crawl.frontier.commit({})
    told, not_before = crawl.kept()
    assert told is not None
    assert not_before == crawl.clock.now + 5.0

    crawl.frontier._db.set_trace_callback(said.append)
    for number in range(1, 200):
        crawl.clock.now += 5.0
        finish(crawl.frontier, crawl.page(number))
        crawl.frontier.commit({})

    assert 0 < len([text for text in said if "SET not_before" in text]) <= 5
    assert crawl.kept()[1] == 0.0


def test_the_window_and_when_the_host_rests_are_one_commit_with_the_page(crawl: Crawl) -> None:
    end(crawl.frontier, crawl.page(), Answer.THROTTLED, rest=5.0)
    OPEN.pop().close()  # killed before the commit
    crawl.opened()

    assert crawl.frontier.take() is None, "nor is the page there"


def test_a_state_of_the_first_version_goes_on(crawl: Crawl, tmp_path: Path) -> None:
    crawl.frontier.add(page("a"))
    crawl.frontier.add(page("b"))
    crawl.frontier.commit({"out": "10"})
    OPEN.pop().close()
    with sqlite3.connect(tmp_path / "crawl.db") as db:
        db.executescript(
            "DROP INDEX hosts_resting; ALTER TABLE hosts DROP COLUMN told;"
            "DROP TABLE seen; DELETE FROM meta WHERE key = 'merged';"
            f"UPDATE hosts SET not_before = {crawl.clock.now + 50} WHERE origin = 'http://a';"
            "PRAGMA user_version = 1;"
        )
    db.close()

    with StateFile(tmp_path / "crawl.db") as seen:
        assert seen.overview().counts[State.QUEUED] == 2
    crawl.opened()

    assert crawl.frontier.marks == {"out": "10"}
    assert not crawl.frontier.add(page("a"))
    assert urls(taken(crawl.frontier)) == ["http://b/0"]
    assert crawl.frontier.take() == Pause(50.0)
    assert crawl.frontier._db.execute("PRAGMA user_version").fetchone() == (_schema.VERSION,)


def test_what_is_older_than_a_day_or_not_understood_is_nothing() -> None:
    told = Told(window=2, threshold=2, parks=3, lost=4, hold="PARKED")
    text = text_of(told, 100.0)
    assert text is not None

    assert of_text(text, 100.0) == told
    assert of_text(text, 100.0 + 24 * 3600.0) == NOTHING
    assert text_of(NOTHING, 100.0) is None
    for wrong in (None, "", "[]", "{}", "[2, 3]", text.replace("1,", "9,", 1), text[:-1] + ",1]",
                  text.replace("2,", '"2",', 1)):  # fmt: skip
        assert of_text(wrong, 100.0) == NOTHING, wrong


def test_gaps_hold_over_kills(tmp_path: Path) -> None:
    """--delay is what the user wants hosts to have, however often the crawl begins anew."""
    crawl = Crawl(tmp_path, delay=4.0)
    for number in range(4):
        crawl.frontier.add(page("a", number))
    begun = []
    for _ in range(4):
        item = crawl.frontier.take()
        if isinstance(item, Pause):
            crawl.clock.now += item.seconds
            item = crawl.frontier.take()
        assert isinstance(item, Request)
        begun.append(crawl.clock.now)
        finish(crawl.frontier, item)
        crawl.killed()

    assert all(later - sooner >= 4.0 for sooner, later in pairwise(begun))
