"""The seen set: exact while it is small, bounded when it is not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crawler.frontier.seen import Seen


@given(st.lists(st.text(max_size=3)))
def test_it_answers_as_a_set_does(urls: list[str]) -> None:
    seen = Seen()
    known: set[str] = set()

    for url in urls:
        assert seen.add(url) is (url not in known)
        known.add(url)


def test_it_stays_exact_while_it_grows() -> None:
    seen = Seen()

    assert all(seen.add(f"http://host/{number}") for number in range(20_000))
    assert not any(seen.add(f"http://host/{number}") for number in range(20_000))


def test_beyond_its_bound_it_forgets_the_oldest_and_keeps_the_newest() -> None:
    seen = Seen(most=64)

    for number in range(1000):
        assert seen.add(f"http://host/{number}")

    assert not seen.add("http://host/999")
    assert not seen.add("http://host/980")
    assert seen.add("http://host/1")
