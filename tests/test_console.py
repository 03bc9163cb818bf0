"""What a person at a terminal sees."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crawler.console import Console
from crawler.serving.fixture import Site


@pytest.fixture
def at_terminal():
    """Runs the command with stdout and stderr on a terminal; its exit code and what was shown."""

    def run(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
        ours, theirs = os.openpty()
        child = subprocess.Popen(
            [sys.executable, "-m", "crawler", *arguments], stdin=theirs,
            stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"} | (env or {}),
        )  # fmt: skip
        os.close(theirs)
        shown = b""
        end = time.monotonic() + 8
        while time.monotonic() < end and select.select([ours], [], [], 8)[0]:
            try:
                data = os.read(ours, 65536)
            except OSError:  # Linux: the other side is closed
                break
            shown += data
        os.close(ours)
        return child.wait(8), shown.decode()

    return run


@pytest.fixture
def listed(tmp_path: Path, site: Site) -> str:
    path = tmp_path / "urls.txt"
    lines = [f"{site.url}/delay/100?n={number}" for number in range(20)]
    path.write_text("\n".join([*lines, f"{site.url}/status/404", ""]))
    return str(path)


def test_a_terminal_shows_lines_progress_and_summary(at_terminal, listed: str) -> None:
    code, shown = at_terminal(listed, "-e", "threads", "-c", "4")

    assert code == 1
    assert len(re.findall(r"^200     \d+ B  1\d\d\.\d ms  http://", shown, re.MULTILINE)) > 10
    assert re.search(r"\x1b\[31m404 .*  http\.404\x1b\[0m", shown)
    assert re.search(r"\r\x1b\[K\d+ done  \d failed  4 under way  .* \d+%  ETA", shown)
    assert "21 lines = 20 fetched + 1 failed" in shown
    assert shown.count("under way") <= 6  # four a second; it takes half a second


def test_progress_leaves_nothing_behind(at_terminal, listed: str) -> None:
    _, shown = at_terminal(listed, "-e", "threads", "-c", "4")

    for line in shown.split("\r\n"):
        assert "under way  " not in line.rpartition("\x1b[K")[2]


@pytest.mark.parametrize(
    ("arguments", "env"),
    [(["--no-progress"], {}), (["-q"], {}), ([], {"CRAWL_PROGRESS": "no"}), ([], {"TERM": "dumb"})],
)
def test_progress_can_be_turned_off(
    at_terminal, listed: str, arguments: list[str], env: dict[str, str]
) -> None:
    _, shown = at_terminal(listed, "-e", "threads", "-c", "21", *arguments, env=env)

    assert "under way  " not in shown
    assert "\x1b[K" not in shown
    assert "200  " in shown


def test_no_color_is_respected(at_terminal, listed: str) -> None:
    _, shown = at_terminal(
        listed, "-e", "threads", "-c", "21", "--no-progress", env={"NO_COLOR": "1"}
    )

    assert "\x1b" not in shown
    assert "http.404" in shown


def test_quiet_twice_shows_nothing(at_terminal, listed: str) -> None:
    code, shown = at_terminal(listed, "-e", "threads", "-c", "21", "-qq")

    assert (code, shown) == (1, "")


def test_json_can_be_had_on_a_terminal(at_terminal, site: Site) -> None:
    _, shown = at_terminal(f"{site.url}/page/1", "-e", "threads", "--json", "-q")

    assert shown.startswith('{"n":1,')


def test_without_input_a_terminal_is_told_what_to_give(at_terminal) -> None:
    code, shown = at_terminal("run")
    bare, usage = at_terminal()

    assert code == bare == 2
    assert "--input: name a file of URLs, a URL, or - for stdin" in shown
    assert "Usage: crawl URLS_FILE" in usage


def test_where_stderr_is_no_terminal_a_line_comes_every_ten_seconds() -> None:
    class Clock:
        now = 50.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()
    console = Console(quiet=False, progress=True, environ={"TERM": "dumb"}, clock=clock)
    quiet = Console(quiet=True, progress=True, environ={"TERM": "dumb"}, clock=clock)

    assert not console.wants_line()
    clock.now += 10.0
    assert console.wants_line()
    assert not console.wants_line()
    assert not quiet.wants_line()
