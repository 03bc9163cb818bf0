"""The file of a comparison: what is written is read again, and what is damaged is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from crawler import tables
from crawler.comparison import Comparison, Difference, Run, Stretch, dump, enough, load, summarise
from crawler.errors import InputError
from crawler.explaining import explanations
from crawler.report_page import page

RUN = Run(
    engine="epoll",
    concurrency=50,
    wall=0.5,
    cpu=0.02,
    rss_bytes=25_000_000,
    ok=2,
    failed=1,
    body_bytes=2000,
    user=0.015,
    system=0.005,
    voluntary=20,
    involuntary=3,
    start_up=0.001,
    latency=(0.1, 0.11, 0.12),
    syscalls=400,
    syscalls_by=(("recvfrom", 200), ("sendto", 200)),
    codes=(("http.404", 1),),
    timeline=(Stretch(1, 0.0, connect=0.001, wait=0.1, receive=0.002), Stretch(2, 0.1, code="x")),
)
WHOLE = Comparison(
    what="3 URLs of site.example",
    requests=3,
    runs=(RUN, replace(RUN, engine="sequential", concurrency=1, wall=5.0, timeline=())),
    command="crawl compare urls.txt",
    machine="a machine",
    versions=(("Python", "3.11"),),
    when="2026-11-23T12:00:00Z",
    hosts=("site.example",),
    disturbed=(replace(RUN, timeline=()),),
    absent=(("uring", "the kernel refuses it"),),
    differences=(Difference("http://site.example/", (("epoll", "200 a"),), volatile=True),),
    counted_by="strace 6.1",
    seed=7,
)


def test_a_comparison_is_read_as_it_was_written() -> None:
    assert load(dump(WHOLE)) == WHOLE


def test_the_file_has_the_summaries_for_other_programs() -> None:
    told = json.loads(dump(WHOLE))

    assert [one["engine"] for one in told["summaries"]] == ["epoll", "sequential"]
    assert told["summaries"][0]["speedup"] == 10.0


def test_only_the_median_run_keeps_its_timeline() -> None:
    runs = tuple(replace(RUN, wall=wall) for wall in (0.9, 0.5, 0.7))

    again = load(dump(replace(WHOLE, runs=runs)))

    assert [bool(run.timeline) for run in again.runs] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[1, 2]", "no comparison"),
        ("{}", "no comparison"),
        ('{"runs": [], "schema": 99}', "schema 99"),
        ('{"runs": [{}], "schema": 1}', "damaged"),
        ('{"runs": [], "schema": 1}', "damaged"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_comparison_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load(text)


@pytest.mark.parametrize("field", ["wall", "engine", "timeline", "latency"])
def test_a_run_without_a_field_is_refused(field: str) -> None:
    told = json.loads(dump(WHOLE))
    del told["runs"][0][field]

    with pytest.raises(InputError, match="damaged"):
        load(json.dumps(told))


WRONG = (None, "x", True, -1, 1.5, [], {}, [1], float("nan"), float("inf"), 10**400)


def leaves(told: object, *path: object) -> Iterator[tuple[object, ...]]:
    """Where every value of a document is, but the document itself."""
    if path:
        yield path
    if isinstance(told, dict | list):
        for key, inner in told.items() if isinstance(told, dict) else enumerate(told):
            yield from leaves(inner, *path, key)


@pytest.mark.timeout(40)
def test_a_wrong_value_anywhere_is_refused_or_can_be_shown() -> None:
    text = dump(WHOLE)
    refused = 0
    for path in leaves(json.loads(text)):
        for wrong in WRONG:
            told = json.loads(text)
            place = told
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = wrong
            try:
                loaded = load(json.dumps(told))
            except InputError:
                refused += 1
            else:
                assert tables.text(loaded, columns=100)
                assert page(loaded)
                assert load(dump(loaded))

    assert refused > 500


def test_an_order_may_be_drawn_from_any_number() -> None:
    assert load(dump(replace(WHOLE, seed=-1))).seed == -1


def test_enough_is_the_least_concurrency_near_the_best_rate() -> None:
    walls = {1: 10.0, 10: 1.0, 50: 0.25, 100: 0.24, 200: 0.26}
    points = summarise([replace(RUN, concurrency=at, wall=wall) for at, wall in walls.items()])

    assert enough(points) == 50


def test_asking_over_and_over_is_named_as_the_reason_for_its_cost() -> None:
    runs = [RUN, replace(RUN, engine="nonblocking", cpu=0.5)]

    (said, *_) = explanations(summarise(runs))

    assert "25 times as much" in said
    assert "over and over" in said


def test_like_costs_are_not_explained() -> None:
    runs = [RUN, replace(RUN, engine="poll", cpu=0.021)]

    assert explanations(summarise(runs)) == []
