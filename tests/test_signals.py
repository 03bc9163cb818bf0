"""How a run ends before its time: signals, the clock, a reader that goes away."""

from __future__ import annotations

import json
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crawler.serving.fixture import Site

ENGINES = ("gevent", "threads", "selectors", "sequential")


def default_signals() -> None:
    """As a shell starts a command: a runner in the background may have SIGINT ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, after its first record."""
    # The site forbids its endless pages to whoever asks.
    command = [sys.executable, "-m", "crawler", *arguments, "--robots", "ignore"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=default_signals,  # noqa: PLW1509 - this process has one thread that matters
    ) as child:  # fmt: skip
        try:
            assert child.stdout is not None
            ready, _, _ = select.select([child.stdout], [], [], 8)
            assert ready, "no record came"
            yield child
        finally:
            child.kill()


@pytest.fixture
def listed(tmp_path: Path, site: Site):
    """One quick page, then `paths`."""

    def write(*paths: str) -> str:
        path = tmp_path / "urls.txt"
        path.write_text("".join(f"{site.url}{line}\n" for line in ("/page/1", *paths)))
        return str(path)

    return write


def slow(count: int, delay: int = 300) -> list[str]:
    return [f"/delay/{delay}?n={number}" for number in range(count)]


def hanging(count: int) -> list[str]:
    return [f"/hang?n={number}" for number in range(count)]


def accounts_balance(stderr: str) -> bool:
    line = next(line for line in stderr.splitlines() if " lines = " in line)
    whole, _, parts = line.partition(" lines = ")
    return int(whole) == sum(int(part.split()[0]) for part in parts.split(" + "))


@pytest.mark.parametrize(
    ("engine", "number", "code"),
    [
        *((engine, signal.SIGINT, 130) for engine in ENGINES),
        ("gevent", signal.SIGTERM, 143),
        ("selectors", signal.SIGHUP, 143),
    ],
)
def test_one_signal_finishes_what_is_under_way(
    listed, engine: str, number: signal.Signals, code: int
) -> None:
    with running(listed(*slow(500)), "-e", engine, "-c", "4") as child:
        child.send_signal(number)
        stdout, stderr = child.communicate(timeout=8)

    found = [json.loads(line) for line in stdout.splitlines()]
    assert child.returncode == code
    assert "Traceback" not in stderr
    assert accounts_balance(stderr)
    assert all(record["ok"] for record in found)
    assert f" {len(found)} fetched " in stderr
    assert len(found) < 100


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("gap", "second"),
    # Linux merges equal signals while they are pending, so without a gap they must differ.
    [(0.0, signal.SIGTERM), (0.02, signal.SIGINT)],
)
def test_two_signals_leave_at_once(listed, engine: str, gap: float, second: signal.Signals) -> None:
    with running(listed(*hanging(20)), "-e", engine, "-c", "4") as child:
        child.send_signal(signal.SIGINT)
        time.sleep(gap)
        child.send_signal(second)
        before = time.monotonic()
        _, stderr = child.communicate(timeout=8)

    assert time.monotonic() - before < 3  # it takes 0.02 s here
    assert child.returncode in {130, 143}
    assert "Traceback" not in stderr
    assert accounts_balance(stderr)


@pytest.mark.parametrize("engine", ["gevent", "sequential"])
def test_the_grace_ends(listed, engine: str) -> None:
    with running(listed(*hanging(20)), "-e", engine, "-c", "4", "--grace", "300ms") as child:
        child.send_signal(signal.SIGTERM)
        before = time.monotonic()
        _, stderr = child.communicate(timeout=8)

    assert 0.2 < time.monotonic() - before < 4
    assert child.returncode == 143
    assert accounts_balance(stderr)
    assert "Traceback" not in stderr


@pytest.mark.parametrize("engine", ["gevent", "sequential"])
def test_a_run_may_have_a_limit_of_time(listed, crawl, engine: str) -> None:
    ended = crawl(
        listed(*hanging(20)), "-e", engine, "--max-run-time", "1", "--grace", "200ms",
        "--robots", "ignore",
    )  # fmt: skip

    assert ended.returncode == 4
    assert accounts_balance(ended.stderr)
    assert "Traceback" not in ended.stderr


def test_the_limit_of_time_may_come_before_the_grace_is_needed(listed, crawl) -> None:
    ended = crawl(listed(*slow(500, 20)), "-e", "threads", "-c", "2", "--max-run-time", "500ms")

    assert ended.returncode == 4
    assert accounts_balance(ended.stderr)
    assert " 0 failed " in ended.stderr


def test_a_signal_at_any_moment_never_shows_a_traceback(listed) -> None:
    name = listed(*slow(200, 20))
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-m", "crawler", name, "-c", "4"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            preexec_fn=default_signals,  # noqa: PLW1509
        ) as child:  # fmt: skip
            # Python itself shows a traceback for SIGINT while it starts, before our first line.
            time.sleep(0.05)
            assert child.stderr is not None
            select.select([child.stderr], [], [], random.uniform(0, 0.5))
            child.send_signal(signal.SIGTERM)
            _, stderr = child.communicate(timeout=8)

        assert child.returncode in {143, -signal.SIGTERM}
        assert "Traceback" not in stderr


def test_a_signal_ignored_from_the_start_stays_ignored(listed) -> None:
    name = listed(*slow(8, 50))
    with subprocess.Popen(
        [sys.executable, "-m", "crawler", name, "-e", "threads", "-c", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),  # noqa: PLW1509
    ) as child:  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGHUP)
        _, stderr = child.communicate(timeout=8)

    assert child.returncode == 0
    assert "9 fetched" in stderr


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reader_that_goes_away_ends_the_run_quietly(listed, engine: str) -> None:
    command = f"{sys.executable} -m crawler {listed(*slow(2000, 5))} -e {engine} -c 4 | head -1"

    ended = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, timeout=9, check=False,
    )  # fmt: skip

    assert ended.returncode == 0
    assert ended.stderr == ""
    assert json.loads(ended.stdout)["n"] == 1


def test_stderr_may_be_closed(listed) -> None:
    command = f"{sys.executable} -m crawler {listed()} -e threads 2>&-"

    ended = subprocess.run(
        ["sh", "-c", command], stdout=subprocess.PIPE, text=True, timeout=9, check=False
    )

    assert ended.returncode == 0
    assert json.loads(ended.stdout)["ok"]


def test_a_stopped_and_continued_run_goes_on(listed) -> None:
    with running(listed(*slow(10, 20)), "-e", "selectors", "-c", "2") as child:
        child.send_signal(signal.SIGSTOP)
        time.sleep(0.05)
        child.send_signal(signal.SIGCONT)
        stdout, _ = child.communicate(timeout=8)

    assert child.returncode == 0
    assert len(stdout.splitlines()) == 11


@pytest.mark.parametrize(
    "engine",
    ["selectors", "select", "sigio", "uring", "generators", "greenlets", "gevent+socket", "asyncio",
     "threads+socket"],
)  # fmt: skip
def test_what_came_while_a_run_was_stopped_came_in_time(listed, engine: str) -> None:
    """The limits are over when it goes on, and the answers have lain there for long."""
    words = ("-e", engine, "-c", "6", "-m", "1", "--retries", "0")
    with running(listed(*slow(6, 600)), *words) as child:
        time.sleep(0.2)  # the first record has come, so the others are under way
        child.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        child.send_signal(signal.SIGCONT)
        stdout, stderr = child.communicate(timeout=8)

    assert child.returncode == 0, stderr
    assert len(stdout.splitlines()) == 7


def test_a_file_written_meanwhile_holds_whole_records_when_killed(listed, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.touch()
    command = [sys.executable, "-m", "crawler", listed(*slow(2000, 5)), "-e", "threads"]
    with subprocess.Popen(
        [*command, "-o", str(out), "-qq"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        while not out.stat().st_size:
            time.sleep(0.01)
        child.kill()

    lines = out.read_text().splitlines(keepends=True)
    assert lines
    for line in lines:
        assert line.endswith("\n")
        json.loads(line)
