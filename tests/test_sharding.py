"""A crawl over several processes gives what it gives in one, whatever becomes of the processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile.battery import misses, play
from hostile.catalogue import FAMILIES
from hostile.certificates import Certificates
from linked import Pages, serving
from served import becomes, is_alive
from test_signals import accounts_balance, running

from crawler import Limits, Request, crawl, engines, fetch_all, kin, sharding
from crawler.engines._crossing import Bug
from crawler.errors import EngineUnavailable
from crawler.extract import PLAIN
from crawler.model import Failure, Network, Outcome, Response
from crawler.serving.fixture import Site
from crawler.sharding import Looks
from crawler.shards import Shards

pytestmark = [
    pytest.mark.usefixtures("fds"),
    pytest.mark.timeout(60),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

KINDS = (
    "/page/1", "/page/2", "/gzip", "/deflate", "/br", "/status/404", "/status/204", "/status/500",
    "/redirect/3", "/truncated", "/garbage", "/drop", "/size/300000", "/size/0", "/chunked/20",
)  # fmt: skip
TIMES = {"started", "ip", "port", "reused", "time_queue", "time_dns", "time_connect", "time_tls",
         "time_first_byte", "time_total"}  # fmt: skip


@pytest.fixture
def pages() -> Iterator[Pages]:
    with serving() as running:
        yield running


@pytest.fixture
def opened() -> Iterator[Callable[..., Shards]]:
    made: list[Shards] = []

    def start(count: int = 2, concurrency: int = 4, engine: str = "selectors") -> Shards:
        made.append(Shards(engine, count, concurrency, Limits(), Network(), Looks()))
        return made[-1]

    yield start
    for shards in made:
        shards.close()
    assert not kin.numbers(), "a process is left"


def shown(outcome: Outcome) -> tuple[Any, ...]:
    """What must not depend on where it was fetched."""
    if isinstance(outcome, Failure):
        return outcome.url, outcome.code, str(outcome.error), outcome.attempts
    headers = tuple(field for field in outcome.headers.fields if field[0] != "Date")
    return (outcome.url, outcome.status, headers, outcome.body, outcome.raw, outcome.warnings,
            outcome.request.number, outcome.request.via, outcome.truncated)  # fmt: skip


def ended(engine: Shards, count: int) -> list[Outcome]:
    found: list[Outcome] = []
    while len(found) < count:
        found += engine.wait(None)
    return found


@pytest.mark.parametrize("processes", [2, 3])
def test_a_list_gives_the_same_outcomes(site: Site, processes: int) -> None:
    requests = [Request(site.url + path, number=n) for n, path in enumerate(KINDS, 1)]
    options: dict[str, Any] = {"concurrency": 5, "limits": Limits(retries=0)}

    alone = sorted((shown(o) for o in fetch_all(requests, **options)), key=repr)
    spread = sorted(
        (shown(o) for o in fetch_all(requests, processes=processes, **options)), key=repr
    )

    assert len(alone) == len(KINDS)
    assert [line[:2] for line in spread] == [line[:2] for line in alone]
    assert spread == alone


def test_the_commands_records_are_the_same(crawl, site: Site, tmp_path: Path) -> None:
    listed = tmp_path / "urls.txt"
    listed.write_text("".join(f"{site.url}{path}\n" for path in KINDS))

    def records(*options: str) -> list[dict[str, Any]]:
        done = crawl(
            str(listed), "--json", "-qq", "--ordered", "--retries", "0", "--robots", "ignore",
            "--text", "--select", "title=h1", "-e", "gevent+socket", *options,
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return [{k: v for k, v in record.items() if k not in TIMES} for record in found]

    alone = records()

    assert alone[0]["title"]
    assert records("--processes", "2") == alone


@pytest.mark.parametrize("processes", [2, 3])
def test_a_crawl_finds_the_same_pages_each_once(pages: Pages, processes: int) -> None:
    pages.site_of(60)
    wild = "<xmp></xmp>" + "<b>" * (PLAIN + 1) + "<a href=/wild>x</a>"
    pages.page("/p/7", wild)  # left to the crawl to parse
    seed = f"{pages.url}/p/0"

    alone = sorted(shown(final)[:2] for final in crawl([seed], concurrency=6))
    asked, pages.asked = dict(pages.asked), type(pages.asked)()
    found = list(crawl([seed], concurrency=6, processes=processes))

    assert sorted(shown(final)[:2] for final in found) == alone
    assert dict(pages.asked) == asked
    assert f"{pages.url}/wild" in {final.url for final in found}
    looked = {final.url: final.findings for final in found if isinstance(final, Response)}
    left = [url for url, findings in looked.items() if findings is None or not findings.found]
    assert sorted(left) == [f"{pages.url}/p/7", f"{pages.url}/wild"]  # the second one is a 404


@pytest.mark.parametrize("engine", ["gevent", "sequential", "threads+urllib"])
def test_each_process_has_the_engine_that_was_named(site: Site, engine: str) -> None:
    urls = [f"{site.url}/page/{number}" for number in range(40)]

    outcomes = list(fetch_all(urls, engine=engine, processes=2, concurrency=4))

    assert sorted(outcome.url for outcome in outcomes) == sorted(urls)
    assert all(outcome.ok for outcome in outcomes)
    assert not engines.is_patched()


def test_the_catalogue_of_misbehaviours_ends_the_same(tmp_path: Path, trap_home: Path) -> None:
    sample = [row for name in ("HD", "TE", "CE", "RD", "KA") for row in FAMILIES[name].ROWS[::3]]
    sample += [row for row in FAMILIES["CN"].ROWS if row.retries or "timeout" in row.code][:8]
    # What has limits or a proxy of its own would be a run of its own.
    rows = {row.id: row for row in sample if not (row.limits or row.proxied)}

    played = play("selectors*2", Certificates(tmp_path), trap_home, rows)

    assert not played.trouble, played.trouble
    assert len(rows) > 20
    assert {name: misses(name, played) for name in rows} == {name: [] for name in rows}


def test_one_site_uses_all_processes_and_a_lone_request_its_own(
    opened: Callable[..., Shards], site: Site
) -> None:
    shards = opened(2, 4)
    for number in range(4):
        shards.start(Request(f"{site.url}/delay/50?n={number}"))
    assert sorted(len(shard.requests) for shard in shards._by_descriptor.values()) == [2, 2]
    ended(shards, 4)
    reused = []

    for number in range(6):
        shards.start(Request(f"{site.url}/page/{number}"))
        (outcome,) = ended(shards, 1)
        assert isinstance(outcome, Response)
        reused.append(outcome.reused)

    assert reused == [True] * 6


def test_large_bodies_cross_in_both_directions(opened: Callable[..., Shards], site: Site) -> None:
    shards = opened(2, 8)
    body = bytes(range(256)) * 8192
    for number in range(8):
        shards.start(Request(f"{site.url}/size/3000000?n={number}", method="POST", body=body))

    outcomes = ended(shards, 8)

    assert [type(outcome) for outcome in outcomes] == [Response] * 8
    assert {len(o.body) for o in outcomes if isinstance(o, Response)} == {3_000_000}


def test_processes_tell_how_much_they_worked(opened: Callable[..., Shards], site: Site) -> None:
    shards = opened(2, 8)
    began = time.monotonic()
    for number in range(40):
        shards.start(Request(f"{site.url}/page/{number}", number=number))
    ended(shards, 40)

    assert 0 < shards.worked <= 2 * (time.monotonic() - began)
    assert sharding.worked(shards, 2) == shards.worked / 2


def test_a_killed_process_costs_an_attempt_and_no_page(site: Site) -> None:
    urls = [f"{site.url}/delay/30?n={number}" for number in range(60)]
    outcomes = []
    before: list[int] = []

    for outcome in fetch_all(urls, processes=2, concurrency=8):
        outcomes.append(outcome)
        if len(outcomes) in {10, 30}:
            before = kin.numbers()
            os.kill(before[0], signal.SIGKILL)

    assert sorted(outcome.url for outcome in outcomes) == sorted(urls)
    assert all(outcome.ok for outcome in outcomes)
    # Four of the first, and of the second what it had taken over, too.
    assert 1 <= sum(outcome.request.attempt > 1 for outcome in outcomes) <= 12
    assert not kin.numbers()


def test_what_was_under_way_in_a_killed_process_fails_with_a_code(
    opened: Callable[..., Shards], site: Site
) -> None:
    shards = opened(1, 2)
    shards.start(Request(f"{site.url}/page/1"))
    ended(shards, 1)  # it has begun to work
    shards.start(Request(f"{site.url}/hang"))
    assert shards.wait(0.05) == []
    (number,) = kin.numbers()
    os.kill(number, signal.SIGKILL)

    (lost,) = ended(shards, 1)
    shards.start(Request(f"{site.url}/page/2"))
    (after,) = ended(shards, 1)

    assert isinstance(lost, Failure)
    assert (lost.code, lost.error.retry) == ("local.worker_died", "once")
    assert after.ok
    assert kin.numbers() != [number]


def test_what_a_process_had_not_begun_is_given_to_the_next(
    opened: Callable[..., Shards], site: Site
) -> None:
    shards = opened(2, 4)
    for number in kin.numbers():  # they are still importing
        os.kill(number, signal.SIGKILL)
    for number in range(4):
        shards.start(Request(f"{site.url}/page/{number}"))

    outcomes = ended(shards, 4)

    assert len({outcome.url for outcome in outcomes if outcome.ok}) == 4


def test_an_engine_that_breaks_is_raised_here(opened: Callable[..., Shards], site: Site) -> None:
    shards = opened(1, 1)
    shards.start(Request(site.url, body=5))  # type: ignore[arg-type]  # the bug

    with pytest.raises(Bug, match="shard_worker"):
        ended(shards, 1)


def test_what_broke_it_is_raised_though_its_process_is_gone_by_then(
    opened: Callable[..., Shards], site: Site
) -> None:
    shards = opened(1, 1)
    shards.start(Request(site.url, body=5))  # type: ignore[arg-type]  # the bug
    assert shards.wait(0) == []
    (number,) = kin.numbers()
    assert becomes(lambda: not is_alive(number))  # its last word and its end are read in one turn

    with pytest.raises(Bug, match="shard_worker"):
        ended(shards, 1)


def test_a_process_that_ends_at_once_is_not_begun_for_ever(
    opened: Callable[..., Shards], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    shards = opened(2, 2)
    shards.start(Request("http://h.example/"))

    with pytest.raises(EngineUnavailable, match="die at once"):
        ended(shards, 1)


def test_without_descriptors_for_all_there_are_fewer_processes(child, site: Site) -> None:
    done = child("shards_starved.py", f"{site.url}/page/1")

    assert done.stdout == "1 process, 20 pages\n", done.stderr
    assert "a process less than was asked for" in done.stderr


def test_an_interrupted_crawl_ends_its_processes(site: Site, tmp_path: Path) -> None:
    listed = tmp_path / "urls.txt"
    listed.write_text("".join(f"{site.url}/delay/100?n={number}\n" for number in range(500)))
    options = ("--processes", "2", "-e", "selectors", "-c", "4")

    with running(str(listed), *options) as command:
        children = kin.numbers(command.pid)
        for number in children:  # as a terminal does
            os.kill(number, signal.SIGINT)
        assert command.stdout is not None
        before = [command.stdout.readline() for _ in range(8)]
        assert kin.numbers(command.pid) == children
        command.send_signal(signal.SIGINT)
        stdout, stderr = command.communicate(timeout=8)

    found = [json.loads(line) for line in (*before, *stdout.splitlines())]
    assert command.returncode == 130
    assert "its 2 processes worked " in stderr
    assert "Traceback" not in stderr
    assert accounts_balance(stderr)
    assert found
    assert all(record["ok"] for record in found)
    assert len(children) == 2
    assert not any(map(is_alive, children))


def test_no_process_outlives_a_killed_crawl(site: Site, tmp_path: Path) -> None:
    listed = tmp_path / "urls.txt"
    listed.write_text(f"{site.url}/page/1\n" + "".join(f"{site.url}/hang?{n}\n" for n in range(9)))

    with running(str(listed), "--processes", "3", "-e", "sequential") as command:
        children = kin.numbers(command.pid)
        command.kill()

    assert len(children) == 3
    assert becomes(lambda: not any(map(is_alive, children)))


def test_a_state_goes_on_with_another_number_of_processes(
    crawl, site: Site, tmp_path: Path
) -> None:
    listed, state, out = tmp_path / "urls.txt", tmp_path / "crawl.db", tmp_path / "out.jsonl"
    listed.write_text("".join(f"{site.url}/delay/20?n={number}\n" for number in range(100)))
    command = [sys.executable, "-m", "crawler", str(listed), "-c", "4", "-e", "selectors", "-qq",
               "--processes", "3", "--state", str(state), "-o", str(out)]  # fmt: skip
    with subprocess.Popen(command) as running:
        while not out.exists() or out.read_bytes().count(b"\n") < 10:
            time.sleep(0.005)
        running.kill()

    more = crawl("resume", str(state), "--processes", "2", "--max-pages", "60", "-qq")
    last = crawl("resume", str(state), "--processes", "1", "--max-pages", "0", "-qq")

    assert (more.returncode, last.returncode) == (4, 0), more.stderr + last.stderr
    numbers = [json.loads(line)["n"] for line in out.read_text().splitlines()]
    assert sorted(numbers) == list(range(1, 101))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--processes", "0"), "from 1 to 64"),
        (("--processes", "65"), "from 1 to 64"),
        (("--processes", "2", "-e", "processes"), "a process for each exchange already"),
        (("--processes", "2", "-e", "gevnet"), "did you mean 'gevent'?"),
    ],
)
def test_what_makes_no_sense_is_refused(crawl, options: tuple[str, ...], said: str) -> None:
    done = crawl("http://127.0.0.1:9/", *options)

    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize("processes", [0, -1, 65])
def test_a_program_is_told_so_at_once(processes: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 64"):
        fetch_all([], processes=processes)
    with pytest.raises(ValueError, match="from 1 to 64"):
        crawl([], processes=processes)
