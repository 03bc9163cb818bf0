"""What every sink does, whatever its format."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest
from sinks.outcomes import failure, response

from crawler import sinks
from crawler.errors import SinkError
from crawler.sinks.record import FIELDS, Describer

parquet = pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is not installed")
LINES = ("out.jsonl", "out.csv")
NAMES = (*LINES, "out.sqlite", pytest.param("out.parquet", marks=parquet))


def read(path: Path) -> list[dict[str, str]]:
    """The records of an output of any format, all values as text."""
    if path.suffix == ".parquet":
        return read_parquet(path)
    if path.suffix == ".sqlite":
        with closing(sqlite3.connect(path)) as db:
            rows = db.execute("SELECT * FROM pages ORDER BY record")
            names = [column[0] for column in rows.description]
            return [dict(zip(names[1:], map(str, row[1:]), strict=True)) for row in rows]
    lines = path.read_bytes().decode().split("\n")[:-1]
    if path.suffix == ".csv":
        return list(csv.DictReader(lines))
    return [{key: str(value) for key, value in json.loads(line).items()} for line in lines]


def read_parquet(path: Path) -> list[dict[str, str]]:
    import pyarrow.parquet

    files = [path] if path.exists() else sorted(Path(f"{path}.parts").glob("*.parquet"))
    found = [
        {key: str(value) for key, value in row.items()}
        for file in files
        for row in pyarrow.parquet.read_table(file).to_pylist()
    ]
    for spool in Path(f"{path}.parts").glob("*.jsonl"):
        heading, *lines = map(json.loads, spool.read_text().splitlines())
        found += [dict(zip(heading[1:], map(str, line), strict=True)) for line in lines]
    return found


@pytest.fixture
def describer() -> Describer:
    return Describer(engine="selectors")


@pytest.mark.parametrize("name", NAMES)
def test_every_outcome_is_one_record(tmp_path: Path, describer: Describer, name: str) -> None:
    path = tmp_path / name
    sink = sinks.open(str(path), describer)

    sink.write(response(number=1))
    sink.write(failure(number=2))
    sink.close()

    records = read(path)
    assert [record["n"] for record in records] == ["1", "2"]
    assert tuple(records[0]) == (FIELDS if name == "out.jsonl" else (*FIELDS, "carried"))
    assert records[1]["error"] == "connect.refused"


@pytest.mark.parametrize("name", NAMES)
def test_flush_puts_whole_records_into_the_file(
    tmp_path: Path, describer: Describer, name: str
) -> None:
    path = tmp_path / name
    sink = sinks.open(str(path), describer)
    sink.write(response())

    sink.flush()

    assert len(read(path)) == 1
    sink.close()
    sink.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_with_content_is_not_touched_unless_asked(
    tmp_path: Path, describer: Describer, name: str
) -> None:
    path = tmp_path / name
    path.write_text("mine\n")

    with pytest.raises(SinkError, match="exists: give --overwrite or --append"):
        sinks.open(str(path), describer)

    assert path.read_text() == "mine\n"


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_file_is_free(tmp_path: Path, describer: Describer, name: str) -> None:
    path = tmp_path / name
    path.touch()

    sinks.open(str(path), describer).close()


@pytest.mark.parametrize("name", NAMES)
def test_overwrite_replaces_and_append_adds(
    tmp_path: Path, describer: Describer, name: str
) -> None:
    path = tmp_path / name
    for number, mode in ((1, "new"), (2, "overwrite"), (3, "append")):
        sink = sinks.open(str(path), describer, mode=mode)
        sink.write(response(number=number))
        sink.close()

    assert [record["n"] for record in read(path)] == ["2", "3"]


def test_append_ends_a_line_that_was_left_torn(tmp_path: Path, describer: Describer) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text('{"n": 1}\n{"n": 2, "u')

    sink = sinks.open(str(path), describer, mode="append")
    sink.write(response(number=3))
    sink.close()

    assert json.loads(path.read_text().splitlines()[2])["n"] == 3


@pytest.mark.parametrize("name", ["no/such/dir/out.jsonl", "x\0y.jsonl", "."])
def test_a_place_that_cannot_be_written_is_refused(
    tmp_path: Path, describer: Describer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SinkError, match=r"cannot write|no format"):
        sinks.open(name, describer)


@pytest.mark.parametrize(
    ("target", "chosen"),
    [
        ("a.jsonl", ("a.jsonl", "jsonl")),
        ("a.NDJSON", ("a.NDJSON", "jsonl")),
        ("a.csv", ("a.csv", "csv")),
        ("a.txt:csv", ("a.txt", "csv")),
        ("-", ("-", "jsonl")),
        ("-:csv", ("-", "csv")),
        ("/dev/null:jsonl", ("/dev/null", "jsonl")),
        ("odd:name.csv", ("odd:name.csv", "csv")),
        ("a.db", ("a.db", "sqlite")),
        ("a.sqlite3", ("a.sqlite3", "sqlite")),
        ("a.parquet", ("a.parquet", "parquet")),
        ("a.csv:parquet", ("a.csv", "parquet")),
    ],
)
def test_the_format_is_the_suffix_or_named(target: str, chosen: tuple[str, str]) -> None:
    assert sinks.choose(target) == chosen


def test_an_unknown_format_says_which_there_are() -> None:
    with pytest.raises(SinkError, match=r"no format for 'out.txt': end it in .jsonl"):
        sinks.choose("out.txt")


@pytest.fixture
def small_files() -> Iterator[int]:
    """Files of this process may have 10 000 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield 10_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", LINES)
def test_a_file_that_cannot_grow_ends_in_a_whole_record(
    tmp_path: Path, describer: Describer, small_files: int, name: str
) -> None:
    path = tmp_path / name
    sink = sinks.open(str(path), describer)
    for number in range(1, 41):
        sink.write(response(number=number))

    with pytest.raises(SinkError, match="File too large"):
        sink.flush()
    sink.close()

    records = read(path)
    assert path.read_bytes().endswith(b"\n")
    assert 5_000 < path.stat().st_size <= small_files
    assert [record["n"] for record in records] == [str(n + 1) for n in range(len(records))]


def test_a_full_device_is_a_sink_error(describer: Describer) -> None:
    sink = sinks.open("/dev/full:jsonl", describer)
    sink.write(response())

    with pytest.raises(SinkError, match="cannot write /dev/full: No space left on device"):
        sink.flush()
    sink.close()


def test_a_pipe_without_reader_says_so(tmp_path: Path, describer: Describer) -> None:
    fifo = tmp_path / "fifo.jsonl"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    sink = sinks.open(str(fifo), describer)
    sink.write(response())
    os.close(reader)

    with pytest.raises(sinks.OutputClosed):
        sink.flush()
    sink.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_was_removed_meanwhile_says_so(
    tmp_path: Path, describer: Describer, name: str
) -> None:
    path = tmp_path / name
    sink = sinks.open(str(path), describer)
    sink.write(response())
    sink.flush()
    if path.exists():
        path.unlink()
    else:
        shutil.rmtree(f"{path}.parts")
    sink.write(response())

    with pytest.raises(SinkError, match="was removed while it was written"):
        sink.flush()
    sink.close()
