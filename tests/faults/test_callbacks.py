"""Code of the caller that raises: the crawl ends there, and goes on from there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from linked import Pages, serving

from crawler import crawl, fetch_all

ERRORS = (OSError, MemoryError, KeyboardInterrupt, GeneratorExit)
COUNT = 8


@pytest.fixture
def pages() -> Iterator[Pages]:
    with serving() as running:
        running.site_of(COUNT)
        yield running


class Failing:
    """A sink that fails at its third outcome, or when it is closed."""

    def __init__(self, error: type[BaseException], *, at_close: bool) -> None:
        self._error = error
        self._left = 0 if at_close else 3

    def write(self, outcome: object, /) -> None:
        self._left -= 1
        if self._left == 0:
            raise self._error("ours")

    def close(self) -> None:
        if self._left < 0:
            raise self._error("ours")


def crawled(pages: Pages, folder: Path, *, seeds=None, **named):
    urls = [f"{pages.url}/p/{number}" for number in range(COUNT)]
    return crawl(
        urls if seeds is None else seeds(urls),
        concurrency=2,
        state=folder / "crawl.db",
        outputs=[folder / "o.jsonl", folder / "o.csv"],
        **named,
    )


def assert_goes_on(pages: Pages, folder: Path) -> None:
    """The same again, and every page has one record."""
    list(crawled(pages, folder))

    lines = (folder / "o.jsonl").read_text().splitlines()
    found = Counter(json.loads(line)["url"] for line in lines)
    assert found == Counter(f"{pages.url}/p/{number}" for number in range(COUNT))
    assert len((folder / "o.csv").read_text().splitlines()) == COUNT + 1


@pytest.mark.parametrize("error", ERRORS)
def test_seeds_that_raise_end_the_crawl_with_their_own_error(
    pages: Pages, tmp_path: Path, error: type[BaseException], fds: None
) -> None:
    def failing(urls: list[str]) -> Iterator[str]:
        yield from urls[:3]
        raise error("ours")

    with pytest.raises(error, match="ours"):
        list(crawled(pages, tmp_path, seeds=failing))

    assert_goes_on(pages, tmp_path)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("at_close", [False, True])
def test_a_sink_that_raises_ends_the_crawl_with_its_own_error(
    pages: Pages, tmp_path: Path, error: type[BaseException], at_close: bool, fds: None
) -> None:
    with pytest.raises(error, match="ours"):
        list(crawled(pages, tmp_path, sinks=[Failing(error, at_close=at_close)]))

    assert_goes_on(pages, tmp_path)


@pytest.mark.parametrize("error", ERRORS[:-1])
def test_what_is_thrown_into_a_crawl_comes_out_of_it(
    pages: Pages, tmp_path: Path, error: type[BaseException], fds: None
) -> None:
    outcomes = crawled(pages, tmp_path)
    next(outcomes)

    with pytest.raises(error, match="ours"):
        outcomes.throw(error("ours"))

    assert_goes_on(pages, tmp_path)


@pytest.mark.parametrize("seen", [0, 1, 5, COUNT])
def test_a_crawl_may_be_closed_after_any_outcome(
    pages: Pages, tmp_path: Path, seen: int, fds: None
) -> None:
    outcomes = crawled(pages, tmp_path)
    for _ in range(seen):
        next(outcomes)
    outcomes.close()

    assert_goes_on(pages, tmp_path)


@pytest.mark.parametrize("engine", ["selectors", "threads", "asyncio"])
@pytest.mark.parametrize("how", ["raise", "close"])
def test_a_list_that_raises_or_is_left_leaves_nothing_open(
    pages: Pages, engine: str, how: str, fds: None
) -> None:
    def urls() -> Iterator[str]:
        for number in range(COUNT):
            yield f"{pages.url}/p/{number}"
        raise LookupError("ours")

    outcomes = fetch_all(urls(), engine=engine, concurrency=2)
    ends: dict[str, Callable[[], object]] = {"raise": lambda: list(outcomes)}
    next(outcomes)

    if how == "close":
        outcomes.close()  # type: ignore[attr-defined]
        return
    with pytest.raises(LookupError, match="ours"):
        ends[how]()
