"""Records in the order of the lines, and a bound on what waits."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model import Headers, Request, Response, Skip
from crawler.ordered import BYTES, Ordered
from crawler.serving.fixture import Site


def ended(number: int, size: int = 0) -> Response:
    body = bytes(size)
    return Response(
        Request(f"http://a/{number}", number=number), 200, "", Headers(), body, b"", "1.1", "",
        datetime.now(UTC), 0.0,
    )  # fmt: skip


def numbers(finals: list) -> list[int]:
    return [final.request.number for final in finals]


@given(st.permutations(range(1, 12)), st.integers(1, 4))
def test_all_come_out_in_order_whatever_ends_first(order: list[int], together: int) -> None:
    ordered = Ordered(0, 100)
    out: list[int] = []

    for at in range(0, len(order), together):
        out += numbers(ordered.released([ended(n) for n in order[at : at + together]]))

    assert out == list(range(1, 12))
    assert ordered.rest() == []


def test_what_has_no_line_and_what_came_before_waits_for_nobody() -> None:
    ordered = Ordered(10, 100)

    skip = Skip(Request("http://a/"), "policy.trap")
    assert numbers(ordered.released([ended(12), skip, ended(7)])) == [0, 7]
    assert numbers(ordered.rest()) == [12]


def test_a_line_without_a_record_holds_nobody_up() -> None:
    ordered = Ordered(0, 10)
    ordered.passes(1)
    ordered.passes(3)

    assert numbers(ordered.released([ended(4), ended(2)])) == [2, 4]
    ordered.passes(6)
    ordered.released([ended(7)])
    assert numbers(ordered.rest()) == [7]


def test_no_line_is_read_beyond_the_window() -> None:
    ordered = Ordered(0, 10)

    assert ordered.may_read(9)
    assert not ordered.may_read(10)
    ordered.released([ended(1)])
    assert ordered.may_read(10)


def test_bodies_that_wait_have_a_bound() -> None:
    ordered = Ordered(0, 1000)
    ordered.released([ended(2, BYTES)])

    assert not ordered.may_read(2)
    ordered.released([ended(1)])
    assert ordered.may_read(2)


@pytest.mark.parametrize("engine", ["selectors", "threads"])
def test_the_command_writes_in_the_order_of_the_lines(
    site: Site, crawl, tmp_path: Path, engine: str
) -> None:
    delays = [50, 0, 30, 0, 80, 0, 10, 0]
    lines = [f"{site.url}/delay/{delay}?n={n}" for n, delay in enumerate(delays)]
    lines[3:3] = ["http://bad host/", lines[0], f"{site.url}/private/x", "http://127.0.0.1:1/"]
    path, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    path.write_text("\n".join(lines) + "\n")

    ended = crawl(str(path), "-e", engine, "--ordered", "-o", str(out), "--retries", "0")

    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [record["n"] for record in found] == list(range(1, 13)), ended.stderr
    assert [record["error"] for record in found[3:7]] == [
        "url.invalid", "url.duplicate", "robots.disallowed", "connect.refused",
    ]  # fmt: skip


def test_a_slow_line_holds_up_the_reading_and_not_the_memory(
    site: Site, crawl, tmp_path: Path
) -> None:
    path, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    quick = "".join(f"{site.url}/page/1?n={number}\n" for number in range(3000))
    path.write_text(f"{site.url}/delay/700\n{quick}")

    ended = crawl(str(path), "-e", "selectors", "--ordered", "-o", str(out))

    numbers = [json.loads(line)["n"] for line in out.read_text().splitlines()]
    assert numbers == list(range(1, 3002)), ended.stderr


def test_more_lines_than_the_window_before_links_are_followed(
    site: Site, crawl, tmp_path: Path
) -> None:
    path, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    path.write_text("".join(f"{site.url}/page/1?n={number}\n" for number in range(1500)))

    ended = crawl(
        str(path), "-e", "selectors", "--ordered", "--follow", "--depth", "0", "-o", str(out)
    )

    numbers = [json.loads(line)["n"] for line in out.read_text().splitlines()]
    assert numbers == list(range(1, 1501)), ended.stderr


def test_a_sitemap_before_more_lines_than_the_window(site: Site, crawl, tmp_path: Path) -> None:
    index, path, out = tmp_path / "i.xml", tmp_path / "in.txt", tmp_path / "out.jsonl"
    index.write_text(
        f"<sitemapindex><sitemap><loc>{site.url}/empty.xml</loc></sitemap></sitemapindex>"
    )
    path.write_text("".join(f"{site.url}/page/1?n={number}\n" for number in range(1500)))

    ended = crawl(str(index), str(path), "-e", "selectors", "--ordered", "-o", str(out))

    numbers = [json.loads(line)["n"] for line in out.read_text().splitlines()]
    assert numbers == list(range(2, 1502)), ended.stderr


def test_a_crawl_that_goes_on_waits_for_the_lines_it_had_left() -> None:
    ordered = Ordered(10, 100, missing=[4, 8])

    assert numbers(ordered.released([ended(11), ended(8), ended(6)])) == [6]
    assert numbers(ordered.released([ended(12), ended(4)])) == [4, 8, 11, 12]


def test_lines_of_two_inputs_with_one_number_are_both_written() -> None:
    ordered = Ordered(0, 100)

    assert ordered.released([ended(3), ended(3), ended(2)]) == []
    assert numbers(ordered.released([ended(1)])) == [1, 2, 3, 3]


LINES = 60


@pytest.mark.timeout(30)
@pytest.mark.parametrize("how", [signal.SIGKILL, "fault"])
def test_a_bad_line_that_waits_its_turn_outlives_the_process(
    site: Site, tmp_path: Path, crawl, how: signal.Signals | str
) -> None:
    """A slow first line, and after it lines of every kind: pages, the same again, no URLs."""
    listed, out, db = tmp_path / "urls.txt", tmp_path / "out.jsonl", tmp_path / "crawl.db"
    kinds = ["{url}/page/{n}", "{url}/page/1", "no url {n}"]
    wanted = [kinds[n % 3].format(url=site.url, n=n) for n in range(2, LINES + 2)]
    listed.write_text("\n".join([f"{site.url}/delay/900", *wanted]))
    arguments = [str(listed), "-e", "selectors", "-c", "4", "--ordered", "--state", str(db)]
    arguments += ["-o", str(out), "--robots", "ignore"]
    with subprocess.Popen(
        [sys.executable, "-m", "crawler", *arguments], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:  # fmt: skip
        while not aside(db):
            time.sleep(0.01)
        if how == "fault":
            out.unlink()  # noticed when the first record is written
            child.wait()
            out.touch()
        else:
            child.kill()
    assert out.read_text() == ""

    ended = crawl(*arguments)

    assert ended.returncode == 1, ended.stderr  # no URL is a failure
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [record["n"] for record in found] == list(range(1, LINES + 2))
    assert [record["input"] for record in found[1:]] == wanted
    assert not aside(db)


def aside(db: Path) -> int:
    """How many lines the state has that wait for their turn."""
    if not db.exists():
        return 0
    try:
        with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as state:
            query = "SELECT count(*) FROM meta WHERE key LIKE 'aside:%'"
            return int(state.execute(query).fetchone()[0])
    except sqlite3.Error:
        return 0
