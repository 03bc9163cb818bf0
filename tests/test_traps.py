"""Sites that never end."""

from __future__ import annotations

import tracemalloc
from collections import deque
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model import Request
from crawler.scope import Scope, scope_of
from crawler.traps import Bounds, Budgets, Counts, shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HOST = "http://a.example"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/", ""),
        ("/a/b/c", ""),
        ("/a/a", ""),
        ("/a/a/a", "policy.trap"),
        ("/x/x/x/x", "policy.trap"),
        ("/a/b/a/b", ""),
        ("/a/b/a/b/a", ""),
        ("/a/b/a/b/a/b", "policy.trap"),
        ("/s/a/b/a/b/a/b/e", "policy.trap"),
        ("/a/b/c/a/b/c/a/b/c", "policy.trap"),
        ("/a/b/c/a/b/x/a/b/c", ""),
        ("/a/x/a/y/a/z", ""),
        ("//", ""),
        ("////", "policy.trap"),
        ("/a?/x/x/x/x", ""),  # only the path has segments
        ("/" + "/".join(map(str, range(20))), ""),
        ("/" + "/".join(map(str, range(21))), "policy.trap"),
        ("/" + "y" * 2065, ""),
        ("/" + "y" * 2070, "policy.url_too_long"),
        ("/?" + "&".join(f"p{number}=1" for number in range(2000)), "policy.url_too_long"),
    ],
)
def test_what_a_trap_looks_like(path: str, code: str) -> None:
    assert shape(HOST + path, Bounds()).code == code


def test_without_bounds_nothing_is_a_trap() -> None:
    endless = Bounds(url=0, segments=0, repeats=0, pages=0, queries=0, hosts=0)
    budgets = Budgets(endless)
    url = HOST + "/x" * 1500

    for _ in range(10):
        budgets.count(url)

    assert shape(url, endless).code == ""
    assert budgets.ruling(url).code == ""


@given(
    st.lists(st.sampled_from("ab"), max_size=3),
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4),
    st.integers(1, 5),
    st.lists(st.sampled_from("xyz"), max_size=3, unique=True),
)
def test_any_group_repeated_three_times_is_a_trap(
    before: list[str], group: list[str], times: int, after: list[str]
) -> None:
    path = "/".join([*before, *group * times, *after])

    code = shape(f"{HOST}/{path}", Bounds()).code

    if times >= 3:
        assert code == "policy.trap"


def crawl(scope: Scope, links: Callable[[str], Iterable[str]], *, start: str) -> list[str]:
    """Breadth-first over a made-up site without end: what was taken."""
    queue, seen, taken = deque([Request(start)]), {start}, []
    while queue and len(taken) < 5000:
        request = queue.popleft()
        taken.append(request.url)
        for url in links(request.url):
            link = Request(url, depth=request.depth + 1)
            if url not in seen and not scope.refusal(link):
                seen.add(url)
                scope.count(link)
                queue.append(link)
    return taken


def calendar(url: str) -> list[str]:
    month = int(url.rpartition("=")[2])
    return [f"{HOST}/calendar?month={month + step}" for step in (1, 2, 3)]


def labyrinth(url: str) -> list[str]:
    return [f"{HOST}/{url[len(HOST) + 1 :] or 1}{number}" for number in range(10)]


def farm() -> Callable[[str], list[str]]:
    fresh = count()
    return lambda _: [f"http://h{next(fresh)}.farm.example/" for _ in range(100)]


def test_a_calendar_ends_with_the_queries_of_its_path() -> None:
    scope = scope_of([HOST + "/"], bounds=Bounds(queries=50), max_depth=None)

    taken = crawl(scope, calendar, start=f"{HOST}/calendar?month=1")

    assert len(taken) == 51


def test_a_calendar_ends_with_its_depth() -> None:
    scope = scope_of([HOST + "/"])

    taken = crawl(scope, calendar, start=f"{HOST}/calendar?month=1")

    assert len(taken) == 61  # twenty links of at most three months


def test_a_labyrinth_ends_with_the_budget_of_its_host() -> None:
    scope = scope_of([HOST + "/"], bounds=Bounds(pages=100), max_depth=None)

    taken = crawl(scope, labyrinth, start=f"{HOST}/")

    assert len(taken) == 101


def test_a_farm_ends_with_the_hosts_of_its_domain() -> None:
    scope = scope_of(["http://farm.example/"], kind="domain", max_depth=None)

    taken = crawl(scope, farm(), start="http://farm.example/")

    assert len(taken) == 1001


def test_hosts_that_are_known_go_on_when_their_domain_is_full() -> None:
    budgets = Budgets(Bounds(hosts=2))
    for host in ("a", "b"):
        budgets.count(f"http://{host}.farm.example/")

    assert budgets.ruling("http://a.farm.example/more").code == ""
    assert budgets.ruling("http://c.farm.example/").code == "policy.budget"
    assert budgets.ruling("http://c.example/").code == ""
    assert budgets.ruling("http://10.0.0.1/").code == ""


def test_the_reason_names_what_is_full() -> None:
    budgets = Budgets(Bounds(pages=1, queries=1))
    budgets.count(HOST + "/s?1")

    assert "1 pages of a.example" in budgets.ruling(HOST + "/x").why
    assert "a/b stands more than 2 times" in shape(HOST + "/a/b/a/b/a/b", Bounds()).why


def test_counts_are_exact_while_there_are_few_and_never_too_small() -> None:
    counts, keys = Counts(width=8), [f"key {number}" for number in range(1000)]
    few = Counts()
    for number, key in enumerate(keys):
        for _ in range(number % 5):
            counts.add(key)
            few.add(key)

    assert all(few.of(key) == number % 5 for number, key in enumerate(keys))
    assert all(counts.of(key) >= number % 5 for number, key in enumerate(keys))


def test_budgets_take_no_memory_for_what_they_count() -> None:
    tracemalloc.start()
    budgets = Budgets(Bounds())
    for number in range(6500):  # fills the caches for hosts and domains
        budgets.count(f"http://h{number}.d{number}.example/p?{number}")
    before = tracemalloc.get_traced_memory()[0]

    for number in range(6500, 11_000):
        budgets.count(f"http://h{number}.d{number}.example/p?{number}")

    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 50_000  # a dict of these takes a megabyte


def test_budgets_are_the_same_in_every_process_and_order() -> None:
    forth, back = Budgets(Bounds(pages=2)), Budgets(Bounds(pages=2))
    pages = [f"http://h{number % 7}.example/{number}" for number in range(14)]
    for url in pages:
        forth.count(url)
    for url in reversed(pages):
        back.count(url)

    assert [forth.ruling(url) for url in pages] == [back.ruling(url) for url in pages]


def test_the_document_has_the_bounds() -> None:
    text = (Path(__file__).parent.parent / "docs" / "following.md").read_text()
    bounds = Bounds()

    assert f"more than {bounds.url} bytes" in text
    assert f"more than {bounds.segments} segments" in text
    assert f"more than {bounds.hosts} hosts" in text
    assert bounds.repeats == 2
    assert "more than twice side by side" in text
    assert bounds.queries == bounds.pages // 2
