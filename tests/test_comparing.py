"""Comparisons: real children against the real site, and figures made up to be doubted."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from switches import need_voluntary_switches

from crawler import Limits, Run, compare, fetch, kin, measuring, tables
from crawler.comparing import Plan, command_of, environment, is_disturbed
from crawler.comparison import NOT_ASKED, Comparison, differences, summarise
from crawler.doubts import Doubt, Finding, doubts, sentences
from crawler.errors import EngineUnavailable
from crawler.model import Network, Request
from crawler.serving.fixture import Site

QUICK = Limits(timeout=5.0, connect=2.0, first_byte=2.0, idle=2.0, retries=0)


def run(engine: str, wall: float, *, repetition: int = 1, **fields: object) -> Run:
    usual = Run(
        engine=engine,
        concurrency=50,
        wall=wall,
        cpu=wall / 4,
        rss_bytes=32 * 1024 * 1024,
        ok=2,
        failed=0,
        body_bytes=2000,
        repetition=repetition,
        digests=("200 aaaa", "200 bbbb"),
    )
    return replace(usual, **fields)  # type: ignore[arg-type]  # names are the test's business


def runs(engine: str, *walls: float, **fields: object) -> list[Run]:
    return [run(engine, wall, repetition=n, **fields) for n, wall in enumerate(walls, 1)]


def held(of: list[Run], urls: list[str] | None = None, **fields: object) -> Comparison:
    """The comparison that these runs come to."""
    urls = URLS if urls is None else urls
    made = Comparison("two pages", len(urls), tuple(of), differences=tuple(differences(of, urls)))
    return replace(made, **fields)  # type: ignore[arg-type]  # names are the test's business


QUIET = [*runs("sequential", 4.0, 4.1, 4.05), *runs("threads", 0.4, 0.41, 0.42)]
URLS = ["http://site.example/a", "http://site.example/b"]


@contextmanager
def killed_once() -> Iterator[None]:
    """The next child of this process is killed as soon as it is there."""
    before, done = set(kin.numbers()), threading.Event()

    def kill() -> None:
        while not done.wait(0.005):
            for number in set(kin.numbers()) - before:
                os.kill(number, signal.SIGKILL)
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        done.set()
        killer.join()


@pytest.fixture(scope="module")
def compared(site: Site) -> list[Run]:
    """Two rounds of two engines: three pages, a redirect and a 404."""
    paths = ("/page/1", "/page/2", "/gzip", "/redirect/2", "/status/404")
    return compare(
        [site.url + path for path in paths],
        engines=("sequential+socket", "gevent"),
        concurrency=3,
        repeat=2,
        limits=QUICK,
    )


@pytest.mark.timeout(30)
def test_every_round_has_every_engine_once(compared: list[Run]) -> None:
    order = [(run.engine, run.repetition) for run in compared]

    assert sorted(order[:2]) == [("gevent", 1), ("sequential+socket", 1)]
    assert sorted(order[2:]) == [("gevent", 2), ("sequential+socket", 2)]


@pytest.mark.timeout(30)
def test_a_run_says_what_it_brought_and_what_it_cost(compared: list[Run]) -> None:
    first, second = (
        next(run for run in compared if run.engine == engine)
        for engine in ("sequential+socket", "gevent")
    )

    assert (first.ok, first.failed, first.codes) == (4, 1, (("http.404", 1),))
    assert first.concurrency == 1
    assert second.concurrency == 3
    assert first.body_bytes == second.body_bytes > 1000
    assert 0 < first.cpu <= first.user + first.system + 1e-9
    assert first.wall > 0
    assert 5_000_000 < first.rss_bytes < 200_000_000
    need_voluntary_switches()  # the last, so that all else is looked at everywhere
    assert first.switches > 0


@pytest.mark.timeout(30)
def test_every_engine_brings_the_same_bodies(compared: list[Run]) -> None:
    assert differences(compared, [""] * 5) == []
    assert all(len(run.digests) == 5 and all(run.digests) for run in compared)


@pytest.mark.timeout(30)
def test_the_engine_that_needs_a_patched_process_gets_one_and_this_one_stays_as_it_is(
    compared: list[Run],
) -> None:
    patched = [run for run in compared if run.engine == "gevent"]
    assert [run.ok for run in patched] == [4, 4]
    assert socket.socket.__module__ == "socket"


@pytest.mark.timeout(30)
def test_limits_reach_the_child_and_failures_come_back(site: Site) -> None:
    requests = [
        site.url + "/page/1",
        site.url + "/size/5000",
        "http://",
        site.url + "/drop",
    ]

    (one,) = compare(requests, engines=["threads"], repeat=1, limits=replace(QUICK, max_bytes=4000))

    assert one.ok == 1
    assert dict(one.codes) == {"body.too_large": 1, "url.invalid": 1, "net.empty_reply": 1}
    assert one.digests[1:] == ("body.too_large", "url.invalid", "net.empty_reply")


@pytest.mark.timeout(30)
def test_a_request_is_made_with_its_method_and_headers(site: Site) -> None:
    requests = [
        Request(site.url + "/echo"),
        Request(site.url + "/echo", headers=(("X-Asked", "yes"),)),
        Request(site.url + "/size/5000", method="HEAD"),
    ]

    (one,) = compare(requests, engines=["threads"], repeat=1, limits=QUICK)

    assert one.ok == 3
    assert one.digests[0] != one.digests[1]
    assert one.body_bytes < 5000


@pytest.mark.timeout(30)
def test_every_run_has_fetched_its_first_url_before_the_clock_starts(site: Site) -> None:
    fetch(site.url + "/gauge?reset", transport="socket")

    plan = Plan(
        [site.url + "/page/1", site.url + "/page/2"], ["threads"], (1,), 1, QUICK, Network()
    )

    made = list(plan.runs())  # a disturbed one is made again

    counts = json.loads(fetch(site.url + "/gauge", transport="socket").body)
    assert counts["requests"] == 3 * len(made)


@pytest.mark.timeout(30)
def test_the_network_reaches_the_child(site: Site) -> None:
    port = int(site.url.rpartition(":")[2])
    network = Network(resolve=(("named.example", port, "127.0.0.1"),))

    (one,) = compare(
        [f"http://named.example:{port}/page/1"], engines=["threads"], repeat=1, network=network
    )

    assert (one.ok, one.codes) == (1, ())


@pytest.mark.parametrize("engines", [["gevnt"], ["sequential", "threads+carrier-pigeon"]])
def test_an_unknown_engine_is_refused_before_anything_runs(engines: list[str]) -> None:
    with pytest.raises(EngineUnavailable, match="there is no engine"):
        Plan(URLS, engines, (1,), 1, QUICK, Network())


@pytest.mark.parametrize(
    "call",
    [
        lambda: compare([]),
        lambda: compare(URLS, engines=[]),
        lambda: compare(URLS, repeat=0),
        lambda: compare(URLS, concurrency=0),
    ],
)
def test_a_comparison_of_nothing_is_refused(call: Callable[[], list[Run]]) -> None:
    with pytest.raises(ValueError, match="at least"):
        call()


def test_summaries_have_the_median_and_the_speed_up_against_the_sequential_median() -> None:
    slow, quick = summarise(QUIET)

    assert (slow.engine, slow.runs, slow.wall, slow.fastest, slow.slowest, slow.speedup) == (
        ("sequential", 3, 4.05, 4.0, 4.1, 1.0)
    )
    assert quick.speedup == pytest.approx(4.05 / 0.41)


@pytest.mark.timeout(60)
def test_the_order_is_drawn_for_every_round_and_again_the_same_from_the_same_number(
    site: Site,
) -> None:
    def order(seed: int) -> list[tuple[str, int]]:
        plan = Plan([site.url + "/page/1"], ["epoll"], (1, 2, 3), 2, QUICK, Network(), seed=seed)
        return [(run.engine, run.concurrency) for run, is_good in plan.runs() if is_good]

    first, same, other = order(1), order(1), order(3)

    assert first == same != other
    assert first[:3] != first[3:]
    assert sorted(first[:3]) == sorted(first[3:]) == [("epoll", at) for at in (1, 2, 3)]


@pytest.mark.timeout(30)
def test_an_engine_whose_run_breaks_off_does_not_take_the_others_with_it(site: Site) -> None:
    urls, engines = [site.url + "/delay/300"], ["epoll", "selectors"]
    plan = Plan(urls, engines, (1,), 1, QUICK, Network(), keep_going=True)

    with killed_once():
        (one,) = [run for run, is_good in plan.runs() if is_good]

    assert one.ok == 1
    ((broken, why),) = plan.broken.items()
    assert {broken, one.engine} == {"epoll", "selectors"}
    assert f"engine '{broken}' broke off with exit code -9" in why


@pytest.mark.timeout(30)
def test_a_run_that_breaks_off_is_an_error_to_the_library(site: Site) -> None:
    with killed_once(), pytest.raises(EngineUnavailable, match="broke off"):
        compare([site.url + "/delay/300"], engines=["epoll"], repeat=1, limits=QUICK)


@pytest.mark.timeout(60)
def test_a_result_is_whole_whatever_comes_between(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop and its end make the kernel take a part of what is written to a full pipe."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    urls = [f"{site.url}/delay/0?{number}" for number in range(1500)]
    job = measuring.job(urls, engine="epoll", concurrency=50, limits=QUICK, network=Network())
    with subprocess.Popen(
        command_of("epoll"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(job.encode())
        child.stdin.close()
        room = fcntl.fcntl(child.stdout, fcntl.F_GETPIPE_SZ)
        while _waiting_in(child.stdout.fileno()) < room and child.poll() is None:
            time.sleep(0.02)
        child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        child.send_signal(signal.SIGCONT)
        said = child.stdout.read()

    assert len(said) > room
    assert json.loads(said)["ok"] == len(urls)


def _waiting_in(pipe: int) -> int:
    """Bytes that lie in it."""
    return int(struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0])


@pytest.mark.parametrize(
    ("fields", "beside", "disturbed"),
    [
        ({}, [], False),
        ({"load_before": 0.29}, [], False),
        ({"load_before": 0.3}, [], True),
        ({"load_beside": 1.9}, [0.1], False),  # not known yet what is usual
        ({"load_beside": 1.9}, [0.1, 0.2], True),
        ({"load_beside": 0.6}, [0.1, 0.2], False),
        ({"load_beside": 1.9}, [1.7, 1.8], False),  # the server's
        ({"load_beside": 1.9, "wall": 0.02}, [0.1, 0.2], False),  # two ticks
    ],
)
def test_a_run_is_disturbed_by_load_before_it_or_more_than_usual_beside_it(
    fields: dict[str, float], beside: list[float], disturbed: bool
) -> None:
    assert is_disturbed(replace(run("epoll", 1.0), **fields), beside) is disturbed


def test_without_a_sequential_engine_there_is_no_speed_up() -> None:
    (only,) = summarise(runs("threads", 1.0, 1.1))

    assert only.speedup == 0.0
    assert "-" in tables.text(held(runs("threads", 1.0, 1.1), [])).splitlines()[1].split()[-1]


def test_a_quiet_comparison_raises_no_doubt() -> None:
    assert doubts(QUIET, differences(QUIET, URLS)) == []


BASE = QUIET[:3]


@pytest.mark.parametrize(
    ("doubted", "doubt", "figure"),
    [
        ([*BASE, *runs("threads", 0.4, 0.4, 0.6)], Doubt.SPREAD, 1.5),
        ([*BASE, *runs("threads", 0.8, 0.4, 0.4)], Doubt.FIRST_SLOW, 2.0),
        ([*BASE, *runs("threads", 0.01, 0.01, 0.01)], Doubt.TOO_SHORT, 0.01),
        ([*BASE, *runs("threads", 0.4, 0.4, 0.4, cpu=0.38)], Doubt.CLIENT_BOUND, 0.95),
        ([*BASE, *runs("threads", 0.4, 0.4, 0.4, load_before=0.7)], Doubt.OTHER_LOAD, 0.7),
        ([*BASE, *runs("threads", 0.4, 0.4, 0.4, load_beside=0.97)], Doubt.SERVER_BOUND, 0.97),
        ([*BASE, *runs("threads", 0.4, 0.4, 0.4, failed=1)], Doubt.FAILURES, 1),
        ([*BASE, *runs("threads", 0.4)], Doubt.ONE_RUN, 1),
        (runs("threads", 0.4, 0.4), Doubt.NO_SEQUENTIAL, 0),
        (
            [*BASE, *runs("threads", 0.4, 0.4, digests=("200 aaaa", "200 c"))],
            Doubt.BODIES_DIFFER,
            1,
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Doubt) else "",
)
def test_every_doubt_is_raised_with_its_figure(
    doubted: list[Run], doubt: Doubt, figure: float
) -> None:
    found = {finding.doubt: finding for finding in doubts(doubted, differences(doubted, URLS))}

    assert found[doubt].figure == pytest.approx(figure)
    assert "{" not in sentences([found[doubt]])[0]


def test_a_doubt_about_several_engines_is_one_sentence() -> None:
    findings = [Finding(Doubt.SPREAD, "threads", 1.5), Finding(Doubt.SPREAD, "gevent", 2.04)]

    (sentence,) = sentences(findings)

    assert sentence.endswith("slowest run by fastest: threads 1.5x, gevent 2.0x")


def test_a_slow_sequential_engine_that_ran_once_is_a_note_and_no_doubt() -> None:
    once = [*runs("sequential", 15.4), *runs("threads", 0.4, 0.41, 0.42)]

    shown = tables.text(held(once))

    assert doubts(once, differences(once, URLS)) == []
    assert "note: sequential ran once: it takes longer than 10 s\n" in shown


def test_a_difference_names_the_url_and_what_each_engine_got() -> None:
    other = runs("threads", 0.4, 0.4, digests=("200 aaaa", "net.reset"))

    (found,) = differences([*BASE, *other], URLS)

    assert found.url == URLS[1]
    assert found.answers == (("sequential", "200 bbbb"), ("threads", "net.reset"))
    assert not found.volatile


def test_a_page_that_changes_by_itself_is_told_from_engines_that_differ() -> None:
    changing = [
        run("threads", 0.4, digests=("200 aaaa", "200 1")),
        run("threads", 0.4, digests=("200 aaaa", "200 2")),
    ]

    (found,) = differences(changing, URLS)

    assert found.volatile
    assert "(changes from run to run)" in tables.text(held(changing))


def test_the_first_twenty_differing_urls_are_listed_and_the_rest_counted() -> None:
    urls = [f"http://site.example/{number}" for number in range(25)]
    one = run("sequential", 4.0, digests=("200 a",) * 25)
    other = run("threads", 0.4, digests=("200 b",) * 25)

    lines = tables.text(held([one, other], urls)).splitlines()

    assert sum(line.startswith("different: http") for line in lines) == 20
    assert lines[-1] == "different: 5 more"


def test_the_table_has_a_line_for_each_engine_under_command_and_machine() -> None:
    lines = tables.text(held(QUIET, command="crawl compare x", machine="two boxes")).splitlines()

    assert lines[:3] == ["$ crawl compare x", "two boxes", ""]
    assert lines[3].split("  ")[0] == "engine"
    assert "wall (median of 3)" in lines[3]
    assert " ".join(lines[4].split()) == "sequential 4.05 s (4.00-4.10) 1.01 s 32.0 MiB 2 0 1.0"
    assert lines[5].split()[-1] == "9.9"


def test_system_calls_are_a_note_and_a_count_that_is_too_low_is_said_to_be() -> None:
    counted = [*runs("epoll", 0.4, syscalls=1200), *runs("nonblocking", 0.4, syscalls=2000)]

    few = " ".join(tables.text(held(counted[:1], counted_by="strace 6.1")).split())
    both = " ".join(tables.text(held(counted, counted_by="strace 6.1")).split())

    assert "note: system calls, by strace 6.1: epoll 1,200 doubt:" in few
    assert "epoll 1,200, nonblocking 2,000; nonblocking asks far less often when traced" in both


def test_why_system_calls_were_not_counted_is_said_when_they_were_asked_for() -> None:
    asked = tables.text(held(QUIET, uncounted="strace is not installed"))

    assert "note: system calls were not counted: strace is not installed" in asked
    assert "system calls" not in tables.text(held(QUIET, uncounted=NOT_ASKED))


def test_a_long_note_is_broken_into_lines() -> None:
    many = [one for number in range(12) for one in runs(f"threads+made-up-{number}", 0.4, 0.8)]

    lines = tables.text(held([*BASE, *many], [])).splitlines()

    assert all(len(line) <= tables.WIDTH for line in lines if not line.startswith("threads"))
    assert any(line.startswith("  threads+made-up") for line in lines)


def test_markdown_has_the_same_cells() -> None:
    lines = tables.markdown(held(QUIET)).splitlines()

    assert lines[2] == ("| sequential | 4.05 s (4.00-4.10) | 1.01 s | 32.0 MiB | 2 | 0 | 1.0 |")
    assert all(line.count("|") == 8 for line in lines[:4])


def test_csv_has_every_run() -> None:
    rows = list(csv.DictReader(io.StringIO(tables.as_csv(held(QUIET)))))

    assert [row["engine"] for row in rows] == [run.engine for run in QUIET]
    assert float(rows[0]["wall"]) == 4.0
    assert int(rows[0]["rss_bytes"]) == 32 * 1024 * 1024


@pytest.mark.parametrize("suffix", [".json", ".md", ".csv", ".html"])
def test_a_suffix_chooses_the_form(suffix: str) -> None:
    shown = tables.for_suffix(suffix)(held(QUIET, command="crawl compare x"))

    assert "sequential" in shown
    assert shown.endswith("\n")


def test_another_suffix_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"not '\.xlsx'"):
        tables.for_suffix(".xlsx")
