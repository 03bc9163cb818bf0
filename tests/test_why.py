"""Why this speed: every second has one cause, and they add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model import Timing
from crawler.politeness import Hold
from crawler.why import OF_HOLD, Reason, Spent, explain

SECONDS = st.floats(0, 1e6)
TURNS = st.lists(st.tuples(SECONDS, st.sampled_from(Reason), st.sampled_from(["", "a", "b"])))


@given(TURNS, SECONDS, SECONDS)
def test_the_parts_add_up_to_the_wall_time(
    turns: list[tuple[float, Reason, str]], idle: float, worked: float
) -> None:
    spent = Spent()
    spent.worked = worked
    for turn in turns:
        spent.turn(*turn)
    wall = sum(seconds for seconds, _, _ in turns) + idle

    parts = spent.parts(wall)

    assert sum(part.seconds for part in parts) == pytest.approx(wall)
    assert len({part.reason for part in parts}) == len(parts)


@given(TURNS, SECONDS)
def test_the_percents_add_up_to_100(turns: list[tuple[float, Reason, str]], wall: float) -> None:
    spent = Spent()
    for turn in turns:
        spent.turn(*turn)

    shares = [int(line[:3]) for line in explain(spent, wall, 10) if line[3:5] == " %"]

    assert sum(shares) in ((100,) if shares else (0,))


def test_what_nobody_told_of_is_our_own_work() -> None:
    spent = Spent()
    spent.turn(3.0, Reason.OUTPUT)

    assert [(p.reason, p.seconds) for p in spent.parts(10.0)] == [
        (Reason.CPU, 7.0), (Reason.OUTPUT, 3.0)
    ]  # fmt: skip


def test_rests_name_the_host_that_caused_most_of_them() -> None:
    spent = Spent()
    spent.turn(40.0, Reason.CRAWL_DELAY, "https://a.example")
    spent.turn(32.0, Reason.CRAWL_DELAY, "https://b\x1b.example")
    spent.turn(2.0, Reason.CRAWL_DELAY, "https://a.example")
    spent.turn(26.0, Reason.SERVERS)
    spent.told(Timing(dns=0.1, connect=0.2, tls=0.0, first_byte=0.6, total=1.0))

    assert explain(spent, 100.0, 16) == [
        (
            " 74 % every host that was left rested: Crawl-delay of its robots.txt "
            "(https://a.example: 42.0 s)"
        ),
        (
            " 26 % all slots were in use, waiting for servers "
            "(first byte 60%, connect 20%, DNS 10%, receive 10%)"
        ),
        "on average 0.0 of 16 exchanges were under way; what decides is --crawl-delay ignore",
    ]


def test_small_causes_are_put_together() -> None:
    spent = Spent()
    spent.turn(98.4, Reason.INPUT)
    spent.turn(0.8, Reason.RATE)
    spent.turn(0.8, Reason.PARSERS)

    lines = explain(spent, 100.0, 4)

    assert lines[0] == " 98 % the input had nothing yet"
    assert lines[1].startswith("  2 % other: ")
    assert len(lines) == 3


def test_with_all_slots_in_use_more_of_them_would_help() -> None:
    spent = Spent()
    spent.turn(10.0, Reason.SERVERS)
    for _ in range(40):
        spent.told(Timing(first_byte=1.0, total=1.0))

    assert explain(spent, 10.0, 4)[-1] == (
        "on average 4.0 of 4 exchanges were under way; what decides is --concurrency"
    )


def test_a_run_without_time_has_no_reasons() -> None:
    assert explain(Spent(), 0.0, 4) == []


def test_every_hold_of_a_host_is_a_reason() -> None:
    assert set(OF_HOLD) == set(Hold)


def test_a_million_hosts_are_not_remembered() -> None:
    spent = Spent()
    for n in range(10_000):
        spent.turn(1.0, Reason.DELAY, f"https://h{n}.example")

    (part,) = spent.parts(10_000.0)
    assert part.seconds == 10_000.0
    assert sum(map(len, spent._by_origin.values())) == 1000


def test_processes_that_work_are_waited_for_as_far_as_they_work() -> None:
    spent = Spent()
    spent.turn(6.0, Reason.SERVERS)
    spent.turn(2.0, Reason.LAST)
    spent.turn(1.0, Reason.RETRY_AFTER, "http://a")
    spent.worked = 7.5  # of 10 seconds, each of them

    parts = {part.reason: part.seconds for part in spent.parts(10.0)}

    assert parts == {
        Reason.SHARDS: 6.0,
        Reason.SERVERS: 1.5,
        Reason.LAST: 0.5,
        Reason.RETRY_AFTER: 1.0,
        Reason.CPU: 1.0,
    }
    assert explain(spent, 10.0, 20)[-1].endswith("what decides is --processes")


@pytest.mark.parametrize(
    ("code", "phase"),
    [("timeout.first_byte", "first byte"), ("connect.timeout", "connect"), ("dns.nxdomain", "DNS"),
     ("tls.reset", "TLS"), ("proxy.refused", "connect"), ("timeout.deadline", "first byte")],
)  # fmt: skip
def test_what_failed_before_the_first_byte_has_received_nothing(code: str, phase: str) -> None:
    spent = Spent()

    spent.told(Timing(total=30.0), code)

    assert {name for name, share in spent.phases().items() if share} == {phase}
