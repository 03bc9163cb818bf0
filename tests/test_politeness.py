"""How much is asked of a host, and how long it rests: by rule, and in simulated crawls."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from simulated import (
    Crawl,
    Host,
    Reply,
    dying,
    flaky,
    honest,
    queueing,
    storming,
    throttling,
)

from crawler.errors import FetchError
from crawler.headers import Headers
from crawler.model import Failure, Request, Response
from crawler.pace import Pace, pace_of
from crawler.politeness import Answer, Hold, Manners, Politeness, answer
from crawler.settling import retry_after

WHEN = datetime(2026, 11, 23, tzinfo=UTC)
FIFTY = Politeness(concurrency=50, earned=True)


def response(status: int, *fields: tuple[str, str]) -> Response:
    request = Request("http://a.example/")
    headers = Headers(fields)
    return Response(request, status, "", headers, b"", b"", "1.1", "192.0.2.1 80", WHEN, 0.1)


def failure(code: str) -> Failure:
    return Failure(Request("http://a.example/"), FetchError("no", code=code), WHEN, 0.1)


def public(politeness: Politeness = FIFTY) -> Pace:
    return Pace(politeness, is_public=True, jitter=lambda low, high: (low + high) / 2)


def rounds(pace: Pace, number: int, *, now: float = 0.0, latency: float = 0.1) -> list[int]:
    """The windows of so many rounds, all answers clean."""
    windows = []
    for _ in range(number):
        windows.append(pace.window)
        fill(pace, now)
        drain(pace, now, Answer.FINE, latency=latency)
    return windows


def fill(pace: Pace, now: float) -> int:
    begun = 0
    while pace.wait(now) == 0:
        pace.start(now)
        begun += 1
    return begun


def drain(pace: Pace, now: float, kind: Answer, *, latency: float = 0.1) -> None:
    while pace.under_way:
        pace.end(kind, now, latency=latency)


def park(pace: Pace, now: float) -> float:
    """Lose exchanges until it rests; when it may go on."""
    while pace.wait(now) == 0:
        pace.start(now)
        pace.end(Answer.LOST, now)
    return now + pace.wait(now)


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (response(200), Answer.FINE),
        (response(304), Answer.FINE),
        (response(404), Answer.ERROR),
        (response(500), Answer.ERROR),
        (response(429), Answer.THROTTLED),
        (response(503), Answer.THROTTLED),
        (failure("connect.refused"), Answer.LOST),
        (failure("connect.unreachable"), Answer.OURS),
        (failure("net.reset"), Answer.LOST),
        (failure("timeout.first_byte"), Answer.LOST),
        (failure("dns.servfail"), Answer.OURS),
        (failure("dns.nxdomain"), Answer.ERROR),
        (failure("tls.eof"), Answer.LOST),
        (failure("tls.cert_expired"), Answer.ERROR),
        (failure("proto.bad_header"), Answer.ERROR),
        (failure("local.too_many_files"), Answer.OURS),
        (failure("proxy.refused"), Answer.OURS),
        (failure("policy.address_blocked"), Answer.ERROR),
    ],
)
def test_every_outcome_says_something_or_nothing_about_the_host(
    outcome: Response | Failure, kind: Answer
) -> None:
    assert answer(outcome) is kind


def test_a_public_host_earns_its_window_round_by_round() -> None:
    assert rounds(public(), 6) == [4, 8, 16, 32, 50, 50]


@pytest.mark.parametrize(
    ("politeness", "windows"),
    [
        (Politeness(concurrency=50), [4, 4, 4]),
        (Politeness(concurrency=50, follow=True), [2, 4, 4]),
        (Politeness(concurrency=50, follow=True, per_host=20), [2, 4, 8]),
        (Politeness(concurrency=50, per_host=3), [3, 3, 3]),
        (Politeness(concurrency=2), [2, 2, 2]),
    ],
)
def test_what_a_public_host_may_have_follows_the_table(
    politeness: Politeness, windows: list[int]
) -> None:
    pace = public(replace(politeness, delay=1e-9))

    assert rounds_of_one(pace, len(windows)) == windows


def rounds_of_one(pace: Pace, number: int) -> list[int]:
    """As `rounds`, with a step of time before every start."""
    now, windows = 0.0, []
    for _ in range(number):
        windows.append(pace.window)
        while pace.wait(now) < math.inf:
            now += 1.0
            pace.start(now)
        drain(pace, now, Answer.FINE)
    return windows


def test_the_users_own_host_has_no_window_no_delay_and_is_never_parked() -> None:
    pace = pace_of(Politeness(concurrency=50, follow=True), "http://127.0.0.1", is_public=False)

    assert fill(pace, 0.0) == 50
    drain(pace, 0.0, Answer.LOST)
    drain_throttled = fill(pace, 0.0)
    drain(pace, 0.0, Answer.THROTTLED)
    assert drain_throttled == 50
    assert pace.wait(0.0) == 0
    assert fill(pace, 0.0) == 50


def test_an_own_host_that_asks_for_a_rest_gets_it() -> None:
    pace = pace_of(FIFTY, "http://127.0.0.1", is_public=False)
    pace.start(0.0)
    pace.end(Answer.THROTTLED, 0.0, retry_after=7.0)

    assert pace.wait(0.0) == 7.0


def test_a_name_that_turns_out_to_be_the_users_own_gets_all() -> None:
    pace = public()
    pace.is_own()

    assert fill(pace, 0.0) == 50


def test_an_own_host_with_a_crawl_delay_stays_serial() -> None:
    pace = public()
    pace.crawl_delay(2.0)
    pace.is_own()
    pace.start(0.0)

    assert pace.wait(0.0) == math.inf


@pytest.mark.parametrize("kind", [Answer.THROTTLED, Answer.LOST])
def test_trouble_halves_the_window_once_and_it_grows_by_one_from_there(kind: Answer) -> None:
    pace = public()
    rounds(pace, 3)
    fill(pace, 0.0)
    assert pace.window == pace.under_way == 32

    pace.end(kind, 0.0)
    pace.end(kind, 0.0)
    pace.end(kind, 0.0)
    assert pace.window == 16
    drain(pace, 0.0, Answer.FINE)

    assert rounds(pace, 3, now=100.0) == [16, 17, 18]


def test_a_window_that_was_too_large_is_tried_again_later_and_forgotten_once_it_is_borne() -> None:
    def throttle(now: float) -> None:
        fill(pace, now)
        pace.end(Answer.THROTTLED, now)
        drain(pace, now, Answer.FINE)

    pace = public()
    rounds(pace, 2)
    throttle(0.0)
    assert rounds(pace, 10, now=10.0) == [8, 9, 10, 11, 12, 13, 14, 15, 15, 16]

    throttle(20.0)  # at 17, beyond the ceiling: not a second time at the same
    assert rounds(pace, 11, now=30.0) == [8, 9, 10, 11, 12, 13, 14, 15, 16, 16, 17]


def test_errors_never_raise_the_rate_however_fast_they_are() -> None:
    pace = public()
    for _ in range(100):
        fill(pace, 0.0)
        drain(pace, 0.0, Answer.ERROR, latency=0.001)

    assert pace.window == 4


def test_a_host_that_gets_three_times_slower_is_asked_for_half() -> None:
    pace = public()
    rounds(pace, 3)

    rounds(pace, 1, latency=0.29)
    assert pace.window == 50
    rounds(pace, 1, latency=0.31)
    assert pace.window == 25


def test_a_host_that_stays_slow_is_not_held_at_one_for_ever() -> None:
    pace = public()
    rounds(pace, 3, latency=0.1)
    rounds(pace, 10, latency=2.0)

    assert rounds(pace, 10, latency=2.0)[-1] > 4


@pytest.mark.parametrize(
    ("field", "seconds"),
    [("2", 2.0), ("120", 120.0), ("99999999999999999999", 300.0), ("-5", 30.0), ("soon", 30.0),
     ("Mon, 23 Nov 2026 00:00:40 GMT", 40.0), ("Fri, 31 Dec 9999 23:59:59 GMT", 300.0),
     ("Mon, 23 Nov 2020 00:00:40 GMT", 30.0)],
)  # fmt: skip
def test_retry_after_is_obeyed_to_the_second(field: str, seconds: float) -> None:
    sent = ("Date", "Mon, 23 Nov 2026 00:00:00 GMT")
    asked = retry_after(response(503, sent, ("Retry-After", field)))
    pace = public()
    pace.start(50.0)
    pace.end(Answer.THROTTLED, 50.0, retry_after=asked)

    assert pace.wait(50.0) == seconds
    assert pace.hold(50.0) is Hold.RETRY_AFTER
    assert pace.wait(50.0 + seconds - 0.001) > 0
    assert pace.wait(50.0 + seconds) == 0


@pytest.mark.parametrize("seconds", [math.inf, 1e308, 301.0])
def test_no_host_asks_for_more_than_five_minutes(seconds: float) -> None:
    pace = public()
    pace.start(0.0)
    pace.end(Answer.THROTTLED, 0.0, retry_after=seconds)

    assert pace.wait(0.0) == 300.0


def test_a_shorter_retry_after_does_not_shorten_a_rest() -> None:
    pace = public()
    fill(pace, 0.0)
    pace.end(Answer.THROTTLED, 0.0, retry_after=60.0)
    pace.end(Answer.THROTTLED, 0.0, retry_after=1.0)
    drain(pace, 0.0, Answer.FINE)

    assert pace.wait(0.0) == 60.0


def test_429_without_retry_after_doubles_the_rest_up_to_five_minutes() -> None:
    pace, now, rests = public(), 0.0, []
    for _ in range(11):
        pace.start(now)
        pace.end(Answer.THROTTLED, now)
        rests.append(pace.wait(now))
        now += rests[-1]

    assert rests == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_crawl_delay_makes_a_host_serial_and_holds_from_robots_txt_on() -> None:
    pace = public()
    pace.start(100.0)
    pace.end(Answer.FINE, 100.5)
    pace.crawl_delay(10.0)

    assert pace.wait(101.0) == 9.0
    assert pace.hold(101.0) is Hold.CRAWL_DELAY
    pace.start(110.0)
    assert pace.wait(1000.0) == math.inf
    assert pace.window == 1


@pytest.mark.parametrize(
    ("asked", "kept"), [(1e999, 30.0), (99999999.0, 30.0), (-1.0, 0.0), (math.nan, 0.0), (5, 5)]
)
def test_a_crawl_delay_is_never_more_than_half_a_minute(asked: float, kept: float) -> None:
    pace = public()
    pace.crawl_delay(asked)
    pace.start(0.0)
    pace.end(Answer.FINE, 0.0)

    assert pace.wait(0.0) == kept


def test_a_crawl_delay_may_be_ignored_by_the_user() -> None:
    pace = public(Politeness(concurrency=8, crawl_delay=False))
    pace.crawl_delay(10.0)

    assert fill(pace, 0.0) == 4


def test_following_links_leaves_a_quarter_second_or_the_latency_between_requests() -> None:
    pace = public(Politeness(concurrency=8, follow=True))
    pace.start(0.0)
    assert pace.wait(0.0) == 0.25
    assert pace.hold(0.0) is Hold.DELAY
    pace.end(Answer.FINE, 0.0, latency=2.0)
    pace.start(1.0)
    assert pace.wait(1.0) == 2.0
    pace.end(Answer.FINE, 3.0, latency=1000.0)
    pace.start(3.0)
    assert pace.wait(3.0) == 30.0


def test_five_lost_in_a_row_park_a_host_and_each_further_one_for_twice_as_long() -> None:
    pace, now, rests = public(), 0.0, []
    for number in range(10):
        assert not pace.dead
        ready = park(pace, now)
        rests.append(ready - now)
        assert pace.hold(now) is Hold.PARKED
        assert pace.manners().exchanges == 5 + number
        now = ready

    assert rests == [60, 120, 240, 480, 960, 1800, 1800, 1800, 1800, 1800]
    assert pace.dead


def test_all_that_was_under_way_when_a_host_died_parks_it_once() -> None:
    pace = public()
    rounds(pace, 5)
    assert fill(pace, 0.0) == 50
    drain(pace, 0.0, Answer.LOST)

    assert pace.manners().parked == 1
    assert not pace.dead
    assert fill(pace, 60.0) == 1  # tried by one


def test_a_host_that_came_back_for_good_is_forgiven() -> None:
    pace, now = public(), 0.0
    for _ in range(9):
        now = park(pace, now)
    for _ in range(100):
        pace.start(now)
        pace.end(Answer.FINE, now, latency=0.1)

    assert park(pace, now) - now == 60.0
    assert not pace.dead


def test_our_own_faults_are_no_fault_of_the_host() -> None:
    pace = public()
    for _ in range(1000):
        pace.start(0.0)
        pace.end(Answer.OURS, 0.0)

    assert (pace.window, pace.wait(0.0), pace.dead) == (4, 0.0, False)


def test_a_tenth_of_a_hosts_exchanges_may_be_retries_after_the_first_ten() -> None:
    pace = public()
    assert [pace.may_retry() for _ in range(11)] == [True] * 10 + [False]
    for _ in range(100):
        pace.start(0.0)
        pace.end(Answer.FINE, 0.0)

    assert sum(pace.may_retry() for _ in range(50)) == 10


@pytest.mark.parametrize("answer", [Answer.THROTTLED, Answer.LOST])
def test_what_is_refused_or_dropped_at_once_is_one_retry_of_the_budget(answer: Answer) -> None:
    pace = public()
    for _ in range(40):
        pace.start(0.0)

    granted = 0
    for _ in range(40):
        granted += pace.may_retry()
        pace.end(answer, 1.0)

    assert granted == 40
    assert sum(pace.may_retry() for _ in range(50)) == 13  # 10 and a tenth of 40, but for the one


def test_manners_say_what_the_host_had_to_bear() -> None:
    pace = public()
    pace.start(10.0)
    pace.start(10.5)
    pace.end(Answer.THROTTLED, 11.0, retry_after=100.0)
    pace.end(Answer.THROTTLED, 11.0)

    assert pace.manners(now=31.0) == Manners(
        exchanges=2, peak=2, gap=0.5, throttled=2, asked=1, early=0, rested=20.0, parked=0,
        window=2, crawl_delay=0.0, is_public=True, is_dead=False,
    )  # fmt: skip


# Whole crawls, in simulated time.


def test_simulated_a_fine_public_host_sees_4_8_16_32_50() -> None:
    host = Host("a", honest(), pages=400)
    Crawl([host], FIFTY).run()

    tops = [max(n for when, n in host.peaks if when < 1000.05 + 0.1 * k) for k in range(5)]
    assert tops == [4, 8, 16, 32, 50]
    assert host.done == 400


@pytest.mark.parametrize("asked", [0.0, 2.0])
@pytest.mark.parametrize("above", [1, 2, 3, 10, 23])
def test_simulated_a_host_that_throttles_above_n_settles_below_and_loses_no_page(
    above: int, asked: float
) -> None:
    host = Host("a", throttling(above, retry_after=asked), pages=3000)
    Crawl([host], FIFTY).run()

    assert (host.done, host.failed) == (3000, 0)
    assert max(n for when, n in host.peaks if when > 1010.0) <= above + 2


def test_simulated_a_server_that_queues_is_not_pushed_over_its_knee() -> None:
    host = Host("a", queueing(each=10), pages=5000)
    Crawl([host], FIFTY).run()

    late = [n for when, n in host.peaks if when > 1020.0]
    assert 4 <= max(late) <= 26
    assert host.done == 5000


def test_simulated_a_crawl_delay_is_kept_to_the_second() -> None:
    host = Host("a", honest(0.3), pages=50)
    crawl = Crawl([host], FIFTY)
    crawl.paces["a"].crawl_delay(5.0)
    crawl.run()

    gaps = [b - a for a, b in zip(host.starts, host.starts[1:], strict=False)]
    assert host.peak == 1
    assert set(gaps) == {5.0}


def test_simulated_a_storm_of_429_costs_few_exchanges_and_ends() -> None:
    hosts = [Host("a", storming(), pages=100), Host("b", storming(30.0), pages=100)]
    crawl = Crawl(hosts, FIFTY)
    crawl.run()

    for host in hosts:
        assert host.failed == 100
    assert crawl.paces["b"].manners().early == crawl.paces["a"].manners().early == 0
    assert min(b - a for a, b in zip(hosts[1].starts[4:], hosts[1].starts[8:], strict=False)) >= 30


def test_simulated_hostile_hosts_do_not_slow_the_honest_half() -> None:
    def population(*, hostile: bool) -> list[Host]:
        hosts = [Host(f"h{n}", honest(0.05 + n % 7 * 0.02), pages=10) for n in range(1000)]
        if hostile:
            hosts += [bad(n) for n in range(1000)]
        return hosts

    def bad(n: int) -> Host:
        kinds = (dying(0.0), storming(), storming(300.0), flaky(0.5, n), dying(1001.0), slow)
        return Host(f"x{n}", kinds[n % len(kinds)], pages=10)

    def slow(now: float, under_way: int) -> Reply:
        return Reply(5.0)

    times = []
    for hostile in (False, True):
        crawl = Crawl(population(hostile=hostile), Politeness(concurrency=4000), robots=True)
        crawl.run()
        mine = [host for name, host in crawl.hosts.items() if name[0] == "h"]
        assert sum(host.done for host in mine) == 10_000
        times.append(max(host.ended for host in mine) - 1000.0)
    assert times[1] < 1.2 * times[0]


def test_simulated_every_page_of_a_mixed_population_is_settled_once() -> None:
    kinds = [honest(), throttling(2), dying(1005.0, until=1300.0), queueing(), flaky(0.2, 1),
             storming(), dying(0.0), throttling(1, retry_after=2.0), honest(20.0)]  # fmt: skip
    hosts = [Host(f"h{n}", kinds[n % len(kinds)], pages=15) for n in range(2000)]
    crawl = Crawl(hosts, FIFTY)
    crawl.run()

    assert all(host.done + host.failed == 15 for host in hosts)
    assert crawl.most == 50
    for pace in crawl.paces.values():
        assert pace.manners().early == 0
        assert pace.under_way == 0


class PaceMachine(RuleBasedStateMachine):
    """Whatever a host does and whoever asks, the pace stays sane."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 5.0
        self.pace = Pace(Politeness(concurrency=20, earned=True, follow=False), is_public=True)
        self.not_before = 0.0

    @precondition(lambda self: self.pace.wait(self.now) == 0)
    @rule()
    def start(self) -> None:
        assert self.now >= self.not_before
        self.pace.start(self.now)
        assert self.pace.under_way <= self.pace.window

    @precondition(lambda self: self.pace.under_way)
    @rule(
        kind=st.sampled_from(Answer),
        latency=st.floats(0, 100),
        asked=st.one_of(st.just(0.0), st.floats(allow_nan=True)),
    )
    def end(self, kind: Answer, latency: float, asked: float) -> None:
        self.pace.end(kind, self.now, latency=latency, retry_after=asked)
        if kind is Answer.THROTTLED and asked > 0:
            self.not_before = max(self.not_before, self.now + min(300.0, asked))

    @rule(seconds=st.floats(0, 2000))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule(seconds=st.floats(allow_nan=True))
    def hear_of_a_crawl_delay(self, seconds: float) -> None:
        self.pace.crawl_delay(seconds)

    @invariant()
    def waits_are_numbers(self) -> None:
        wait = self.pace.wait(self.now)
        assert wait >= 0
        assert 1 <= self.pace.window <= 20
        assert (self.pace.hold(self.now) is Hold.NONE) == (wait == 0)

    @invariant()
    def there_is_always_a_way_on(self) -> None:
        wait = self.pace.wait(self.now)
        assert self.pace.under_way or wait <= 1800.0
        if wait < math.inf:
            assert self.pace.wait(self.now + wait + 1e-6) == 0

    @invariant()
    def nothing_ever_began_early(self) -> None:
        assert self.pace.manners().early == 0


TestPaceMachine = PaceMachine.TestCase
TestPaceMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


@given(st.timedeltas(timedelta(days=-400_000), timedelta(days=1)))
def test_a_date_however_strange_gives_a_rest_of_0_to_300_seconds(off: timedelta) -> None:
    try:
        when = (WHEN + off).strftime("%a, %d %b %Y %H:%M:%S GMT")
    except OverflowError:
        return

    assert 0 <= retry_after(response(503, ("Retry-After", when))) <= 300
