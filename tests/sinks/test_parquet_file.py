"""Records as a Parquet file, by way of its parts."""

from __future__ import annotations

import json
import resource
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sinks.outcomes import WHEN, failure, response, skip

from crawler import sinks
from crawler.errors import ConfigError, SinkError
from crawler.sinks.record import Describer

pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.parquet"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """Ten rows make a part."""
    from crawler.sinks import parquet_file

    monkeypatch.setattr(parquet_file, "_ROWS", 10)
    return 10


def opened(path: Path, **named: object):
    return sinks.open(str(path), Describer(engine="e", fields=("n", "url")), **named)


def written(path: Path, first: int, last: int, **named: object) -> str:
    """Write records and die; the mark of the last."""
    sink = opened(path, **named)
    for number in range(first, last + 1):
        sink.write(response(number=number))
    return sink.mark()


def numbers(path: Path) -> list[int]:
    return pq.read_table(path).column("n").to_pylist()


def parts(path: Path) -> list[str]:
    return sorted(part.name for part in Path(f"{path}.parts").iterdir())


def test_columns_have_types(path: Path) -> None:
    sink = sinks.open(str(path), Describer(engine="e", columns=("id",)))
    sink.write(response(carried='{"id": "\\ud800", "no": 1}', via=("http://a.test/old",)))
    sink.write(failure())
    sink.write(skip())
    sink.close()

    table = pq.read_table(path)

    first, failed, skipped = table.to_pylist()
    assert str(table.schema.field("started").type) == "timestamp[us, tz=UTC]"
    assert (first["n"], first["ok"], first["time_dns"], first["id"]) == (1, True, 0.001, "?")
    assert (first["started"], first["started"].tzinfo) == (WHEN, first["started"].tzinfo)
    assert json.loads(first["via"]) == [{"url": "http://a.test/old"}]
    assert (failed["error"], failed["status"], failed["via"]) == ("connect.refused", None, None)
    assert (skipped["error"], skipped["started"]) == ("robots.disallowed", None)
    assert isinstance(failed["started"], datetime)
    assert failed["started"].astimezone(UTC) == WHEN


def test_rows_are_in_parts_until_the_end(path: Path, few: int) -> None:
    sink = opened(path)
    for number in range(1, 26):
        sink.write(response(number=number))
    sink.flush()

    assert parts(path) == ["00001.parquet", "00002.parquet", "00003.jsonl"]
    assert not path.exists()
    sink.close()
    sink.close()

    assert numbers(path) == list(range(1, 26))
    assert [file.name for file in path.parent.iterdir()] == ["out.parquet"]
    assert pq.read_metadata(path).num_row_groups == 3


@pytest.mark.parametrize("at", [0, 1, 9, 10, 11, 20, 25])
@pytest.mark.parametrize("more", [0, 1, 10, 31])
def test_it_goes_on_from_any_mark(path: Path, few: int, at: int, more: int) -> None:
    sink = opened(path)
    for number in range(1, at + 1):
        sink.write(response(number=number))
    mark = sink.mark()
    for number in range(at + 1, at + more + 1):
        sink.write(response(number=-number))
    sink.flush()

    again = opened(path, mode="resume", mark=mark)
    assert again.mark() == mark
    for number in range(at + 1, 41):
        again.write(response(number=number))
    again.close()

    assert numbers(path) == list(range(1, 41))


@pytest.mark.parametrize("at", [0, 5, 10, 12, 25, 30])
def test_it_goes_on_after_it_was_put_together(path: Path, few: int, at: int) -> None:
    sink = opened(path)
    marks = {}
    for number in range(1, 31):
        marks[number - 1] = sink.mark()
        sink.write(response(number=number))
    marks[30] = sink.mark()
    sink.close()

    again = opened(path, mode="resume", mark=marks[at])
    assert numbers(path) == list(range(1, 31)), "readers have the old one until the end"
    for number in range(at + 1, 36):
        again.write(response(number=number))
    again.close()

    assert numbers(path) == list(range(1, 36))
    assert not Path(f"{path}.parts").exists()


def half_removed(path: Path) -> None:
    """A kill while the parts were taken away."""
    Path(f"{path}.parts").rename(f"{path}.parts.done")
    (Path(f"{path}.parts.done") / "00001.parquet").unlink(missing_ok=True)


def put_together_only(path: Path) -> None:
    """A kill after the whole had its name, before the parts were taken away."""


@pytest.mark.parametrize("killed", [half_removed, put_together_only])
def test_a_kill_while_it_is_put_together_loses_nothing(
    path: Path, few: int, killed: Callable[[Path], None], tmp_path: Path
) -> None:
    sink = opened(path)
    for number in range(1, 26):
        sink.write(response(number=number))
    mark = sink.mark()
    shutil.copytree(f"{path}.parts", tmp_path / "copy")
    sink.close()
    (tmp_path / "copy").rename(f"{path}.parts")
    killed(path)

    again = opened(path, mode="resume", mark=mark)
    again.write(response(number=26))
    again.close()

    assert numbers(path) == list(range(1, 27))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.parquet"]


def test_a_kill_while_a_part_is_made_loses_nothing(path: Path, few: int) -> None:
    mark = written(path, 1, 9)
    spool = Path(f"{path}.parts") / "00001.jsonl"
    before = spool.read_bytes()
    (Path(f"{path}.parts") / "00001.parquet.tmp").write_bytes(b"PAR1 and no end")

    again = opened(path, mode="resume", mark=mark)
    again.write(response(number=10))
    spool.write_bytes(before)  # killed before the rows' file was taken away
    mark = again.mark()
    last = opened(path, mode="resume", mark=mark)
    last.close()

    assert numbers(path) == list(range(1, 11))


def test_what_a_killed_run_left_is_kept_by_append_and_not_touched_otherwise(
    path: Path, few: int
) -> None:
    written(path, 1, 25)
    with (Path(f"{path}.parts") / "00003.jsonl").open("ab") as spool:
        spool.write(b'[26, "http://torn')

    for mode in ("new", "resume"):
        with pytest.raises(SinkError, match="holds records of a crawl that was killed: --append"):
            opened(path, mode=mode)
    sink = opened(path, mode="append")
    sink.write(response(number=26))
    sink.close()
    assert numbers(path) == list(range(1, 27))

    more = opened(path, mode="append")
    more.write(response(number=27))
    more.close()
    assert numbers(path) == list(range(1, 28))

    anew = opened(path, mode="overwrite")
    assert numbers(path) == list(range(1, 28))
    anew.close()
    assert numbers(path) == []


def gone(path: Path) -> None:
    shutil.rmtree(f"{path}.parts")


def short(path: Path) -> None:
    (Path(f"{path}.parts") / "00003.jsonl").unlink()


def replaced(path: Path) -> None:
    other = path.with_name("other.parquet")
    sink = opened(other)
    for number in range(1, 11):
        sink.write(response(number=number))
    sink.close()
    other.rename(Path(f"{path}.parts") / "00002.parquet")


def damaged(path: Path) -> None:
    (Path(f"{path}.parts") / "00001.parquet").write_bytes(b"PAR1" + b"\0" * 100 + b"PAR1")


@pytest.mark.parametrize(
    ("happen", "said"),
    [
        (gone, "is gone, and 25 records of this crawl were in it"),
        (short, "has 20 records, and this crawl had written 25"),
        (replaced, "is not what this crawl had written"),
        (damaged, "is damaged"),
    ],
)
def test_parts_that_are_not_what_the_mark_is_of_are_left_alone(
    path: Path, few: int, happen: Callable[[Path], None], said: str
) -> None:
    mark = written(path, 1, 25)
    happen(path)
    before = sorted(path.parent.rglob("*"))

    with pytest.raises(SinkError, match=said):
        opened(path, mode="resume", mark=mark)

    assert sorted(path.parent.rglob("*")) == before


@pytest.mark.parametrize("mark", ["x:y", "5", "5:", "-1:aa"])
def test_a_damaged_mark_is_refused(path: Path, mark: str) -> None:
    with pytest.raises(SinkError, match="is no mark of it"):
        opened(path, mode="resume", mark=mark)


def test_other_columns_are_not_mixed(path: Path, few: int) -> None:
    for count in (5, 15):
        shutil.rmtree(f"{path}.parts", ignore_errors=True)
        mark = written(path, 1, count)
        other = Describer(engine="e", fields=("n", "status"))

        for mode, given in (("append", ""), ("resume", mark)):
            with pytest.raises(SinkError, match="has other columns"):
                sinks.open(str(path), other, mode=mode, mark=given)


def test_a_parquet_file_of_somebody_else_is_not_added_to(path: Path) -> None:
    import pyarrow as pa

    pq.write_table(pa.table({"n": [1], "url": ["x"]}), path)
    before = path.read_bytes()

    with pytest.raises(SinkError, match="is not what this crawl had written"):
        opened(path, mode="append")
    with pytest.raises(SinkError, match="exists: give --overwrite or --append"):
        opened(path)

    assert path.read_bytes() == before


def test_a_disk_that_is_full_at_the_end_leaves_the_parts(path: Path, few: int) -> None:
    sink = opened(path)
    for number in range(1, 26):
        sink.write(response(number=number))
    mark = sink.mark()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500, hard))
    try:
        with pytest.raises(SinkError, match=r"File too large.*what was written is in .*\.parts"):
            sink.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not path.exists()

    opened(path, mode="resume", mark=mark).close()

    assert numbers(path) == list(range(1, 26))


def test_without_pyarrow_it_says_how_to_get_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(ConfigError, match=r"pip install 'concurrent-crawler\[parquet\]'"):
        opened(path)


def test_every_descriptor_is_given_back(path: Path, few: int, fds: None) -> None:
    sink = opened(path)
    for number in range(1, 26):
        sink.write(response(number=number))
    mark = sink.mark()
    sink.sync()
    sink.close()
    opened(path, mode="resume", mark=mark).close()
    with pytest.raises(SinkError):
        opened(path)


def test_where_files_cannot_have_two_names_the_first_part_is_a_copy(
    path: Path, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = written(path, 1, 15)
    opened(path, mode="resume", mark=mark).close()

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    again = opened(path, mode="resume", mark=mark)
    again.write(response(number=16))
    again.close()

    assert numbers(path) == list(range(1, 17))


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    path.symlink_to(tmp_path / "far" / "real.parquet")

    sink = opened(path)
    sink.write(response())
    sink.close()

    assert path.is_symlink()
    assert numbers(tmp_path / "far" / "real.parquet") == [1]
