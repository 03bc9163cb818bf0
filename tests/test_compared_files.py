"""The files of a comparison: nothing is lost, and nothing that was there before."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from crawler.compared_files import opened, read, refuse_inputs, write
from crawler.comparison import Comparison, Run, dump
from crawler.errors import ConfigError, InputError, SinkError

RUN = Run("epoll", 1, wall=0.5, cpu=0.1, rss_bytes=1, ok=1, failed=0, body_bytes=1)
FOUND = Comparison("a page", 1, (RUN,))


def test_looking_whether_a_file_can_be_written_leaves_it_as_it_is(tmp_path: Path) -> None:
    empty, full = tmp_path / "empty.json", tmp_path / "full.json"
    empty.touch()
    full.write_text("before")

    for path in (empty, full, tmp_path / "none.json"):
        opened(str(path))

    assert full.read_text() == "before"
    assert sorted(tmp_path.iterdir()) == [empty, full]


def test_a_file_is_written_in_its_form(tmp_path: Path) -> None:
    write([opened(str(tmp_path / f"it.{form}")) for form in ("json", "md", "csv", "html")], FOUND)

    assert read(str(tmp_path / "it.json")) == FOUND
    assert (tmp_path / "it.csv").read_text().startswith("engine,")
    assert len(list(tmp_path.iterdir())) == 4


def test_one_file_that_cannot_be_written_takes_nothing_from_the_others(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    files = [opened(str(path)) for path in (gone / "a.json", gone / "b.md", tmp_path / "c.json")]
    shutil.rmtree(gone)

    with pytest.raises(SinkError, match=r"a\.json.*b\.md"):
        write(files, FOUND)

    assert read(str(tmp_path / "c.json")) == FOUND


def test_a_symbolic_link_stays_one_and_permissions_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.touch(mode=0o600)
    link.symlink_to(target)

    write([opened(str(link))], FOUND)

    assert link.is_symlink()
    assert read(str(target)) == FOUND
    assert target.stat().st_mode & 0o777 == 0o600


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "device.json").symlink_to("/dev/null")

    for name in ("pipe.json", "folder.json", "device.json"):
        with pytest.raises(SinkError, match="not a regular file"):
            opened(str(tmp_path / name))

    assert Path("/dev/null").exists()


@pytest.mark.parametrize("name", ["no/such/folder/x.json", "x\0.json", f"{'x' * 300}.json"])
def test_where_no_file_can_be_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot write"):
        opened(str(tmp_path / name))


def test_another_form_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"it\.pdf"):
        opened("it.pdf")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}", dump(FOUND).encode()[:-20]])
def test_what_is_no_comparison_is_refused_with_its_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    path.write_bytes(content)

    with pytest.raises(InputError, match=r"it\.json"):
        read(str(path))


def test_a_comparison_is_not_written_over_the_list_it_is_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.csv").write_text("url\nhttp://127.0.0.1:9/\n")

    refuse_inputs(["other.csv", "list.json"], ["list.csv", "http://127.0.0.1:9/", "-"])
    with pytest.raises(SinkError, match=r"'list\.csv' is the input: it would be written over"):
        refuse_inputs(["list.csv"], [str(tmp_path / "list.csv")])
