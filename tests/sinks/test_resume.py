"""Outputs that go on where a mark says they were whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sinks.outcomes import response
from sinks.test_contract import LINES, NAMES, read

from crawler import sinks
from crawler.errors import SinkError
from crawler.sinks._file import RecordFile
from crawler.sinks.record import Describer


@pytest.fixture
def describer() -> Describer:
    return Describer(engine="selectors")


def numbers(path: Path) -> list[int]:
    return [int(record["n"]) for record in read(path)]


@pytest.mark.parametrize("name", NAMES)
def test_what_came_after_the_mark_is_cut_off(
    tmp_path: Path, describer: Describer, name: str
) -> None:
    path = tmp_path / name
    sink = sinks.open(str(path), describer)
    sink.write(response(number=1))
    mark = sink.mark()
    sink.write(response(number=2))
    sink.close()

    again = sinks.open(str(path), describer, mode="resume", mark=mark)
    again.write(response(number=3))
    again.close()

    assert numbers(path) == [1, 3]


@pytest.mark.parametrize("name", NAMES)
def test_a_mark_before_the_first_record_begins_anew(
    tmp_path: Path, describer: Describer, name: str
) -> None:
    path = tmp_path / name
    sink = sinks.open(str(path), describer)
    mark = sink.mark()
    sink.write(response(number=1))
    sink.close()

    again = sinks.open(str(path), describer, mode="resume", mark=mark)
    again.write(response(number=2))
    again.close()

    assert numbers(path) == [2]


@pytest.mark.parametrize("name", NAMES)
def test_without_a_mark_a_file_is_begun_and_none_is_taken(
    tmp_path: Path, describer: Describer, name: str
) -> None:
    path = tmp_path / name
    sinks.open(str(path), describer, mode="resume").close()
    sink = sinks.open(str(path), describer, mode="resume")  # it holds a heading at most
    sink.write(response(number=1))
    sink.close()

    with pytest.raises(SinkError, match="exists: give --overwrite or --append"):
        sinks.open(str(path), describer, mode="resume")

    assert numbers(path) == [1]


@pytest.mark.parametrize("name", NAMES)
def test_a_mark_is_the_same_after_it_was_resumed_from(
    tmp_path: Path, describer: Describer, name: str
) -> None:
    path = tmp_path / name
    sink = sinks.open(str(path), describer)
    for number in range(1, 20):
        sink.write(response(number=number))
    mark = sink.mark()
    sink.close()

    again = sinks.open(str(path), describer, mode="resume", mark=mark)

    assert again.mark() == mark
    again.close()


SYNCED = {
    "out.jsonl": "out.jsonl",
    "out.csv": "out.csv",
    "out.sqlite": "out.sqlite-wal",
    "out.parquet": "out.parquet.parts/00001.jsonl",
}


@pytest.mark.parametrize("name", NAMES)
def test_sync_waits_for_the_file_that_has_the_records(
    tmp_path: Path, describer: Describer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "far").mkdir()
    path = tmp_path / name
    (tmp_path / "far" / name).touch()
    path.symlink_to(tmp_path / "far" / name)
    sink = sinks.open(str(path), describer)
    sink.write(response())
    synced: dict[str, int] = {}

    def fsync(fd: int) -> None:
        synced[str(Path(f"/proc/self/fd/{fd}").readlink())] = os.fstat(fd).st_size

    monkeypatch.setattr("os.fsync", fsync)
    sink.sync()

    assert list(synced) == [str(tmp_path / "far" / SYNCED[name])]
    assert synced.popitem()[1] > 300
    sink.close()


def gone(path: Path) -> None:
    path.unlink()


def short(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def replaced(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size + b"\n")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("happen", "said"),
    [
        (gone, "is gone, and [0-9]+ bytes of this crawl were in it"),
        (short, "has [0-9]+ bytes, and this crawl had written [0-9]+"),
        (replaced, "does not hold what this crawl had written up to byte [0-9]+"),
        (a_folder, "and is none any more"),
    ],
)
@pytest.mark.parametrize("name", LINES)
def test_a_file_that_is_not_what_the_mark_is_of_is_left_alone(
    tmp_path: Path, describer: Describer, name: str, happen, said: str
) -> None:
    path = tmp_path / name
    sink = sinks.open(str(path), describer)
    sink.write(response(number=1))
    mark = sink.mark()
    sink.close()
    happen(path)
    before = path.read_bytes() if path.is_file() else None

    with pytest.raises(SinkError, match=f"{said}.*put it back, or name another output"):
        sinks.open(str(path), describer, mode="resume", mark=mark)

    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize("mark", ["x", "-1:0", "1e3:00000000", ":", "٣:00000000"])
def test_a_damaged_mark_is_refused(tmp_path: Path, describer: Describer, mark: str) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"{}\n")

    with pytest.raises(SinkError, match="is no mark of a file"):
        sinks.open(str(path), describer, mode="resume", mark=mark)

    assert path.read_bytes() == b"{}\n"


def test_a_pipe_has_no_mark(tmp_path: Path, describer: Describer) -> None:
    fifo = tmp_path / "fifo.jsonl"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    sink = sinks.open(str(fifo), describer, mode="resume")
    sink.write(response())

    mark = sink.mark()
    sink.sync()

    assert mark == ""
    assert json.loads(os.read(reader, 65536))["n"] == 1
    sink.close()
    os.close(reader)


def test_other_columns_are_not_mixed_into_a_csv_file(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    sink = sinks.open(str(path), Describer(engine="e", fields=("n", "url")))
    sink.write(response())
    mark = sink.mark()
    sink.close()
    other = Describer(engine="e", fields=("n", "status"))

    for mode, given in (("append", ""), ("resume", mark)):
        with pytest.raises(SinkError, match="has other columns"):
            sinks.open(str(path), other, mode=mode, mark=given)


def test_after_a_fault_there_is_no_mark(describer: Describer) -> None:
    sink = sinks.open("/dev/full:jsonl", describer)
    sink.write(response())
    with pytest.raises(SinkError):
        sink.flush()

    for method in (sink.mark, sink.sync, sink.flush, lambda: sink.write(response())):
        with pytest.raises(SinkError, match="No space left"):
            method()

    sink.close()


def test_records_without_line_ends_are_cut_where_they_end(tmp_path: Path) -> None:
    path = tmp_path / "out"
    file = RecordFile(str(path), lines=False)
    file.add(b"abc")
    mark = file.mark()
    file.add(b"de")
    file.close()

    with RecordFile(str(path), mode="resume", mark=mark, lines=False) as again:
        again.add(b"f")

    assert path.read_bytes() == b"abcf"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("after", [0, 1, 7, 40])
def test_a_killed_process_leaves_all_records_up_to_its_last_mark(
    tmp_path: Path, name: str, after: int
) -> None:
    path = tmp_path / name
    script = Path(__file__).parents[1] / "scripts" / "write_and_die.py"
    # Its own death is the last thing it does, with records written after the mark.
    ended = subprocess.run(
        [sys.executable, str(script), str(path), "100", str(after)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    mark = ended.stdout.strip()

    sink = sinks.open(str(path), Describer(engine="e"), mode="resume", mark=mark)
    for number in range(101, 151):
        sink.write(response(number=number))
    sink.close()

    assert numbers(path) == list(range(1, 151))
