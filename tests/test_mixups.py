"""No URL ever gets the page of another: every body carries its own number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hostile.pairs import every_engine, skip_refused
from hostile.stray import StrayServer, body_of

PROGRAM = Path(__file__).parent / "scripts" / "fetch_urls.py"
PROJECT = Path(__file__).parent.parent
COUNT = 10_000
ENGINES = every_engine()


AT_ONCE = 3  # engines; the slow ones mostly wait for the server


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[str], dict[int, list[object]]]]:
    """What each engine brought back: number of the line, then code, status, start of the body."""
    wanted = {
        item.callspec.params["engine"]
        for item in request.session.items
        if hasattr(item, "callspec") and "engine" in item.callspec.params
    }
    with StrayServer() as server, ThreadPoolExecutor(AT_ONCE) as pool:
        lines = "\n".join(f"{server.url}/{number}" for number in range(1, COUNT + 1))
        started = {
            engine: pool.submit(fetched, engine, lines) for engine in ENGINES if engine in wanted
        }
        yield lambda engine: started[engine].result()
        for future in started.values():
            future.cancel()


def fetched(engine: str, lines: str) -> dict[int, list[object]]:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), engine, "50"],
        input=lines,
        capture_output=True,
        text=True,
        timeout=90,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {number: rest for number, *rest in json.loads(done.stdout)}


@pytest.mark.timeout(200)  # the first test waits for the engines before it as well
@pytest.mark.parametrize("engine", ENGINES)
def test_every_page_is_the_one_that_was_asked_for(
    outcomes: Callable[[str], dict[int, list[object]]], engine: str
) -> None:
    skip_refused(engine)
    had = outcomes(engine)

    assert had.keys() == set(range(1, COUNT + 1))
    wrong = {
        number: rest
        for number, rest in had.items()
        if rest != ["", 200, body_of(number)[:40].decode()]
    }
    assert wrong == {}
