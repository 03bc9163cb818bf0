"""kill -9 of a crawl whose host wants to be left alone: the next process leaves it alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from security.witness import Said, Witness, page, witness

from crawler.frontier.state_file import StateFile

OPTIONS = ("--treat-as-public", "127.0.0.0/8", "-e", "selectors", "-c", "4", "-qq")
PAGES = 12
BUSY = page("", "Retry-After: 1", status="429 Too Many Requests")
REST = 1.0
NEXT = "the-next-process/1.0"


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Said], bytes]], Witness]]:
    open_ones = []

    def start(answer: Callable[[Said], bytes]) -> Witness:
        open_ones.append(witness(answer))
        return open_ones[-1].__enter__()

    yield start
    for each in open_ones:
        each.__exit__(None, None, None)


def _listed(folder: Path, server: Witness) -> str:
    path = folder / "urls.txt"
    lines = (f"http://127.0.0.1:{server.port}/{number}\n" for number in range(PAGES))
    path.write_text("".join(lines))
    return str(path)


def _rests(state: Path) -> float:
    """The Unix time until which the host rests; 0.0 as long as the state says nothing of it."""
    try:
        with closing(StateFile(state)._db) as db:
            return max((at for (at,) in db.execute("SELECT not_before FROM hosts")), default=0.0)
    except Exception:  # noqa: BLE001 - it is being made
        return 0.0


def _killed_when_it_rests(state: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "crawler", *arguments, "--state", str(state), *OPTIONS]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        end = time.monotonic() + 8
        while not _rests(state) and child.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL, child.stderr.read().decode() if child.stderr else ""


def test_a_host_that_asked_for_a_rest_gets_it_from_the_next_process(
    serve, tmp_path: Path, crawl
) -> None:
    came: list[float] = []
    asked: list[float] = []  # when it said 429

    def answer(said: Said) -> bytes:
        if NEXT.encode() in said.raw:
            came.append(time.monotonic())
        if said.path != "/robots.txt" and not asked:
            asked.append(time.monotonic())
            return BUSY
        return page("ok")

    server = serve(answer)
    state, out = tmp_path / "crawl.db", tmp_path / "out.jsonl"
    _killed_when_it_rests(state, _listed(tmp_path, server), "-o", str(out))

    done = crawl("resume", str(state), "--user-agent", NEXT)

    assert done.returncode == 0, done.stderr
    assert min(came) >= asked[0] + REST, "counted from when the answer came, which was later"
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert sorted(record["n"] for record in records) == list(range(1, PAGES + 1))
    assert all(record["status"] == 200 for record in records)


def _drops(said: Said) -> bytes:
    if said.path == "/robots.txt":
        return page("", status="404 Not Found")
    raise ConnectionResetError  # ends the connection without an answer


def _has_no_rules(said: Said) -> bytes:
    return page("", status="503 Service Unavailable")


@pytest.mark.parametrize("answer", [_drops, _has_no_rules])
def test_a_host_that_rests_for_long_is_not_asked_by_the_next_process(
    serve, tmp_path: Path, crawl, answer: Callable[[Said], bytes]
) -> None:
    server = serve(answer)
    state = tmp_path / "crawl.db"
    _killed_when_it_rests(state, _listed(tmp_path, server), "--retries", "0")

    done = crawl("resume", str(state), "--max-run-time", "0.3", "--user-agent", NEXT)

    assert done.returncode == 4, done.stderr
    assert [said for said in server.said if said.fields("user-agent")], "the first one asked"
    assert not [said for said in server.said if NEXT.encode() in said.raw]
    assert _rests(state) > time.time() + 40
