"""What every frontier promises: memory and SQLite, through the same calls."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from frontier.frontiers import (
    Clock,
    end,
    finish,
    is_robots,
    made,
    own,
    page,
    public,
    taken,
    urls,
)

from crawler import robots
from crawler.contracts import State
from crawler.model import Pause, Purpose, Request, Skip
from crawler.politeness import Answer, Politeness

KINDS = ("memory", "sqlite")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def rules(text: str, origin: str = "http://a") -> robots.Robots:
    body = text.encode()
    return robots.Robots(robots.parse(body, f"{origin}/robots.txt", "crawler"), body=body)


def test_a_url_is_queued_once(kind: str, tmp_path: Path) -> None:
    frontier = made(kind, tmp_path)

    assert frontier.add(page("a"))
    assert not frontier.add(page("a"))
    assert frontier.add(page("b"))

    assert sorted(urls(taken(frontier))) == ["http://a/0", "http://b/0"]
    assert frontier.take() is None


def test_what_was_asked_for_comes_back_as_it_was(kind: str, tmp_path: Path) -> None:
    frontier = made(kind, tmp_path)
    given = Request(
        "http://a/", (("X", "y"),), depth=3, parent="http://a/p", method="POST", body=b"\xff\0",
        number=7, text="a", carried='{"k": "v"}', public_only=True,
    )  # fmt: skip
    frontier.add(given)

    (item,) = taken(frontier)

    assert isinstance(item, Request)
    for name in ("url", "headers", "depth", "parent", "method", "body", "number", "text",
                 "carried", "public_only", "attempt", "purpose"):  # fmt: skip
        assert getattr(item, name) == getattr(given, name), name


def test_hosts_take_turns_and_shallow_pages_come_first(kind: str, tmp_path: Path) -> None:
    frontier = made(kind, tmp_path, public(Politeness(concurrency=9, per_host=1, earned=True)))
    for number, depth in ((1, 2), (2, 0), (3, 1)):
        frontier.add(page("a", number, depth))
        frontier.add(page("b", number, depth))

    order = []
    while items := taken(frontier):
        order.append(sorted(urls(items)))
        for item in items:
            finish(frontier, item)

    assert order == [[f"http://{host}/{n}" for host in "ab"] for n in (2, 3, 1)]


def test_a_hop_and_a_retry_come_before_pages(kind: str, tmp_path: Path) -> None:
    clock = Clock()
    frontier = made(kind, tmp_path, clock=clock)
    frontier.add(page("a", 1))
    frontier.add(page("a", 2))
    first = frontier.take()
    assert isinstance(first, Request)
    end(frontier, first)

    frontier.again(first)
    assert urls(taken(frontier)) == ["http://a/1", "http://a/2"]
    end(frontier, first)
    frontier.again(first, after=3.0)
    assert frontier.take() == Pause(3.0)
    clock.now += 3.0
    assert urls(taken(frontier)) == ["http://a/1"]


def test_only_what_had_begun_is_taken_when_nothing_new_may_begin(kind: str, tmp_path: Path) -> None:
    frontier = made(kind, tmp_path)
    frontier.add(page("a", 1))
    frontier.add(page("b", 1))
    first = frontier.take()
    assert isinstance(first, Request)
    end(frontier, first)
    frontier.again(first)

    assert urls(taken(frontier, new=False)) == [first.url]
    assert frontier.take(new=False) is None
    assert frontier.waiting == 2


def test_accounts_hold_the_states_of_pages(kind: str, tmp_path: Path) -> None:
    frontier = made(kind, tmp_path)
    for number in range(5):
        frontier.add(page("a", number))
    frontier.add(page("a", 9, purpose=Purpose.SITEMAP))
    items = [item for item in taken(frontier) if isinstance(item, Request)]

    for item, state in zip(items[:3], (State.DONE, State.FAILED, State.SKIPPED), strict=True):
        finish(frontier, item, state)

    assert frontier.added == 5
    assert frontier.waiting == frontier.counts[State.QUEUED] == 2
    assert [frontier.counts[s] for s in (State.DONE, State.FAILED, State.SKIPPED)] == [1, 1, 1]


def test_a_redirect_to_what_was_seen_is_not_new(kind: str, tmp_path: Path) -> None:
    frontier = made(kind, tmp_path)
    frontier.add(page("a", 1))
    frontier.add(page("a", 2))
    first = taken(frontier)[0]
    assert isinstance(first, Request)

    assert frontier.is_new(page("a", 3, via=(first.url,), row=first.row))
    assert not frontier.is_new(page("a", 2, via=(first.url,), row=first.row))
    assert not frontier.add(page("a", 3))


def test_a_redirect_to_another_spelling_of_the_same_page_is_new(kind: str, tmp_path: Path) -> None:
    frontier = made(kind, tmp_path, same=lambda url: url.partition(";")[0])
    frontier.add(Request("http://a/1"))
    (first,) = taken(frontier)
    assert isinstance(first, Request)

    assert frontier.is_new(Request("http://a/1;session", via=(first.url,), row=first.row))
    assert not frontier.add(Request("http://a/1;session"))
    assert not frontier.is_new(Request("http://a/1;other", via=("http://a/2",), row=first.row))


def test_robots_txt_comes_first_and_alone(kind: str, tmp_path: Path) -> None:
    frontier = made(kind, tmp_path, robots=True)
    frontier.add(page("a", 1))
    frontier.add(page("a", 2))

    asked = frontier.take()
    assert is_robots(asked)
    assert asked.url == "http://a/robots.txt"
    assert frontier.take() is None
    end(frontier, asked)
    frontier.learn("http://a", rules("User-agent: *\nDisallow: /1"))

    refused, allowed = taken(frontier)
    assert isinstance(refused, Skip)
    assert (refused.url, refused.code) == ("http://a/1", "robots.disallowed")
    assert "/1" in refused.reason
    assert allowed.url == "http://a/2"


def test_a_crawl_delay_makes_a_host_serial(kind: str, tmp_path: Path) -> None:
    clock = Clock()
    frontier = made(kind, tmp_path, robots=True, clock=clock)
    for number in range(3):
        frontier.add(page("a", number))
    asked = frontier.take()
    end(frontier, asked)
    frontier.learn("http://a", rules("User-agent: *\nCrawl-delay: 4"))

    begun = []
    for _ in range(3):
        item = frontier.take()
        while isinstance(item, Pause):
            clock.now += item.seconds
            item = frontier.take()
        assert isinstance(item, Request)
        begun.append(clock.now)
        assert not isinstance(frontier.take(), Request)
        finish(frontier, item)

    assert [round(later - sooner, 3) for sooner, later in pairwise(begun)] == [4.0, 4.0]


def test_rules_that_cannot_be_had_are_asked_for_again_and_then_given_up(
    kind: str, tmp_path: Path
) -> None:
    clock = Clock()
    frontier = made(kind, tmp_path, public(), robots=True, clock=clock)
    frontier.add(page("a", 1))
    unreachable = robots.Robots(None, 300.0, "robots.txt: 503", code="robots.unreachable")

    for asked_for in range(3):
        asked = frontier.take()
        assert is_robots(asked), asked_for
        end(frontier, asked)
        frontier.learn("http://a", unreachable)
        item = frontier.take()
        if asked_for < 2:
            assert item == Pause(300.0)
            clock.now += 300.0

    assert isinstance(item, Skip)
    assert item.code == "robots.unreachable"


def test_a_host_that_is_not_there_fails_with_the_reason(kind: str, tmp_path: Path) -> None:
    frontier = made(kind, tmp_path, public(), robots=True)
    frontier.add(page("a", 1))
    end(frontier, frontier.take())

    frontier.learn("http://a", robots.Robots(None, 0.0, "no such host", code="dns.nxdomain"))

    item = frontier.take()
    assert isinstance(item, Skip)
    assert (item.code, item.reason) == ("dns.nxdomain", "no such host")


def test_the_users_own_host_needs_no_rules(kind: str, tmp_path: Path) -> None:
    frontier = made(kind, tmp_path, own, robots=True)
    frontier.add(page("a", 1))
    end(frontier, frontier.take())

    frontier.learn("http://a", robots.Robots(None, 300.0, "503", code="robots.unreachable"))

    assert urls(taken(frontier)) == ["http://a/1"]


def test_a_host_rests_as_long_as_it_asked(kind: str, tmp_path: Path) -> None:
    clock = Clock()
    frontier = made(kind, tmp_path, clock=clock)
    frontier.add(page("a", 1))
    first = frontier.take()
    end(frontier, first, Answer.THROTTLED, rest=7.0)
    frontier.add(page("a", 2))

    assert frontier.take() == Pause(7.0)
    clock.now += 7.0
    assert urls(taken(frontier)) == ["http://a/2"]


def test_hosts_at_one_public_address_share_its_window(kind: str, tmp_path: Path) -> None:
    fast = Politeness(concurrency=50, per_host=2, earned=True)
    frontier = made(kind, tmp_path, public(fast), per_address=3, is_public=lambda _: True)
    for host in "abcd":
        frontier.add(page(host, 0))
    for item in taken(frontier):
        end(frontier, item, peer="192.0.2.1")
    for host in "abcd":
        for number in (1, 2):
            frontier.add(page(host, number))

    first = taken(frontier)
    assert len(first) == 3
    seen = []
    while first:
        item = first.pop()
        seen.append(item.url)
        finish(frontier, item)
        first += taken(frontier)
        assert len(first) <= 3

    assert len(set(seen)) == 8


def test_a_private_address_makes_a_host_ones_own(kind: str, tmp_path: Path) -> None:
    frontier = made(kind, tmp_path, public(), per_address=3)
    for number in range(9):
        frontier.add(page("name", number))
    first = taken(frontier)
    assert len(first) == 4

    end(frontier, first[0], peer="127.0.0.1")

    assert len(taken(frontier)) == 5


def test_a_million_waiting_cost_nothing_per_take(kind: str, tmp_path: Path) -> None:
    """Hosts at their limit are not looked at again and again."""
    frontier = made(kind, tmp_path, public(Politeness(concurrency=9, per_host=1, earned=True)))
    for number in range(300):
        frontier.add(page(f"h{number % 100}", number))
    looks = 0
    inner = frontier.lines._waits

    def counted(line, now):
        nonlocal looks
        looks += 1
        return inner(line, now)

    frontier.lines._waits = counted
    items = taken(frontier)
    assert len(items) == 100

    looks = 0
    for _ in range(50):
        assert frontier.take() is None

    assert looks == 0


def test_nothing_is_taken_from_a_closed_file(tmp_path: Path) -> None:
    frontier = made("sqlite", tmp_path)
    frontier.add(page("a"))
    frontier.close()
    again = made("sqlite", tmp_path)

    assert again.take() is None  # it was not committed
    again.add(page("a"))
    again.commit({})
    again.close()
    third = made("sqlite", tmp_path)
    assert urls(taken(third)) == ["http://a/0"]
    third.close()
