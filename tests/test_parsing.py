"""Parsing where it can be killed: what goes to a worker, what becomes of a bomb, what is left."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawler import parse_worker
from crawler.extract import PLAIN, SMALL, Found, extract, is_tame, links
from crawler.model import Headers, Request, Response
from crawler.parsing import Parsers

pytestmark = [pytest.mark.usefixtures("fds"), pytest.mark.timeout(30)]

FINE = Found(("http://h.example/x",))
ODD = b"<xmp></xmp>"  # so that it takes a parser
LARGE = ODD + b"<a href=x>" + b" " * SMALL
# Nested blocks: lexbor's work is their square.
BOMB = ODD + b"<div>" * 100_000 + b"<a href=x>"
# Formatting elements never closed are opened again in every table: their number is its square.
HUGE = b"".join(b"<table><b a%d>" % number for number in range(20_000)) + ODD + b"<a href=x>"


def page(body: bytes, *fields: tuple[str, str]) -> Response:
    headers = Headers((("Content-Type", "text/html"), *fields))
    now = datetime.now(UTC)
    request = Request("http://h.example/")
    return Response(request, 200, "OK", headers, body, body, "1.1", "", now, 0.1)


def results(parsers: Parsers) -> dict[int, Found]:
    """All that is pending."""
    found: dict[int, Found] = {}
    while parsers.pending:
        parsers.wait(5.0)
        found.update(parsers.ready())
    return found


def workers(parsers: Parsers) -> list[int]:
    """The processes there are; started when there is a page for them."""
    return [worker.pid for worker in parsers._pool._workers]


@pytest.mark.parametrize(
    ("body", "tame"),
    [
        (b"", True),
        (b"x" * SMALL, True),
        (b"x" * (SMALL + 1), False),
        (b"<a>" * PLAIN, True),
        (b"<a>" * PLAIN + b"<a>", False),
    ],
)
def test_only_small_and_plain_pages_are_parsed_at_once(body: bytes, tame: bool) -> None:
    assert is_tame(body) is tame


def test_a_small_page_starts_no_process() -> None:
    parsers = Parsers()

    assert parsers.submit(1, page(b"<a href=x>")) == FINE
    assert parsers.pending == 0
    assert parsers.ready() == []
    assert not workers(parsers)
    parsers.close()


def test_a_large_page_that_is_sound_starts_no_process() -> None:
    parsers = Parsers()

    assert parsers.submit(1, page(LARGE.removeprefix(ODD))) == FINE
    assert parsers.submit(2, page(BOMB.removeprefix(ODD))) == FINE
    assert not workers(parsers)
    parsers.close()


def test_a_large_page_comes_back_as_if_parsed_at_once() -> None:
    body = (
        b"<title>\xc3\xa9</title><link rel=canonical href=/c><img src=p.png><a href=mailto:x>"
        b"<meta name=ourbot content=noindex><a href=y></a>"
    )
    response = page(
        body + LARGE,
        ("Link", "<z>; rel=next"),
        ("X-Robots-Tag", "nofollow"),
        ("Refresh", "0;url=r"),
    )
    parsers = Parsers(requisites=True, agent="ourbot")

    assert parsers.submit(7, response) is None
    assert parsers.pending == 1
    found = results(parsers)
    parsers.close()

    assert found == {7: extract(response, requisites=True, agent="ourbot")}
    assert not found[7].index
    assert not found[7].follow
    assert found[7].requisites


def test_with_processes_for_all_every_page_comes_back_under_its_key() -> None:
    parsers = Parsers(2, parser="bs4")

    for key in range(50):
        assert parsers.submit(key, page(b"<a href=%d>" % key)) is None
    found = results(parsers)
    count = len(workers(parsers))
    parsers.close()

    assert found == {key: Found((f"http://h.example/{key}",)) for key in range(50)}
    assert count == 2


def test_ready_does_not_wait() -> None:
    parsers = Parsers(cpu_seconds=0.5)
    parsers.submit(1, page(BOMB))

    began = time.monotonic()
    first = parsers.ready()
    spent = time.monotonic() - began
    found = results(parsers)
    parsers.close()

    assert first == []
    assert spent < 0.4
    assert found[1].warning == "parse.timeout"


@pytest.mark.parametrize("bomb", [BOMB, HUGE], ids=["time", "memory"])
def test_a_bomb_is_given_up_and_the_pages_behind_it_are_not(bomb: bytes) -> None:
    """HT03."""
    parsers = Parsers(cpu_seconds=0.5)

    for key, body in enumerate((LARGE, bomb, LARGE, LARGE)):
        parsers.submit(key, page(body))
    found = results(parsers)
    parsers.close()

    late = replace(FINE, warning="parse.timeout")  # read again, without a tree
    assert found == {0: FINE, 1: late, 2: FINE, 3: FINE}


def test_what_memory_does_not_suffice_for_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.parse_pool._MEMORY", 200 * 1024 * 1024)
    parsers = Parsers()

    parsers.submit(1, page(HUGE))
    parsers.submit(2, page(LARGE))
    found = results(parsers)
    parsers.close()

    assert found == {1: Found(warning="parse.failed"), 2: FINE}


def test_of_a_worker_that_is_killed_nothing_is_lost() -> None:
    parsers = Parsers()
    parsers.submit(1, page(LARGE))
    assert results(parsers) == {1: FINE}

    for key in (2, 3, 4):
        parsers.submit(key, page(LARGE))
        (pid,) = workers(parsers)
        os.kill(pid, signal.SIGKILL)
    found = results(parsers)
    parsers.close()

    assert set(found) == {2, 3, 4}
    assert found[4] == FINE


def test_a_page_over_which_workers_die_is_given_up() -> None:
    parsers = Parsers(1)
    parsers.submit(1, page(b"<a href=x>"))

    killed: set[int] = set()
    found: dict[int, Found] = {}
    while parsers.pending:
        for pid in set(workers(parsers)) - killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        parsers.wait(0.02)
        found.update(parsers.ready())
    parsers.close()

    assert found == {1: Found(warning="parse.died")}
    assert len(killed) == 4  # twice with a tree, twice without


def test_without_a_process_a_page_is_parsed_here_and_a_bomb_without_a_tree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object, **__: object) -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    parsers = Parsers()
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_spawn", refused)
        here = [parsers.submit(1, page(body)) for body in (LARGE, BOMB)]
    parsers.submit(2, page(LARGE))
    found = results(parsers)
    parsers.close()

    assert here == [FINE, FINE]
    assert found == {2: FINE}


def test_a_worker_that_cannot_be_replaced_gives_its_pages_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object, **__: object) -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    parsers = Parsers()
    parsers.submit(1, page(BOMB))
    parsers.submit(2, page(LARGE))
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_spawn", refused)
        os.kill(workers(parsers)[0], signal.SIGKILL)
        found = results(parsers)
    parsers.close()

    assert found == {1: Found(warning="parse.died"), 2: Found(warning="parse.died")}


def test_closing_ends_the_workers_whatever_they_do() -> None:
    parsers = Parsers(2)
    for key in range(4):
        parsers.submit(key, page(BOMB))
    parsers.wait(0.05)
    pids = workers(parsers)

    parsers.close()

    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert parsers.pending == 0


@pytest.mark.timeout(10)
@pytest.mark.parametrize("bomb", [BOMB, HUGE], ids=["time", "memory"])
def test_links_of_a_bomb_are_found_without_a_process(bomb: bytes) -> None:
    assert list(links(page(bomb))) == list(FINE.links)


def test_a_very_long_body_crosses_in_parts_and_is_cut() -> None:
    parsers = Parsers()

    parsers.submit(1, page(b"<a href=x>" + b" " * 9_000_000 + b"<a href=y>"))
    found = results(parsers)
    parsers.close()

    assert found == {1: Found(FINE.links, warning="parse.too_large")}


def test_what_crosses_comes_out_as_it_went_in() -> None:
    found = Found(("a",), ("b",), "t", "c", False, False, 3, "parse.too_large")
    response = page(b"body", ("Link", "<a>"), ("Link", "<b>"), ("Server", "s"))

    again = parse_worker.response_of(parse_worker.of_response(response))

    assert parse_worker.found_of(parse_worker.of_found(found)) == found
    assert (again.url, again.body) == (response.url, b"body")
    assert again.headers.all("link") == ["<a>", "<b>"]
    assert "server" not in again.headers


def test_the_workers_end_with_a_crawl_that_is_killed(child) -> None:
    """SIGKILL leaves nobody to close anything: the end of the pipe does it."""
    ended = child("parse_and_die.py")

    pid = int(ended.stdout)
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() or is_zombie(pid):
            return
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    pytest.fail(f"worker {pid} outlived its crawl")


def is_zombie(pid: int) -> bool:
    return ") Z " in Path(f"/proc/{pid}/stat").read_text()


def test_in_a_patched_process_it_works_and_other_greenlets_run(child) -> None:
    ran = child("parse_patched.py", timeout=20.0)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["parse.timeout", "http://h.example/x", "ticked"]
