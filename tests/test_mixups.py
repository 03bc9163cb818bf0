"""No URL ever gets the page of another: every body carries its own number."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator

import pytest
from hostile.stray import StrayServer, body_of

COUNT = 10_000
ENGINES = (
    "selectors",
    "gevent+requests",
    "gevent+urllib",
    "gevent+socket",
    "threads+requests",
    "threads+urllib",
    "threads+socket",
    "sequential+requests",
    "sequential+urllib",
    "sequential+socket",
)


@pytest.fixture(scope="module")
def stray() -> Iterator[StrayServer]:
    with StrayServer() as server:
        yield server


@pytest.mark.timeout(60)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_page_is_the_one_that_was_asked_for(
    child: Callable[..., subprocess.CompletedProcess[str]], stray: StrayServer, engine: str
) -> None:
    urls = "\n".join(f"{stray.url}/{number}" for number in range(1, COUNT + 1))

    done = child("fetch_urls.py", engine, "50", input=urls, timeout=55.0)

    assert done.returncode == 0, done.stderr
    outcomes = {number: rest for number, *rest in json.loads(done.stdout)}
    assert outcomes.keys() == set(range(1, COUNT + 1))
    wrong = {
        number: rest
        for number, rest in outcomes.items()
        if rest != ["", 200, body_of(number)[:40].decode()]
    }
    assert wrong == {}
