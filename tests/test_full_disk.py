"""What happens when an output cannot take more: exit 3, one sentence, whole records."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from sinks.test_contract import parquet, read

from crawler.serving.fixture import Site

MOST = 20_000  # bytes a file may have


@pytest.fixture
def listed(tmp_path: Path, site: Site) -> str:
    path = tmp_path / "urls.txt"
    path.write_text("".join(f"{site.url}/page/{number}\n" for number in range(200)))
    return str(path)


def limited(*arguments: str, stdout: object = subprocess.DEVNULL, most: int = MOST):
    """The command, in a process whose files may have `most` bytes."""
    return subprocess.run(
        [sys.executable, "-m", "crawler", *arguments],
        stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=9, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
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


def records(path: Path) -> list[int]:
    return sorted(int(record["n"]) for record in read(path))


@pytest.mark.timeout(30)
def test_a_crawl_goes_on_after_a_limit_of_files_was_reached(
    listed: str, crawl, tmp_path: Path
) -> None:
    out, state = tmp_path / "out.jsonl", str(tmp_path / "crawl.db")
    arguments = (listed, "-e", "selectors", "-o", str(out), "--robots", "ignore")

    for _ in range(2):
        ended = limited(*arguments, "--state", state, most=150_000)
        assert ended.returncode == 3, ended.stderr
        assert "Traceback" not in ended.stderr
    last = crawl(*arguments, "--state", state)

    assert last.returncode == 0, last.stderr
    assert records(out) == list(range(1, 201))


# Arguments: a folder, the output's name, the command. The folder has no room, then a little more
# room than nothing, then enough; what is in it is copied out before the mount is gone.
ON_A_SMALL_DISK = """
folder=$1 name=$2; shift 2
mount -t tmpfs -o size=52k none "$folder" || exit 99
for size in 52k 56k 40m; do
    mount -o remount,size=$size "$folder"
    "$@"
    echo "exit $?"
done
cp -r "$folder/$name" "$folder.$name"
"""


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "name", ["out.jsonl", "out.csv", "out.sqlite", pytest.param("out.parquet", marks=parquet)]
)
def test_a_crawl_goes_on_when_a_full_disk_has_room_again(
    listed: str, tmp_path: Path, name: str
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [sys.executable, "-m", "crawler", listed, "-e", "selectors", "--robots", "ignore"]
    command += ["-o", str(disk / name), "--state", str(tmp_path / "crawl.db"), "-qq"]

    ended = subprocess.run(
        ["unshare", "-rm", "sh", "-c", ON_A_SMALL_DISK, "sh", str(disk), name, *command],
        capture_output=True, text=True, timeout=25, check=False,
    )  # fmt: skip

    if "exit" not in ended.stdout:
        pytest.skip(f"no disk of one's own: {ended.stderr.strip()}")
    assert ended.stdout.split("\n")[:3] == ["exit 3", "exit 3", "exit 0"], ended.stderr
    assert ended.stderr.count(f"crawl: cannot write {disk / name}") == 2
    assert "Traceback" not in ended.stderr
    assert records(Path(f"{disk}.{name}")) == list(range(1, 201))


@pytest.mark.timeout(30)
def test_an_output_that_fails_leaves_no_gap_in_the_others(
    listed: str, crawl, tmp_path: Path
) -> None:
    outs = [tmp_path / "a.jsonl", tmp_path / "b.sqlite"]
    named = [part for out in outs for part in ("-o", str(out))]
    common = (listed, "-e", "selectors", "--robots", "ignore", "--state", str(tmp_path / "db"))

    ended = crawl(*common, *named, "-o", "/dev/full:csv")
    assert ended.returncode == 3
    assert "cannot write /dev/full: No space left on device" in ended.stderr
    again = crawl(*common, *named)

    assert again.returncode == 0, again.stderr
    assert [records(out) for out in outs] == [list(range(1, 201))] * 2


@pytest.mark.timeout(30)
def test_a_reader_that_leaves_ends_the_crawl_and_it_can_go_on(
    listed: str, crawl, tmp_path: Path
) -> None:
    out, state = tmp_path / "out.jsonl", str(tmp_path / "crawl.db")
    arguments = [listed, "-e", "selectors", "-o", str(out), "--robots", "ignore", "--state", state]
    command = [sys.executable, "-m", "crawler", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr is not None
        said = child.stderr.read()

    assert child.returncode == 0, said
    assert b"Traceback" not in said
    assert crawl(*arguments).returncode == 0
    assert records(out) == list(range(1, 201))
