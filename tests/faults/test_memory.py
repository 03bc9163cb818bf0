"""Less memory than the crawl would like: it says so or bears it, and goes on with more."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from crawler.serving.fixture import Site

SIZE = 8_000_000  # bytes of a page
PAGES = 16


@pytest.mark.timeout(40)
@pytest.mark.parametrize("engine", ["selectors", "gevent+socket"])
@pytest.mark.parametrize("most", [160, 260])
def test_a_crawl_that_runs_out_of_memory_loses_nothing(
    site: Site, crawl, tmp_path: Path, engine: str, most: int
) -> None:
    out, limit = tmp_path / "o.jsonl", most * 1024 * 1024
    listed = tmp_path / "urls.txt"
    listed.write_text("".join(f"{site.url}/size/{SIZE + n}\n" for n in range(PAGES)))
    arguments = [str(listed), "-e", engine, "-c", str(PAGES), "-qq", "--robots", "ignore"]
    arguments += ["--state", str(tmp_path / "crawl.db"), "-o", str(out), "--retries", "0"]
    arguments += ["--save-dir", str(tmp_path / "bodies")]

    ended = subprocess.run(
        [sys.executable, "-m", "crawler", *arguments],
        capture_output=True, text=True, timeout=20, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip
    again = crawl(*arguments, timeout=20.0)

    assert ended.returncode in {0, 3}, ended.stderr
    assert "Traceback" not in ended.stderr
    assert again.returncode == 0, again.stderr
    found = Counter(json.loads(line)["url"] for line in out.read_text().splitlines())
    assert found == Counter(listed.read_text().split())
