"""The library as programs have it: what is given wrongly, what is printed, where it runs."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import threading

import pytest

from crawler import (
    Failure,
    Limits,
    Network,
    Request,
    Response,
    Skip,
    compare,
    crawl,
    fetch,
    fetch_all,
)
from crawler.serving.fixture import Site


@pytest.mark.parametrize("one", ["http://127.0.0.1:9/", b"http://127.0.0.1:9/",
                                 Request("http://127.0.0.1:9/")])  # fmt: skip
@pytest.mark.parametrize("several", [fetch_all, crawl, compare])
def test_one_url_where_a_list_belongs_is_refused_before_anything_is_asked(several, one) -> None:
    with pytest.raises(TypeError, match=r"write \[b?'http://127.0.0.1:9/'\]"):
        several(one)


def test_one_output_or_engine_where_a_list_belongs_is_refused() -> None:
    with pytest.raises(TypeError, match=r"one output .* write \['out.jsonl'\]"):
        crawl(["http://127.0.0.1:9/"], outputs="out.jsonl")
    with pytest.raises(TypeError, match=r"one name .* write \['selectors'\]"):
        compare(["http://127.0.0.1:9/"], engines="selectors")


@pytest.mark.parametrize("several", [fetch_all, crawl])
def test_what_is_no_text_is_refused_and_shown(several) -> None:
    with pytest.raises(TypeError, match="not 7"):
        list(several([7]))
    with pytest.raises(TypeError, match="not None"):
        fetch(None)  # type: ignore[arg-type] # what is tested


def test_an_outcome_prints_as_one_line_that_says_what_became_of_it(site: Site) -> None:
    page, missing, broken = (
        next(iter(fetch_all([f"{site.url}{path}"])))
        for path in ("/page/1", "/status/404", "/truncated")
    )
    (refused,) = [skip for skip in crawl([f"{site.url}/hang"]) if isinstance(skip, Skip)]

    assert isinstance(page, Response)
    assert str(page) == f"{site.url}/page/1: 200 OK, {len(page.body)} bytes"
    assert str(missing).startswith(f"{site.url}/status/404: 404 Not Found, ")
    assert str(broken).startswith(f"{site.url}/truncated: net.incomplete_body: the peer closed")
    assert str(refused) == f"{site.url}/hang: robots.disallowed: Disallow: /hang"
    assert "\n" not in f"{page}{missing}{broken}{refused}"


def test_what_a_server_says_cannot_steer_the_terminal_it_is_printed_on() -> None:
    skip = Skip(Request("http://127.0.0.1/"), "robots.disallowed", "\x1b[2J\r\n")

    assert str(skip).endswith(r"\x1b[2J\x0d\x0a")


def test_the_repr_of_a_response_holds_no_body(site: Site) -> None:
    page = fetch(f"{site.url}/size/100000")

    assert len(repr(page)) < 3000


def test_limits_and_networks_show_what_differs_so_that_help_can_be_read() -> None:
    assert repr(Limits(timeout=10)) == "Limits(timeout=10)"
    assert repr(Network(verify=False)) == "Network(verify=False)"
    assert "Limits = Limits()" in str(inspect.signature(fetch_all, eval_str=False)).replace("'", "")


def test_a_password_in_what_is_no_url_is_not_in_its_failure() -> None:
    (outcome,) = fetch_all(["http://me:secret@[bad/"])

    assert "secret" not in f"{outcome} {outcome!r}"


def test_outcomes_survive_pickling(site: Site) -> None:
    outcomes = [
        *fetch_all([f"{site.url}/page/1", f"{site.url}/truncated", "not a url"]),
        *crawl([f"{site.url}/hang"]),
    ]
    assert {type(outcome) for outcome in outcomes} == {Response, Failure, Skip}

    for outcome in outcomes:
        again = pickle.loads(pickle.dumps(outcome))
        assert (type(again), str(again)) == (type(outcome), str(outcome))


def test_it_runs_in_threads_and_inside_a_running_event_loop_as_in_a_notebook(site: Site) -> None:
    urls = [f"{site.url}/page/{number}" for number in range(5)]
    fetched: list[int] = []

    def fetch_them(engine: str) -> None:
        fetched.append(len(list(fetch_all(urls, engine=engine))))

    async def notebook() -> None:
        fetch_them("selectors")
        fetched.append(len(list(crawl(urls, follow=False))))
        await asyncio.to_thread(fetch_them, "asyncio")

    asyncio.run(notebook())
    threads = [threading.Thread(target=fetch_them, args=(name,)) for name in
               ("selectors", "epoll", "threads", "gevent+socket", "asyncio")]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert fetched == [5] * 8


def test_a_duplicate_names_its_url_and_no_line_that_it_does_not_know(site: Site) -> None:
    seeds = [f"{site.url}/page/1", f"{site.url}/page/1#again"]

    (twin,) = [outcome for outcome in crawl(seeds, follow=False) if not outcome.ok]

    assert str(twin) == f"{site.url}/page/1: url.duplicate: seen before: {site.url}/page/1"
