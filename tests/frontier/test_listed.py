"""The list source: its order, and what comes back into the line."""

from __future__ import annotations

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


def test_a_retry_comes_not_before_its_time_and_before_the_end() -> None:
    clock = Clock()
    listed = Listed(iter([page("a")]), clock=clock)

    listed.take()
    listed.again(page("a", 2), after=3.0)

    assert listed.take() == Pause(3.0)
    clock.now += 3.0
    assert listed.take() == page("a", 2)
    assert listed.take() is None


def test_a_hop_is_taken_before_the_rest_of_the_list() -> None:
    listed = Listed(iter([page("a", 1), page("a", 2)]))

    listed.take()
    listed.again(page("z"))

    assert taken(listed) == [page("z"), page("a", 2)]
