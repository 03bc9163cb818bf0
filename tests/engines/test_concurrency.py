"""How many requests are under way at once, counted by the server and nobody else."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from hostile.pairs import every_engine, skip_refused

from crawler.serving.fixture import Site

ENGINES = [name for name in every_engine() if not name.startswith("sequential")]


@pytest.fixture
def site() -> Iterator[Site]:
    """A site of its own: clients of other tests may have left slow answers behind."""
    with Site() as own:
        yield own


def gauge(site: Site, *, reset: bool = False) -> dict[str, int]:
    query = "?reset" if reset else ""
    with urllib.request.urlopen(f"{site.url}/gauge{query}") as reply:
        counts: dict[str, int] = json.load(reply)
    return counts


@pytest.mark.timeout(30)
@pytest.mark.parametrize("engine", ENGINES)
def test_fifty_are_under_way_against_one_host(
    child: Callable[..., subprocess.CompletedProcess[str]], site: Site, engine: str
) -> None:
    skip_refused(engine)
    urls = "\n".join(f"{site.url}/page/{number}?delay=250" for number in range(150))
    gauge(site, reset=True)

    done = child("fetch_urls.py", engine, "50", input=urls, timeout=25.0)

    assert done.returncode == 0, done.stderr
    assert {tuple(rest[:2]) for _, *rest in json.loads(done.stdout)} == {("", 200)}
    assert gauge(site)["peak"] == 50
    assert gauge(site)["requests"] == 150


def test_sequential_has_one_under_way(
    child: Callable[..., subprocess.CompletedProcess[str]], site: Site
) -> None:
    urls = "\n".join(f"{site.url}/page/{number}?delay=5" for number in range(20))
    gauge(site, reset=True)

    done = child("fetch_urls.py", "sequential", "50", input=urls)

    assert done.returncode == 0, done.stderr
    assert gauge(site)["peak"] == 1


@pytest.mark.timeout(30)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_clock_starts_anew_with_each_exchange(
    child: Callable[..., subprocess.CompletedProcess[str]], site: Site, engine: str
) -> None:
    skip_refused(engine)
    # One worker is busy for 1.2 s in all: longer than the timeout and any reserve on top of it.
    urls = "\n".join(f"{site.url}/page/{number}?delay=40" for number in range(30))

    done = child("fetch_urls.py", engine, "1", "0.4", input=urls, timeout=25.0)

    assert done.returncode == 0, done.stderr
    assert {tuple(rest[:2]) for _, *rest in json.loads(done.stdout)} == {("", 200)}
