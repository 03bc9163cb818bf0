"""What happens when an output cannot take more: exit 3, one sentence, whole records."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from crawler.serving.fixture import Site

MOST = 20_000  # bytes a file may have


@pytest.fixture
def listed(tmp_path: Path, site: Site) -> str:
    path = tmp_path / "urls.txt"
    path.write_text("".join(f"{site.url}/page/{number}\n" for number in range(200)))
    return str(path)


def limited(*arguments: str, stdout: object = subprocess.DEVNULL):
    """The command, in a process whose files may have `MOST` bytes."""
    return subprocess.run(
        [sys.executable, "-m", "crawler", *arguments],
        stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=9, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (MOST, MOST)),
    )  # fmt: skip


@pytest.mark.parametrize("engine", ["gevent", "threads", "selectors"])
def test_a_file_that_may_not_grow_ends_the_run(listed, tmp_path: Path, engine: str) -> None:
    out = tmp_path / "out.jsonl"

    ended = limited(listed, "-e", engine, "-o", str(out))

    lines = out.read_text().splitlines(keepends=True)
    assert ended.returncode == 3
    assert f"crawl: cannot write {out}: File too large" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert lines
    assert all(line.endswith("\n") and json.loads(line) for line in lines)


def test_stdout_in_a_file_that_may_not_grow_ends_the_run(listed, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as file:
        ended = limited(listed, "-e", "threads", stdout=file)

    assert ended.returncode == 3
    assert "crawl: cannot write stdout: File too large" in ended.stderr


def test_bodies_that_do_not_fit_end_the_run(site: Site, tmp_path: Path) -> None:
    kept = tmp_path / "bodies"

    ended = limited(f"{site.url}/size/50000", "-e", "threads", "--save-dir", str(kept))

    assert ended.returncode == 3
    assert "cannot keep a body" in ended.stderr
    assert [path for path in kept.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("engine", ["gevent", "selectors"])
def test_a_full_device_on_stdout_ends_the_run(listed, engine: str) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        ended = subprocess.run(
            [sys.executable, "-m", "crawler", listed, "-e", engine],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=9, check=False,
        )  # fmt: skip

    assert ended.returncode == 3
    assert "crawl: cannot write stdout: No space left on device" in ended.stderr
    assert "Exception ignored" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_output_that_cannot_be_opened_is_said_before_the_first_fetch(
    crawl, site: Site, tmp_path: Path
) -> None:
    ended = crawl(f"{site.url}/page/1", "-e", "threads", "-o", str(tmp_path / "no" / "out.jsonl"))

    assert ended.returncode == 3
    assert "No such file or directory" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_nowhere(listed: str, tmp_path: Path, closed: str) -> None:
    """And no other file or socket is taken for it."""
    out = tmp_path / "out.jsonl"
    command = f"exec {sys.executable} -m crawler {listed} -e threads -o {out} {closed}"

    ended = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=9, check=False
    )

    assert ended.returncode == 0
    assert len([json.loads(line) for line in out.read_text().splitlines()]) == 200
    assert "Traceback" not in ended.stderr
