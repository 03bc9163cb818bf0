"""Folders that cannot be written, or are gone: said at once, and the crawl can go on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crawler.serving.fixture import Site

# Arguments: a folder that is to be read-only, the command. Root may write where it may not: so it
# is a mount of one's own.
ON_A_READ_ONLY_DISK = """
folder=$1; shift
mount --bind "$folder" "$folder" && mount -o remount,bind,ro "$folder" || exit 99
"$@"
echo "exit $?"
"""


@pytest.mark.parametrize("option", ["--output", "--state", "--save-dir", "--mirror", "--summary"])
def test_a_folder_that_cannot_be_written_is_said_before_the_first_fetch(
    site: Site, tmp_path: Path, option: str
) -> None:
    folder = tmp_path / "ro"
    folder.mkdir()
    command = [sys.executable, "-m", "crawler", f"{site.url}/page/1", "-e", "selectors"]
    command += [option, str(folder / "out.jsonl")]

    ended = subprocess.run(
        ["unshare", "-rm", "sh", "-c", ON_A_READ_ONLY_DISK, "sh", str(folder), *command],
        capture_output=True, text=True, timeout=9, check=False,
    )  # fmt: skip

    if "exit" not in ended.stdout:
        pytest.skip(f"no disk of one's own: {ended.stderr.strip()}")
    assert ended.stdout == "exit 3\n"
    assert "Read-only file system" in ended.stderr
    assert str(folder) in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.timeout(30)
def test_a_folder_that_vanishes_ends_the_crawl_and_it_is_said(site: Site, tmp_path: Path) -> None:
    folder, state = tmp_path / "out", tmp_path / "crawl.db"
    folder.mkdir()
    listed = tmp_path / "urls.txt"
    listed.write_text("".join(f"{site.url}/delay/20?n={number}\n" for number in range(200)))
    command = [sys.executable, "-m", "crawler", str(listed), "-e", "selectors", "-c", "4", "-qq"]
    command += ["-o", str(folder / "o.jsonl"), "--state", str(state), "--robots", "ignore"]

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        while not (folder / "o.jsonl").exists() or not (folder / "o.jsonl").stat().st_size:
            time.sleep(0.01)
        shutil.rmtree(folder)
        _, said = child.communicate(timeout=9)
    folder.mkdir()
    again = subprocess.run(command, capture_output=True, text=True, timeout=9, check=False)

    assert child.returncode == 3
    assert f"crawl: {folder / 'o.jsonl'} was removed while it was written" in said
    assert again.returncode == 3  # what was in it cannot be had again
    assert "is gone, and" in again.stderr
    assert "Traceback" not in said + again.stderr


def test_a_state_that_is_removed_meanwhile_ends_nothing_before_its_time(
    site: Site, tmp_path: Path
) -> None:
    out, state = tmp_path / "o.jsonl", tmp_path / "crawl.db"
    listed = tmp_path / "urls.txt"
    listed.write_text("".join(f"{site.url}/delay/20?n={number}\n" for number in range(40)))
    command = [sys.executable, "-m", "crawler", str(listed), "-e", "selectors", "-c", "4", "-qq"]
    command += ["-o", str(out), "--state", str(state), "--robots", "ignore"]

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        while not out.exists() or not out.stat().st_size:
            time.sleep(0.01)
        for path in tmp_path.glob("crawl.db*"):
            os.unlink(path)  # noqa: PTH108 - there may be none by then
        _, said = child.communicate(timeout=9)

    lines = out.read_text().splitlines()
    assert child.returncode in {0, 3}, said
    assert "Traceback" not in said
    assert len({json.loads(line)["n"] for line in lines}) == len(lines)
