"""A process that forks in the middle of a crawl: the crawl goes on, once."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from linked import serving

COUNT = 12


@pytest.mark.timeout(30)
@pytest.mark.parametrize("engine", ["selectors", "epoll", "sequential", "threads", "asyncio"])
@pytest.mark.parametrize("way", ["crawled", "left", "fetched"])
def test_a_fork_takes_nothing_from_the_crawl_and_adds_nothing_to_it(
    child, engine: str, way: str, tmp_path: Path
) -> None:
    with serving() as pages:
        pages.site_of(COUNT)
        urls = [f"{pages.url}/p/{number}" for number in range(COUNT)]

        done = child("forked.py", engine, way, str(tmp_path), *urls, timeout=20.0)

    assert done.returncode == 0, done.stderr
    seen, refused = json.loads(done.stdout)
    assert done.stderr == ""
    assert seen == COUNT
    assert ("goes on there: a fork of it has to begin its own" in refused) == (way != "left")
    if way != "fetched":
        lines = (tmp_path / "o.jsonl").read_text().splitlines()
        assert Counter(json.loads(line)["url"] for line in lines) == Counter(urls)
        assert len((tmp_path / "o.csv").read_text().splitlines()) == COUNT + 1
        whole = (tmp_path / "o.warc").read_bytes()
        assert whole.count(b"WARC-Type: response") == COUNT + 1  # robots.txt
