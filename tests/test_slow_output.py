"""An output that is not read holds the crawl up; nothing piles up, and no page is lost by it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from crawler.serving.fixture import Site

URLS = 1_000


@pytest.mark.timeout(30)
@pytest.mark.parametrize("engine", ["gevent", "selectors", "threads"])
def test_fetching_waits_for_the_output(tmp_path: Path, engine: str) -> None:
    fifo = tmp_path / "out.jsonl"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with Site() as site:
        listed = tmp_path / "urls.txt"
        listed.write_text("".join(f"{site.url}/page/{number}\n" for number in range(URLS)))
        command = [sys.executable, "-m", "crawler", str(listed), "-e", engine, "-c", "10", "-qq"]
        command += ["--robots", "ignore", "--first-byte-timeout", "0.3s", "--retries", "0"]
        with subprocess.Popen([*command, "-o", str(fifo)], stdout=subprocess.DEVNULL) as child:
            asked = when_it_stands_still(site)
            os.set_blocking(reader, True)
            with open(reader, "rb") as file:  # noqa: PTH123 - a descriptor
                records = [json.loads(line) for line in file]

    assert child.returncode == 0
    # A pipe holds 64 KiB, some 100 records; as many may have been gathered.
    assert 10 < asked < URLS / 2
    assert len(records) == URLS
    assert {record["error"] for record in records} == {None}


def when_it_stands_still(site: Site) -> int:
    """How many requests the site had when no more came for half a second."""
    seen, still = 0, 0
    until = time.monotonic() + 10.0
    while still < 50 and time.monotonic() < until:
        time.sleep(0.01)
        with urllib.request.urlopen(f"{site.url}/gauge") as reply:
            now = json.load(reply)["requests"]  # this one is not among them
        still = still + 1 if now == seen and now else 0
        seen = now
    return seen
