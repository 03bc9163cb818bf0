"""CN13: a kernel that knows no way to the address, played in a network namespace without links."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from crawler import Limits, fetch_all

TESTS = Path(__file__).parent.parent
PROJECT = TESTS.parent
ENGINES = (
    "selectors",
    "uring",
    "gevent+requests",
    "gevent+socket",
    "threads+urllib",
    "sequential+socket",
    "generators",
    "greenlets",
    "asyncio",
    "processes+socket",
)
_ALONE = ["unshare", "--map-root-user", "--net"]


def can_be_alone() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_ALONE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_be_alone(), reason="this user may not make network namespaces")
@pytest.mark.parametrize("engine", ENGINES)
def test_an_address_without_a_route_is_unreachable(engine: str) -> None:
    program = [sys.executable, str(TESTS / "scripts" / "fetch_urls.py"), engine, "2"]

    done = subprocess.run(
        [*_ALONE, *program],
        input="http://192.0.2.1/ http://[2001:db8::1]/",
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT)},
        timeout=9,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert {code for _, code, *_ in json.loads(done.stdout)} == {"connect.unreachable"}


@pytest.mark.parametrize("engine", ["selectors", "generators", "asyncio", "greenlets"])
def test_without_a_thread_to_look_names_up_the_name_is_not_found_and_nothing_hangs(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    def refused(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    urls = [f"http://name{number}.invalid/" for number in range(3)]

    outcomes = list(fetch_all(urls, engine=engine, limits=Limits(retries=0)))

    assert [getattr(outcome, "code", "") for outcome in outcomes] == ["dns.servfail"] * 3
