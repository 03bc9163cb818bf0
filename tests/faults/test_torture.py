"""Calls that fail: a sample of the torture, and the places that it has found. `make torture`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import linked
import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("engine", "form", "every"),
    [("selectors", "library", 90), ("gevent+socket", "command", 250)],
)
def test_a_crawl_bears_that_any_call_fails(engine: str, form: str, every: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "faults.torture", str(every), engine, form],
        cwd=TESTS, capture_output=True, text=True, timeout=55, check=False,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = re.search(r"(\d+) injected, .* 0 lost, 0 doubled, 0 defects", ended.stdout)
    assert told, ended.stdout
    assert int(told[1]) > 3


@pytest.fixture
def failing(child, tmp_path: Path):
    """A crawl of three pages in which the first call at a place fails."""
    with linked.serving() as pages:
        pages.site_of(3)
        yield _failing(child, f"{pages.url}/p/", tmp_path)


def _failing(child, url: str, tmp_path: Path):

    def run(form: str, kind: str, place: str, engine: str = "selectors"):
        urls = [f"{url}{number}" for number in range(3)]
        ended = child("one_call_fails.py", engine, form, kind, place, str(tmp_path), *urls)
        report = json.loads((tmp_path / "report.json").read_text())
        assert place in report["failed"]
        return ended.returncode, report, _text(tmp_path / "said")

    return run


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("call", ["pread", "fstat", "lseek", "write"])
def test_whatever_fails_of_an_output_is_a_sink_error(failing, call: str) -> None:
    _, report, _ = failing("library", "os", f"{call} from")

    assert report["error"] == "SinkError"


def test_an_engine_that_gets_no_socket_says_so(failing) -> None:
    assert failing("library", "os", "_resolve.py")[1]["error"] == "EngineUnavailable"


def test_an_engine_that_gets_no_socket_is_a_local_fault_of_the_command(failing) -> None:
    code, _, said = failing("command", "os", "_resolve.py")

    assert code == 3
    assert "crawl: engine 'selectors' cannot be opened: No buffer space available" in said


@pytest.mark.parametrize("place", ["Fetches.settle", "sqlite BEGIN", "fcntl.flock"])
def test_a_command_without_memory_says_so_and_can_go_on(failing, place: str) -> None:
    code, _, said = failing("command", "memory", place)

    assert code == 3
    assert "crawl: there is no memory left" in said
    assert "Traceback" not in said


def test_a_command_without_memory_to_start_with_says_so(failing) -> None:
    code, _, said = failing("command", "memory", "fstat from __main__.py")

    assert code == 3
    assert "crawl: there is no memory left to start with" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("engine", ["selectors", "gevent+socket"])
def test_a_request_that_cannot_be_sent_is_not_waited_for(
    failing, engine: str, tmp_path: Path
) -> None:
    code, _, said = failing("command", "os", "socket.send from", engine)

    lines = (tmp_path / "o.jsonl").read_text().splitlines()
    assert code == 0, said
    assert [json.loads(line)["error"] for line in lines] == [None] * 3
    assert sorted(json.loads(line)["attempts"] for line in lines) == [1, 1, 2]


def test_a_pipe_for_signals_that_cannot_be_had_is_said(failing) -> None:
    code, _, said = failing("command", "os", "pipe from")

    assert code == 3
    assert "crawl: signals cannot be waited for: Input/output error" in said


def test_a_pipe_for_signals_that_cannot_be_read_ends_nothing(failing) -> None:
    assert failing("command", "os", "read from watching.py")[0] == 0
