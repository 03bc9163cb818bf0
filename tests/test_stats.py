"""What a run counts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sinks.outcomes import failure, response, skip

from crawler.errors import FetchError
from crawler.stats import Histogram, Percentiles, Stats


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def refused(code: str) -> object:
    return failure(error=FetchError("said so", code=code))


def test_every_line_is_in_exactly_one_account() -> None:
    stats = Stats()
    for outcome in (
        response(), response(status=301), response(status=404), response(truncated="length"),
        failure(), refused("url.duplicate"), refused("url.duplicate"), refused("url.invalid"),
    ):  # fmt: skip
        stats.add(outcome)

    now = stats.snapshot(10)

    assert (now.lines, now.fetched, now.failed) == (10, 2, 3)
    assert (now.duplicate, now.invalid, now.unfinished) == (2, 1, 2)
    assert now.statuses == ((200, 2), (301, 1), (404, 1))
    assert dict(now.errors) == {"http.404": 1, "body.truncated": 1, "connect.refused": 1}


def test_the_pace_is_pages_by_elapsed_time() -> None:
    clock = Clock()
    stats = Stats(clock=clock)
    for _ in range(10):
        stats.add(response(b"12345"))

    clock.now = 2.0

    assert stats.snapshot(10).pages_per_second == 5
    assert stats.snapshot(10).body_bytes == 50


def test_queue_time_is_apart_from_latency() -> None:
    stats = Stats()
    from dataclasses import replace

    outcome = response()
    stats.add(replace(outcome, request=replace(outcome.request, since=1.0)))

    now = stats.snapshot(1)

    assert now.latency.most == 0.25
    assert now.queue.most == 0.125


def test_servers_cannot_fill_memory_with_codes() -> None:
    stats = Stats()
    for number in range(2000):
        stats.add(refused(f"made.{number}"))

    assert len(stats.snapshot(2000).errors) <= 501
    assert sum(count for _, count in stats.snapshot(2000).errors) == 2000


def test_an_empty_histogram_is_all_zero() -> None:
    assert Histogram().percentiles() == Percentiles()


@given(st.lists(st.floats(1e-5, 1e4), min_size=1, max_size=300))
def test_percentiles_are_right_to_two_per_cent(times: list[float]) -> None:
    histogram = Histogram()
    for seconds in times:
        histogram.add(seconds)

    found = histogram.percentiles()

    times.sort()
    for share, value in ((0.5, found.p50), (0.9, found.p90), (0.99, found.p99)):
        exact = times[max(0, -(-len(times) * int(share * 100) // 100) - 1)]
        assert value == pytest.approx(exact, rel=0.021)
    assert found.most == times[-1]


def test_a_histogram_takes_any_duration() -> None:
    histogram = Histogram()
    for seconds in (0.0, -1.0, 1e-9, 1e9, random.random()):
        histogram.add(seconds)

    assert histogram.percentiles().most == 1e9


def test_skips_are_an_account_of_their_own_and_counted_by_reason() -> None:
    stats = Stats()
    for outcome in (response(), skip(), skip("policy.trap"), skip()):
        stats.add(outcome)

    now = stats.snapshot(5)

    assert (now.fetched, now.failed, now.skipped, now.unfinished) == (1, 0, 3, 1)
    assert now.skips == (("robots.disallowed", 2), ("policy.trap", 1))
    assert now.errors == ()
