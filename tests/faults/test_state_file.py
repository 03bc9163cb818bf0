"""A state that others hold or that is damaged, by the command: said, and nothing wrong is done."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from linked import serving


@pytest.mark.timeout(30)
def test_a_state_that_another_program_writes_to_is_waited_for(crawl, tmp_path: Path) -> None:
    """Not by another crawl, which is refused at once: a backup, a person with sqlite3."""
    state, out = tmp_path / "crawl.db", tmp_path / "o.jsonl"
    with serving() as pages:
        pages.site_of(5)
        command = (f"{pages.url}/p/0", "--follow", "-e", "selectors", "--state", str(state))
        crawl(*command, "-o", str(out), "--max-pages", "1", "-qq")
        with closing(sqlite3.connect(state, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            child = subprocess.Popen(
                [sys.executable, "-m", "crawler", *command, "-o", str(out), "-qq"],
                stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(0.8)
            other.execute("COMMIT")
        _, said = child.communicate(timeout=9)

    assert child.returncode == 0, said
    assert len(out.read_text().splitlines()) == 5


@pytest.mark.timeout(30)
def test_a_state_that_stays_locked_ends_the_crawl_and_it_can_go_on(crawl, tmp_path: Path) -> None:
    state, out = tmp_path / "crawl.db", tmp_path / "o.jsonl"
    with serving() as pages:
        pages.site_of(5)
        command = (f"{pages.url}/p/0", "--follow", "-e", "selectors", "--state", str(state))
        command += ("-o", str(out), "-qq")
        crawl(*command, "--max-pages", "1")
        with closing(sqlite3.connect(state, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            ended = crawl(*command, timeout=20.0)
            other.execute("ROLLBACK")
        again = crawl(*command)

    assert ended.returncode == 3
    assert "crawl: the state of the crawl cannot be kept: database is locked" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert again.returncode == 0, again.stderr
    assert len(out.read_text().splitlines()) == 5


@pytest.mark.timeout(60)
def test_a_damaged_state_is_refused_or_says_what_it_said(child, tmp_path: Path) -> None:
    """Cut short, bytes changed, another schema: never a traceback, never a page twice."""
    ended = child("damaged_states.py", str(tmp_path), timeout=55.0)

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["wrong"] == []
    assert told["refused"] > 5
    assert told["finished"] > 0
