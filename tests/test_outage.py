"""An outage of our own network fails no page."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawler.errors import FetchError
from crawler.model import Failure, Headers, Request, Response
from crawler.outage import MOST, Outage, has_route


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def failed(code: str, host: str = "a") -> Failure:
    return Failure(Request(f"http://{host}/"), FetchError("no", code=code), datetime.now(UTC), 0.0)


def answered(host: str = "a") -> Response:
    return Response(
        Request(f"http://{host}/"), 503, "", Headers(), b"", b"", "1.1", "", datetime.now(UTC), 0.0
    )


def test_without_a_route_what_cannot_be_reached_is_our_own_fault() -> None:
    clock = Clock()
    outage = Outage(is_connected=lambda: False, clock=clock)

    assert outage.told(failed("connect.unreachable"))
    assert outage.pause() == 1.0
    clock.now += 1.0
    assert outage.pause() == 0.0  # one request looks whether it is back
    assert outage.pause() == 2.0
    assert not outage.told(answered())
    assert outage.pause() == 0.0


@pytest.mark.parametrize("code", ["connect.refused", "net.reset", "timeout.idle", "dns.nxdomain"])
def test_what_a_host_said_is_the_hosts(code: str) -> None:
    outage = Outage(is_connected=lambda: False, clock=Clock())

    assert not outage.told(failed(code))
    assert outage.pause() == 0.0


def test_with_a_route_an_unreachable_host_is_on_its_own() -> None:
    outage = Outage(is_connected=lambda: True, clock=Clock())

    assert not any(outage.told(failed("connect.unreachable", f"h{n}")) for n in range(100))


def test_names_are_our_fault_when_many_of_several_hosts_fail_in_a_row() -> None:
    one_host = Outage(is_connected=lambda: True, clock=Clock())
    many = Outage(is_connected=lambda: True, clock=Clock())

    assert not any(one_host.told(failed("dns.servfail")) for _ in range(50))
    told = [many.told(failed("dns.timeout", f"h{number}")) for number in range(30)]

    assert told == [False] * 19 + [True] * 11


def test_an_answer_between_them_says_that_names_can_be_looked_up() -> None:
    outage = Outage(is_connected=lambda: True, clock=Clock())

    for number in range(100):
        assert not outage.told(failed("dns.servfail", f"h{number}"))
        if number % 10 == 0:
            outage.told(answered())


def test_hosts_that_answered_and_are_silent_now_were_cut_off() -> None:
    outage = Outage(is_connected=lambda: True, clock=Clock())
    for number in range(10):
        outage.told(answered(f"h{number}"))

    told = [outage.told(failed("timeout.idle", f"h{n % 10}")) for n in range(25)]

    assert told == [False] * 19 + [True] * 6


def test_hosts_that_never_answered_say_nothing() -> None:
    outage = Outage(is_connected=lambda: True, clock=Clock())

    assert not any(outage.told(failed("connect.timeout", f"h{n}")) for n in range(100))


def test_a_refusal_came_through_the_network() -> None:
    outage = Outage(is_connected=lambda: True, clock=Clock())

    for number in range(100):
        assert not outage.told(failed("dns.servfail", f"h{number}"))
        if number % 10 == 0:
            outage.told(failed("connect.refused", "x"))


def test_it_is_over_after_five_minutes_without_an_answer() -> None:
    clock = Clock()
    outage = Outage(is_connected=lambda: False, clock=clock)
    outage.told(failed("connect.unreachable"))

    assert not outage.is_over
    clock.now += MOST
    assert outage.is_over


def has_namespaces() -> bool:
    probe = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    return probe.returncode == 0


@pytest.mark.parametrize("engine", ["selectors", "gevent", "threads"])
def test_a_network_that_is_cut_fails_no_page(tmp_path: Path, engine: str) -> None:
    try:
        if not has_namespaces():
            pytest.skip("this kernel gives no network namespace to a user")
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    urls = tmp_path / "urls.txt"
    urls.write_text("".join(f"http://192.0.2.{number}/\n" for number in range(1, 60)))
    command = ["unshare", "-rn", sys.executable, "-m", "crawler", str(urls), "-e", engine]

    ended = subprocess.run(
        [*command, "--max-run-time", "1", "--grace", "100ms"],
        capture_output=True, text=True, timeout=9, check=False, env=os.environ,
    )  # fmt: skip

    assert ended.returncode == 4, ended.stderr
    assert " 0 failed " in ended.stderr
    assert "the network is down" in ended.stderr
    assert ended.stdout == ""


def test_looking_for_a_route_sends_nothing_and_leaves_nothing_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    assert has_route() in {True, False}

    assert len(list(Path("/proc/self/fd").iterdir())) == before
