"""What a frontier hands out on behalf of a public page stays public: robots.txt before all."""

from __future__ import annotations

from pathlib import Path

import pytest
from frontier.frontiers import end, is_robots, made, page, taken

from crawler import robots
from crawler.model import Request, Skip

BLOCKED = "policy.address_blocked"


@pytest.fixture(params=["memory", "sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.parametrize("public_only", [True, False])
def test_robots_txt_is_asked_for_as_the_page_that_needs_it(
    kind: str, public_only: bool, tmp_path: Path
) -> None:
    frontier = made(kind, tmp_path, robots=True)
    frontier.add(page("a", public_only=public_only))

    (asked,) = taken(frontier)

    assert is_robots(asked)
    assert isinstance(asked, Request)
    assert asked.public_only is public_only
    frontier.close()


def test_a_host_that_is_private_is_closed_to_links_and_open_to_seeds(
    kind: str, tmp_path: Path
) -> None:
    frontier = made(kind, tmp_path, robots=True)
    frontier.add(page("a", 1, public_only=True))
    frontier.add(page("a", 2, depth=1))
    (asked,) = taken(frontier)
    assert isinstance(asked, Request)

    end(frontier, asked)
    frontier.learn("http://a", robots.Robots(None, 0.0, "private", code=BLOCKED))
    items = taken(frontier)

    assert [(item.url, item.code) for item in items if isinstance(item, Skip)] == [
        ("http://a/1", BLOCKED)
    ]
    (again,) = [item for item in items if isinstance(item, Request)]
    assert is_robots(again), "the seed's own robots.txt is asked for anew"
    assert not again.public_only
    frontier.close()


def test_a_host_that_answered_from_outside_stays_outside(kind: str, tmp_path: Path) -> None:
    frontier = made(kind, tmp_path)
    for number in range(4):
        frontier.add(page("a", number))
    first, second, *_ = taken(frontier)
    assert isinstance(first, Request)
    assert isinstance(second, Request)

    end(frontier, first, peer="93.184.216.34")
    end(frontier, second, peer="127.0.0.1")  # it was on its way when the name changed
    frontier.add(page("a", 9))

    (item,) = taken(frontier)
    assert isinstance(item, Request)
    assert item.public_only
    frontier.close()
