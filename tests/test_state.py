"""A crawl with a state, as its user meets it: stopped, resumed, tried again, begun anew."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from linked import serving

from crawler.serving.fixture import Site


def urls_of(out: Path) -> list[str]:
    return [json.loads(line)["url"] for line in out.read_text().splitlines()]


@pytest.fixture
def listed(tmp_path: Path, site: Site) -> Path:
    path = tmp_path / "urls.txt"
    path.write_text("".join(f"{site.url}/delay/20?n={number}\n" for number in range(100)))
    return path


def test_a_crawl_that_was_stopped_says_how_to_go_on_and_goes_on(
    crawl, listed: Path, tmp_path: Path
) -> None:
    state, out = tmp_path / "crawl.db", tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "crawler", str(listed), "-c", "4", "-e", "threads",
               "--state", str(state), "-o", str(out)]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:
        while not out.exists() or out.stat().st_size < 2000:
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=9)
    assert child.returncode == 130
    assert f"crawl resume {state}" in said.decode()
    before = len(urls_of(out))

    shown = crawl("status", str(state)).stdout
    ended = crawl("resume", str(state), "-qq")

    assert 0 < before < 100
    assert f"{before:,} done" in shown
    assert "interrupted" in shown
    assert ended.returncode == 0, ended.stderr
    assert len(urls_of(out)) == len(set(urls_of(out))) == 100
    assert "finished" in crawl("status", str(state)).stdout


def test_a_second_process_refuses_and_names_the_first(crawl, listed: Path, tmp_path: Path) -> None:
    state, out = tmp_path / "crawl.db", tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "crawler", str(listed), "-c", "1", "-e", "selectors",
               "--state", str(state), "-o", str(out), "-qq"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as child:
        while not out.exists() or not out.stat().st_size:
            time.sleep(0.01)
        ended = crawl(str(listed), "--state", str(state), "-qq")
        shown = crawl("status", str(state)).stdout
        child.kill()

    assert ended.returncode == 3
    assert f"in use by process {child.pid}" in ended.stderr
    assert f"process {child.pid} is crawling" in shown


def test_pages_beyond_a_limit_are_left_for_later(crawl, listed: Path, tmp_path: Path) -> None:
    state, out = tmp_path / "crawl.db", tmp_path / "out.jsonl"

    first = crawl(str(listed), "--state", str(state), "-o", str(out), "--max-pages", "30", "-qq")
    second = crawl("resume", str(state), "--max-pages", "0", "-qq")

    assert (first.returncode, second.returncode) == (4, 0)
    assert len(set(urls_of(out))) == len(urls_of(out)) == 100


def test_a_list_that_grew_is_read_on(crawl, site: Site, tmp_path: Path) -> None:
    path, state, out = tmp_path / "urls.txt", tmp_path / "crawl.db", tmp_path / "out.jsonl"
    path.write_text(f"{site.url}/page/1\nhttp://bad host/\n")
    crawl(str(path), "--state", str(state), "-o", str(out))
    with path.open("a") as file:
        file.write(f"{site.url}/page/2\n")

    ended = crawl(str(path), "--state", str(state), "-o", str(out), "-qq")

    assert ended.returncode == 0, ended.stderr
    numbers = [json.loads(line)["n"] for line in out.read_text().splitlines()]
    assert numbers == [1, 2, 3] or sorted(numbers) == [1, 2, 3]


def test_what_stdin_said_is_in_the_state(crawl, site: Site, tmp_path: Path) -> None:
    state, out = tmp_path / "crawl.db", tmp_path / "out.jsonl"
    lines = "".join(f"{site.url}/page/{number}\n" for number in range(20))
    crawl("-", "--state", str(state), "-o", str(out), "--max-pages", "5", input=lines)

    ended = crawl("resume", str(state), "--max-pages", "0", "-qq")

    assert ended.returncode == 0, ended.stderr
    assert len(set(urls_of(out))) == len(urls_of(out)) >= 5


def test_what_failed_is_tried_again_in_place(crawl, site: Site, tmp_path: Path) -> None:
    path, state, out = tmp_path / "urls.txt", tmp_path / "crawl.db", tmp_path / "out.jsonl"
    path.write_text(f"{site.url}/page/1\n{site.url}/status/404\n{site.url}/status/410\n")
    first = crawl(str(path), "--state", str(state), "-o", str(out))

    none = crawl("retry", str(state), "--failed", "timeout")
    again = crawl("retry", str(state), "--failed", "http.404", "-qq")

    assert first.returncode == 1
    assert "crawl retry" in first.stderr
    assert none.returncode == 2
    assert "there is http.404" in none.stderr
    assert again.returncode == 1
    assert [json.loads(line)["error"] for line in out.read_text().splitlines()].count(
        "http.404"
    ) == 2


def test_a_state_is_exported(crawl, site: Site, tmp_path: Path) -> None:
    path, state = tmp_path / "urls.txt", tmp_path / "crawl.db"
    path.write_text(f"{site.url}/page/1\n{site.url}/status/404\tshop=7\n")
    crawl(str(path), "--state", str(state))

    lines = crawl("export", str(state), "--only", "failed").stdout.splitlines()
    table = crawl("export", str(state), "-o", "-:csv").stdout.splitlines()

    (failed,) = map(json.loads, lines)
    assert (failed["state"], failed["status"], failed["carried"]) == ("failed", 404, {"shop": "7"})
    assert len(table) == 3
    assert crawl("export", str(state), "--only", "nothing").returncode == 2


def test_other_files_are_refused(crawl, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other.write_text("this is a letter")

    for command in ("status", "resume", "retry", "export"):
        ended = crawl(command, str(other))
        assert ended.returncode == 3, command
        assert "is not the state of a crawl" in ended.stderr
        assert "Traceback" not in ended.stderr
    assert crawl("status", str(tmp_path / "none.db")).returncode == 3
    assert other.read_text() == "this is a letter"


def test_a_second_round_fetches_what_has_changed(crawl, tmp_path: Path) -> None:
    state, out = tmp_path / "crawl.db", tmp_path / "out.jsonl"
    with serving() as pages:
        for number in range(4):
            pages.page(f"/{number}", f'<a href="/{number + 1}">x</a>', ETag='"1"')
        pages.page("/4", "the last")
        command = (f"{pages.url}/0", "--follow", "--state", str(state), "-e", "selectors", "-qq")
        crawl(*command, "-o", str(out))
        pages.page("/3", '<a href="/new">x</a>', ETag='"2"')
        pages.page("/new", "new")

        nothing = crawl(*command, "-o", str(out))
        again = crawl(*command, "-o", str(out), "--if-modified")

    assert (nothing.returncode, again.returncode) == (0, 0), again.stderr
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [record["status"] for record in records[:5]] == [200] * 5
    second = {record["url"].rpartition("/")[2]: record for record in records[5:]}
    assert {name: record["status"] for name, record in second.items()} == {
        "0": 304, "1": 304, "2": 304, "3": 200, "4": 200, "new": 200,
    }  # fmt: skip
    assert all(record["ok"] for record in records)
