"""No URL ever gets the page of another: every body carries its own number."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator

import pytest
from hostile.stray import StrayServer, body_of

# Ten thousand where a process can be spared the time; the rest share that code.
COUNTS = {
    "selectors": 10_000,
    "gevent+socket": 10_000,
    "gevent+requests": 10_000,
    "gevent+urllib": 5_000,
    "threads+socket": 5_000,
    "threads+requests": 3_000,
    "threads+urllib": 3_000,
    "sequential+socket": 2_000,
    "sequential+requests": 1_000,
    "sequential+urllib": 1_000,
}


@pytest.fixture(scope="module")
def stray() -> Iterator[StrayServer]:
    with StrayServer() as server:
        yield server


@pytest.mark.timeout(60)
@pytest.mark.parametrize("engine", COUNTS)
def test_every_page_is_the_one_that_was_asked_for(
    child: Callable[..., subprocess.CompletedProcess[str]], stray: StrayServer, engine: str
) -> None:
    count = COUNTS[engine]
    urls = "\n".join(f"{stray.url}/{number}" for number in range(1, count + 1))

    done = child("fetch_urls.py", engine, "50", input=urls, timeout=55.0)

    assert done.returncode == 0, done.stderr
    outcomes = {number: rest for number, *rest in json.loads(done.stdout)}
    assert outcomes.keys() == set(range(1, count + 1))
    wrong = {
        number: rest
        for number, rest in outcomes.items()
        if rest != ["", 200, body_of(number)[:40].decode()]
    }
    assert wrong == {}
