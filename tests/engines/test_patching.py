"""Which engine runs in a patched process, and which does not; no import patches."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from crawler import engines
from crawler.errors import EngineUnavailable
from crawler.model import Limits, Network
from crawler.serving.fixture import Site

Child = Callable[..., subprocess.CompletedProcess[str]]
REFUSES_PATCH = {
    *("threads", "threads+urllib", "threads+socket"),
    *("processes", "processes+urllib", "processes+socket"),
    *("generators", "greenlets", "asyncio", "sigio"),
    *("nonblocking", "select", "poll", "epoll", "selectors"),
    "uring",
}
NEEDS_PATCH = {"gevent", "gevent+urllib"}


def test_a_patched_process_refuses_what_would_be_another_engine(child: Child, site: Site) -> None:
    done = child("patched_engines.py", f"{site.url}/page/1")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["patched"] is True
    assert set(told["refused"]) == REFUSES_PATCH
    assert all("unpatched process" in reason for reason in told["refused"].values())
    assert told["fetched"] == {
        name: [200] * 3 for name in engines.names() if name not in told["refused"]
    }


def test_an_unpatched_process_refuses_what_needs_the_patch(child: Child, site: Site) -> None:
    done = child("unpatched_engines.py", f"{site.url}/page/1")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["refused"]) == NEEDS_PATCH
    for reason in told["refused"].values():
        assert "from gevent import monkey" in reason
        assert "monkey.patch_all()" in reason
        assert "gevent+socket" in reason
    assert told["fetched"] == {
        name: [200] * 3 for name in engines.names() if name not in told["refused"]
    }


def test_gevent_without_a_patch_patches_nothing(child: Child, site: Site) -> None:
    told = json.loads(child("unpatched_engines.py", f"{site.url}/page/1").stdout)

    assert told["gevent"] is False
    assert told["patched"] is False
    assert told["modules"] == ["socket", "threading"]


def test_the_patched_entry_patches_before_the_command_line_runs(
    crawl: Child, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "crawler.patched", f"{site.url}/page/1", "-e", "gevent"],
        capture_output=True,
        text=True,
        timeout=9,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["status"] == 200


def test_importing_the_patched_entry_patches_nothing() -> None:
    import crawler.patched

    assert crawler.patched.__doc__
    assert not engines.is_patched()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("gevnt", "gevent"),
        ("thread", "threads"),
        ("gevent+request", "gevent+requests"),
        ("selectors+socket", "selectors"),
        ("poll+requests", "poll"),
        ("generators+socket", "generators"),
        ("greenlets+requests", "greenlets+socket"),
        ("processes+sockets", "processes+socket"),
    ],
)
def test_an_unknown_engine_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(EngineUnavailable, match=f"did you mean '{near.replace('+', '.')}'"):
        engines.open(name, concurrency=1, limits=Limits(), network=Network())


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("threads+xyz", "threads+requests, threads+urllib, threads+socket"),
        ("threads+", "threads+requests, threads+urllib, threads+socket"),
        ("xyz", ", ".join(engines.names())),
    ],
)
def test_an_unknown_engine_without_a_near_one_is_told_what_there_is(name: str, there: str) -> None:
    with pytest.raises(EngineUnavailable) as raised:
        engines.open(name, concurrency=1, limits=Limits(), network=Network())

    assert str(raised.value) == f"there is no engine '{name}'; there are {there}"


def test_every_name_of_the_table_is_taken() -> None:
    for entry in engines.TABLE.values():
        for transport in entry.transports:
            assert engines.needs_patch(f"{entry.name}+{transport}") == (
                transport in entry.needs_patch
            )
    assert {name for name in engines.names() if engines.needs_patch(name)} == NEEDS_PATCH
