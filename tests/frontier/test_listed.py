"""The list source: order, limits per host, rates, and what comes back into the line."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from crawler.frontier.listed import Listed
from crawler.model import Pause, Request


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def page(host: str, number: int = 0) -> Request:
    return Request(f"http://{host}/{number}")


def taken(listed: Listed) -> list[Request]:
    items = []
    while isinstance(item := listed.take(), Request):
        items.append(item)
    return items


def test_without_limits_requests_pass_in_order_and_are_pulled_one_by_one() -> None:
    wanted = [page("a", number) for number in range(5)]
    source = iter(wanted)
    listed = Listed(source)

    assert listed.take() == wanted[0]
    assert next(source) == wanted[1]
    assert taken(listed) == wanted[2:]
    assert listed.take() is None


def test_an_input_that_has_nothing_yet_gives_its_pause() -> None:
    listed = Listed(iter([Pause(0.02), page("a")]))

    assert listed.take() == Pause(0.02)
    assert listed.take() == page("a")


def test_per_host_holds_a_host_back_but_not_the_others() -> None:
    listed = Listed(iter([page("a", 1), page("a", 2), page("a", 3), page("b", 1)]), per_host=2)

    assert taken(listed) == [page("a", 1), page("a", 2), page("b", 1)]
    listed.done(page("a", 1))
    assert taken(listed) == [page("a", 3)]


def test_delay_spaces_the_starts_to_one_origin() -> None:
    clock = Clock()
    listed = Listed(iter([page("a", 1), page("a", 2), page("b", 1)]), delay=1.0, clock=clock)

    assert taken(listed) == [page("a", 1), page("b", 1)]
    assert listed.take() == Pause(1.0)
    clock.now += 1.0
    assert listed.take() == page("a", 2)


def test_a_host_rests_as_long_as_it_was_told() -> None:
    clock = Clock()
    listed = Listed(iter([page("a", 1), page("a", 2)]), per_host=1, clock=clock)

    first = listed.take()
    assert isinstance(first, Request)
    listed.done(first, ready_in=7.0)

    assert listed.take() == Pause(7.0)
    clock.now += 7.0
    assert listed.take() == page("a", 2)


def test_rate_spaces_all_starts() -> None:
    clock = Clock()
    listed = Listed(iter([page("a"), page("b"), page("c")]), rate=10, clock=clock)
    starts = []

    while (item := listed.take()) is not None:
        if isinstance(item, Pause):
            clock.now += item.seconds
        else:
            starts.append(round(clock.now - 100.0, 6))

    assert starts == [0.0, 0.1, 0.2]


def test_a_retry_comes_not_before_its_time_and_before_the_end() -> None:
    clock = Clock()
    listed = Listed(iter([page("a")]), clock=clock)

    listed.take()
    listed.again(page("a", 2), after=3.0)

    assert listed.unfinished() == 1
    assert listed.take() == Pause(3.0)
    clock.now += 3.0
    assert listed.take() == page("a", 2)
    assert listed.take() is None


def test_a_hop_is_taken_before_the_rest_of_the_list() -> None:
    listed = Listed(iter([page("a", 1), page("a", 2)]))

    listed.take()
    listed.again(page("z"))

    assert taken(listed) == [page("z"), page("a", 2)]


def test_the_window_bounds_what_is_read_ahead() -> None:
    source = iter([page("a", number) for number in range(100)])
    listed = Listed(source, per_host=1, window=10)

    assert taken(listed) == [page("a", 0)]
    assert listed.unfinished() == 10
    assert len(list(source)) == 89


def test_a_retry_is_taken_although_the_window_is_full() -> None:
    clock = Clock()
    source = iter([page("a", number) for number in range(100)])
    listed = Listed(source, per_host=1, window=10, clock=clock)
    taken(listed)
    listed.again(page("b"), after=1.0)

    clock.now += 1.0

    assert taken(listed) == [page("b")]


def test_idle_hosts_are_forgotten() -> None:
    listed = Listed((page(f"h{number}") for number in range(5000)), per_host=1)

    for request in iter(listed.take, None):
        assert isinstance(request, Request)
        listed.done(request)

    assert len(listed._hosts) < 2500


@given(
    hosts=st.lists(st.sampled_from("abc"), max_size=40),
    per_host=st.integers(0, 3),
    delay=st.sampled_from([0.0, 0.5]),
    rate=st.sampled_from([0.0, 3.0]),
    ends=st.lists(st.integers(0, 5), max_size=100),
)
def test_everything_is_taken_once_and_no_host_exceeds_its_limit(
    hosts: list[str], per_host: int, delay: float, rate: float, ends: list[int]
) -> None:
    clock = Clock()
    wanted = [page(host, number) for number, host in enumerate(hosts)]
    listed = Listed(iter(wanted), per_host=per_host, delay=delay, rate=rate, window=7, clock=clock)
    under_way: list[Request] = []
    seen: list[Request] = []
    pace = iter(ends)

    while True:
        item = listed.take()
        if isinstance(item, Request):
            under_way.append(item)
            seen.append(item)
            busiest = Counter(request.origin for request in under_way).most_common(1)[0][1]
            assert not per_host or busiest <= per_host
            continue
        if item is None and not under_way:
            break
        if isinstance(item, Pause):
            clock.now += item.seconds + 1e-9
        if under_way:
            listed.done(under_way.pop(next(pace, 0) % len(under_way)))

    assert sorted(seen, key=lambda request: request.url) == sorted(
        wanted, key=lambda request: request.url
    )
