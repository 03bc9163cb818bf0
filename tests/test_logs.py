"""The log of a run in a file: whole entries, whatever servers say and disks do."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path

import pytest

from crawler import logs
from crawler.serving.fixture import Site

HOSTILE = "a\x1b]0;x\x07\nb\u202e"


@pytest.mark.timeout(30)
@pytest.mark.parametrize("engine", ["selectors", "gevent", "processes+socket"])
def test_a_log_of_objects_is_added_to(crawl, site: Site, tmp_path: Path, engine: str) -> None:
    log = tmp_path / "crawl.log"
    words = (f"{site.url}/page/1", "-e", engine, "--log-file", str(log), "--log-format", "json")

    for _ in range(2):
        done = crawl(*words, "-vv")
        assert done.returncode == 0, done.stderr

    entries = [json.loads(line) for line in log.read_text().splitlines()]
    begun = [entry for entry in entries if f"engine {engine}" in entry["message"]]
    assert len(begun) == 2
    assert any(f"{site.url}/page/1" in entry["message"] for entry in entries)
    assert {entry["level"] for entry in entries} == {"INFO", "DEBUG"}
    assert all(datetime.fromisoformat(entry["time"]).tzinfo for entry in entries)
    assert "engine" not in done.stderr


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_entry_is_one_line_whatever_is_in_it(tmp_path: Path, form: str) -> None:
    ours = logging.getLogger("crawler")
    before, level = list(ours.handlers), ours.level
    logs.begin(1, str(tmp_path / "crawl.log"), form, pytest.fail)
    try:
        logging.getLogger("crawler.test").info("it said %s", HOSTILE)
    finally:
        for handler in set(ours.handlers) - set(before):
            ours.removeHandler(handler)
            handler.close()
        ours.setLevel(level)

    (line,) = (tmp_path / "crawl.log").read_text().splitlines()
    said = json.loads(line)["message"] if form == "json" else line
    assert "it said a" in said
    assert not set("\x1b\x07\n\u202e") & set(said)


def test_a_dash_is_stderr(crawl, site: Site) -> None:
    done = crawl(f"{site.url}/page/1", "-e", "epoll", "--log-file", "-")

    assert "INFO crawler.crawling: engine epoll" in done.stderr
    assert not Path("-").exists()


def test_without_v_a_log_file_says_what_is_done_but_not_every_exchange(
    crawl, site: Site, tmp_path: Path
) -> None:
    crawl(f"{site.url}/page/1", "-e", "epoll", "--log-file", str(tmp_path / "crawl.log"))

    said = (tmp_path / "crawl.log").read_text()
    assert "INFO crawler.crawling: engine epoll" in said
    assert "DEBUG" not in said


def test_a_log_that_cannot_be_written_is_said_once_and_ends_nothing(crawl, site: Site) -> None:
    urls = [f"{site.url}/page/{number}" for number in range(3)]

    done = crawl(*urls, "-vv", "--log-file", "/dev/full")

    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr.count("the log has gaps from here on: [Errno 28]") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--log-file", "/nowhere/crawl.log"], 3, "cannot write the log '/nowhere/crawl.log'"),
        (["--log-format", "xml"], 2, "--log-format"),
        (["--log-file", "out.jsonl", "-o", "out.jsonl"], 3, "named twice"),
    ],
)
def test_a_slip_is_said_before_the_first_fetch(
    crawl, site: Site, words: list[str], code: int, said: str
) -> None:
    done = crawl(f"{site.url}/page/1", *words)

    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert done.stdout == ""


def test_the_input_is_not_logged_into(crawl, site: Site, tmp_path: Path) -> None:
    urls = tmp_path / "urls.txt"
    urls.write_text(f"{site.url}/page/1\n")

    done = crawl(str(urls), "--log-file", str(urls))

    assert done.returncode == 3
    assert "is the input" in done.stderr
    assert urls.read_text() == f"{site.url}/page/1\n"
