"""Our own network is gone: nobody else is blamed for it, and the crawl goes on by itself."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.breaker import Breaker
from crawler.errors import FetchError
from crawler.headers import Headers
from crawler.model import Failure, Outcome, Request, Response
from crawler.politeness import Answer, Pace, Politeness

WHEN = datetime(2026, 11, 23, tzinfo=UTC)


def heard(host: int = 0, status: int = 200) -> Response:
    request = Request(f"http://h{host}.example/")
    return Response(request, status, "", Headers(()), b"", b"", "1.1", "", WHEN, 0.1)


def failed(code: str, host: int = 0) -> Failure:
    return Failure(Request(f"http://h{host}.example/"), FetchError("no", code=code), WHEN, 0.1)


def tell(breaker: Breaker, outcome: Outcome, now: float = 0.0) -> Answer:
    breaker.start()
    return breaker.told(outcome, now)


def cut(breaker: Breaker, now: float = 0.0) -> None:
    for host in range(20):
        tell(breaker, failed("connect.unreachable", host), now)
    assert breaker.is_open


def known(hosts: int) -> Breaker:
    breaker = Breaker()
    for host in range(hosts):
        tell(breaker, heard(host))
    return breaker


@pytest.mark.parametrize("code", ["connect.unreachable", "dns.servfail", "dns.timeout"])
def test_twenty_in_a_row_that_heard_nothing_stop_everything(code: str) -> None:
    breaker = Breaker()
    for host in range(19):
        tell(breaker, failed(code, host % 7))
        assert breaker.wait(0.0) == 0
    tell(breaker, failed(code, 6))

    assert breaker.is_open
    assert breaker.wait(0.0) == 1.0


def test_no_route_stops_the_crawl_of_a_single_host_too() -> None:
    breaker = Breaker()
    for _ in range(20):
        tell(breaker, failed("connect.unreachable"))

    assert breaker.is_open


@pytest.mark.parametrize("code", ["dns.servfail", "timeout.connect"])
def test_one_host_that_is_gone_does_not_stop_the_others(code: str) -> None:
    breaker = known(1)
    for _ in range(1000):
        tell(breaker, failed(code))

    assert not breaker.is_open


def test_hosts_that_answered_and_are_silent_now_stop_everything() -> None:
    breaker = known(10)
    for n in range(20):
        tell(breaker, failed("timeout.connect", n % 10))

    assert breaker.is_open


def test_a_list_of_dead_hosts_is_no_broken_network() -> None:
    breaker = Breaker()
    for host in range(10_000):
        tell(breaker, failed("timeout.connect", host))

    assert not breaker.is_open


@pytest.mark.parametrize(
    "outcome",
    [heard(), heard(status=503), failed("connect.refused"), failed("net.reset"),
     failed("dns.nxdomain"), failed("tls.cert_expired"), failed("proto.bad_header")],
)  # fmt: skip
def test_whatever_came_through_the_network_shows_that_it_is_there(outcome: Outcome) -> None:
    breaker = Breaker()
    for host in range(19):
        tell(breaker, failed("connect.unreachable", host))
    tell(breaker, outcome)
    for host in range(19):
        tell(breaker, failed("connect.unreachable", host))
    assert not breaker.is_open

    tell(breaker, failed("connect.unreachable"))
    assert breaker.is_open
    tell(breaker, outcome)
    assert breaker.wait(0.0) == 0


@pytest.mark.parametrize("code", ["local.too_many_files", "policy.address_blocked"])
def test_what_was_never_sent_says_nothing_about_the_network(code: str) -> None:
    breaker = Breaker()
    for n in range(100):
        tell(breaker, failed(code, n))
    assert not breaker.is_open

    cut(breaker)
    tell(breaker, failed(code))
    assert breaker.is_open


def test_one_at_a_time_tries_and_less_and_less_often() -> None:
    breaker, now, pauses = Breaker(), 100.0, []
    cut(breaker, now)
    for _ in range(7):
        pauses.append(breaker.wait(now))
        now += pauses[-1]
        assert breaker.wait(now) == 0
        breaker.start()
        assert breaker.wait(now) == math.inf
        breaker.told(failed("connect.unreachable"), now)

    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    tell(breaker, heard(), now)
    assert (breaker.wait(now), breaker.lost) == (0.0, now - 100.0)


def test_it_waits_for_all_that_was_under_way_before_it_tries() -> None:
    breaker = Breaker()
    for _ in range(50):
        breaker.start()
    for host in range(49):
        breaker.told(failed("connect.unreachable", host), 0.0)
    assert breaker.wait(10.0) == math.inf

    breaker.told(failed("connect.unreachable"), 0.5)
    assert breaker.wait(0.5) == 0.5


def test_a_cut_network_brands_no_host_dead() -> None:
    breaker, now = known(30), 0.0
    paces = [Pace(Politeness(concurrency=30), is_public=True) for _ in range(30)]
    for n in range(5000):
        now += breaker.wait(now)
        host = n % 30
        if paces[host].wait(now) > 0:
            continue
        breaker.start()
        paces[host].start(now)
        now += 0.01
        paces[host].end(breaker.told(failed("timeout.connect", host), now), now)

    assert breaker.opened == 1
    assert [pace.manners().parked for pace in paces] == [0] * 30


def test_the_hosts_it_remembers_are_bounded() -> None:
    breaker = known(10_500)
    for n in range(20):
        tell(breaker, failed("timeout.connect", n))
    assert not breaker.is_open

    for n in range(20):
        tell(breaker, failed("timeout.connect", 10_499 - n))
    assert breaker.is_open


CODES = ["connect.unreachable", "dns.servfail", "timeout.idle", "connect.refused", "local.memory"]


@given(st.lists(st.tuples(st.sampled_from(CODES), st.integers(0, 9), st.floats(0, 100))))
def test_it_always_lets_one_try_in_the_end(said: list[tuple[str, int, float]]) -> None:
    breaker, now = known(5), 0.0
    for code, host, seconds in said:
        now += seconds
        tell(breaker, failed(code, host), now)

        assert 0 <= breaker.wait(now) <= 30
        assert breaker.wait(now + 30) == 0
