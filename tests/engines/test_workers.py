"""Engines made of workers: bugs come out, descriptors may run out, and nothing is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from crawler import engines
from crawler.model import Limits, Network, Request
from crawler.serving.fixture import Site

Child = Callable[..., subprocess.CompletedProcess[str]]

WORKERS = [
    *("gevent", "gevent+urllib", "gevent+socket", "threads", "threads+urllib"),
    *("generators", "greenlets", "asyncio", "processes", "processes+socket"),
]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc/self/fd")


@pytest.mark.parametrize(
    "engine",
    ["sequential+socket", "threads+socket", "gevent+socket", "generators", "greenlets", "asyncio"],
)
def test_a_bug_in_a_worker_comes_out_of_wait(child: Child, engine: str) -> None:
    done = child("worker_bug.py", engine)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == {"seen": 2, "caught": ["a bug"] * 2, "threads": [], "greenlets": 0}


@pytest.mark.parametrize("engine", ["processes", "processes+socket"])
def test_a_bug_in_a_worker_process_comes_out_of_wait_as_its_traceback(
    child: Child, engine: str
) -> None:
    done = child("worker_bug.py", engine)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["seen"] == 2
    assert [line.partition(":")[0] for line in told["caught"]] == ["AttributeError"] * 2


@pytest.mark.parametrize(
    "engine", ["threads+socket", "gevent+socket", "generators", "greenlets", "asyncio"]
)
def test_what_a_retiring_worker_leaves_goes_to_an_idle_one(child: Child, engine: str) -> None:
    done = child("retiring.py", engine)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["http://127.0.0.1/", "http://127.0.0.1/late"]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("engine", WORKERS)
def test_without_descriptors_fewer_exchanges_run_and_none_fails(
    child: Child, site: Site, engine: str
) -> None:
    urls = "\n".join(f"{site.url}/page/{number}?delay=20" for number in range(60))

    done = child("few_files.py", engine, "30", "12", input=urls, timeout=25.0)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["codes"] == [""] * 60
    assert len(told["warnings"]) == 1
    assert told["left"] <= 0


@pytest.mark.parametrize("engine", WORKERS)
def test_close_ends_what_is_under_way_and_leaves_nothing(
    child: Child, site: Site, engine: str
) -> None:
    done = child("close_early.py", engine, f"{site.url}/page/1?delay=9000")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ended"] == 0
    assert told["took"] < 2.0
    assert told["threads"] == []
    assert told["greenlets"] == 0
    assert told["processes"] == 0
    assert told["left"] <= 0


@pytest.mark.parametrize(
    "engine",
    [
        *("gevent", "gevent+socket", "threads", "threads+socket"),
        *("generators", "greenlets", "asyncio", "processes", "processes+socket"),
    ],
)
def test_an_interrupt_ends_everything_at_once(child: Child, site: Site, engine: str) -> None:
    done = child("interrupted.py", engine, f"{site.url}/page/1?delay=9000")

    assert done.returncode == 0, done.stderr
    seen, took = json.loads(done.stdout)
    assert seen == "interrupted"
    assert took < 3.0


@pytest.mark.parametrize(
    "name",
    [
        *("sequential+socket", "threads+socket"),
        *("generators", "greenlets", "asyncio", "processes+socket"),
    ],
)
def test_with_nothing_under_way_wait_lets_time_pass(name: str) -> None:
    engine = engines.open(name, concurrency=2, limits=Limits(), network=Network())
    began = time.monotonic()

    assert engine.wait(None) == []
    assert engine.wait(0.03) == []

    assert time.monotonic() - began >= 0.03
    engine.close()


@pytest.mark.usefixtures("fds")
def test_threads_are_made_when_they_are_needed(site: Site) -> None:
    engine = engines.open("threads+socket", concurrency=8, limits=Limits(), network=Network())

    for number in range(2):
        engine.start(Request(f"{site.url}/page/{number}"))
    ended = engine.wait(None)
    while len(ended) < 2:
        ended += engine.wait(None)
    made = [thread for thread in threading.enumerate() if thread.name.startswith("crawler-")]

    assert len(made) <= 2
    engine.close()
