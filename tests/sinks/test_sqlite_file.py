"""Records as rows of an SQLite table."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sinks.outcomes import failure, response, skip

from crawler import sinks
from crawler.errors import SinkError
from crawler.sinks.record import Describer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.sqlite"


def rows(path: Path, query: str = "SELECT n FROM pages ORDER BY record") -> list[tuple]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def test_columns_have_types_and_lists_are_json(path: Path) -> None:
    sink = sinks.open(str(path), Describer(engine="e"))
    sink.write(response(via=("http://a.test/old",)))
    sink.write(failure())
    sink.write(skip())
    sink.close()

    found = rows(path, "SELECT typeof(n), status, ok, via, typeof(time_total), warnings FROM pages")

    assert found == [
        ("integer", 200, 1, '[{"url": "http://a.test/old"}]', "real", None),
        ("integer", None, 0, None, "real", None),
        ("integer", None, 0, None, "real", None),
    ]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_others_read_while_it_is_written(path: Path) -> None:
    sink = sinks.open(str(path), Describer(engine="e"))
    sink.write(response(number=1))
    sink.flush()
    with closing(sqlite3.connect(path)) as reader:
        cursor = reader.execute("SELECT n FROM pages")
        assert cursor.fetchone() == (1,)

        sink.write(response(number=2))
        sink.sync()

    assert rows(path) == [(1,), (2,)]
    sink.close()


def test_when_it_is_closed_it_is_one_file(path: Path) -> None:
    sink = sinks.open(str(path), Describer(engine="e"))
    sink.write(response())

    sink.close()
    sink.close()

    assert [file.name for file in path.parent.iterdir()] == ["out.sqlite"]


def test_a_hostile_name_is_a_column_and_nothing_else(path: Path) -> None:
    names = ('x"); DROP TABLE pages; --', "Name", "name", "record", "", "a\0b", "rowid")
    carried = '{"name": "\\ud800", "rowid": [1], "Name": 9999999999999999999999}'

    sink = sinks.open(str(path), Describer(engine="e", fields=("n", "carried"), columns=names))
    sink.write(response(carried=carried, number=5))
    sink.close()

    with closing(sqlite3.connect(path)) as db:
        cursor = db.execute("SELECT * FROM pages")
        columns = [column[0] for column in cursor.description]
        assert columns == ["record", "n", names[0], "Name", "name_2", "record_2", "", "ab", "rowid"]
        assert cursor.fetchall() == [
            (1, 5, None, "9999999999999999999999", "?", None, None, None, "[1]")
        ]


def test_append_adds_the_columns_that_lack_and_a_table_to_a_database_of_others(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE mine(x)")
    for fields in (("n",), ("n", "url")):
        sink = sinks.open(str(path), Describer(engine="e", fields=fields), mode="append")
        sink.write(response())
        sink.close()

    assert rows(path, "SELECT * FROM pages") == [(1, 1, None), (2, 1, "http://a.test/")]
    assert rows(path, "SELECT count(*) FROM mine") == [(0,)]


def test_a_table_of_somebody_else_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE pages(x)")

    with pytest.raises(SinkError, match="has a table 'pages' of somebody else"):
        sinks.open(str(path), Describer(engine="e"), mode="append")

    assert rows(path, "SELECT name FROM pragma_table_info('pages')") == [("x",)]


@pytest.mark.parametrize("mode", ["append", "resume"])
def test_a_file_that_is_no_database_is_left_alone(path: Path, mode: str) -> None:
    path.write_bytes(b"a letter to my aunt\n" * 100)

    with pytest.raises(SinkError, match=r"cannot write .*: file is not a database"):
        sinks.open(str(path), Describer(engine="e"), mode=mode)

    assert path.read_bytes() == b"a letter to my aunt\n" * 100


def test_a_damaged_database_is_refused(path: Path) -> None:
    sink = sinks.open(str(path), Describer(engine="e"))
    for number in range(1, 500):
        sink.write(response(number=number))
    mark = sink.mark()
    sink.close()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 8192)

    with pytest.raises(SinkError, match=r"is damaged|malformed"):
        sinks.open(str(path), Describer(engine="e"), mode="resume", mark=mark)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM pages WHERE record > 1", "has 1 records, and this crawl had written 3"),
        ("UPDATE pages SET url = 'x'", "does not hold what this crawl had written as record 3"),
    ],
)
def test_rows_that_are_not_what_the_mark_is_of_are_left_alone(
    path: Path, change: str, said: str
) -> None:
    sink = sinks.open(str(path), Describer(engine="e"))
    for number in (1, 2, 3):
        sink.write(response(number=number))
    mark = sink.mark()
    sink.write(response(number=4))
    sink.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(change)
    before = rows(path)

    with pytest.raises(SinkError, match=f"{said}.*put it back, or name another output"):
        sinks.open(str(path), Describer(engine="e"), mode="resume", mark=mark)

    assert rows(path) == before


def test_a_database_that_is_gone_says_so(path: Path) -> None:
    with pytest.raises(SinkError, match="is gone, and 7 records of this crawl were in it"):
        sinks.open(str(path), Describer(engine="e"), mode="resume", mark="7:00000000")

    assert not path.exists()


def test_a_lock_of_another_writer_is_an_error_in_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crawler.sinks import sqlite_file

    monkeypatch.setattr(sqlite_file, "_WAIT", 0.01)
    sink = sinks.open(str(path), Describer(engine="e"))
    sink.write(response(number=1))
    sink.flush()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        sink.write(response(number=2))

        with pytest.raises(SinkError, match=r"cannot write .*: database is locked"):
            sink.mark()
        with pytest.raises(SinkError, match="database is locked"):
            sink.write(response(number=3))

    sink.close()
    assert rows(path) == [(1,)]


@pytest.fixture
def small_files() -> Iterator[None]:
    """Files of this process may have 200 000 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_database_that_cannot_grow_keeps_whole_rows(path: Path, small_files: None) -> None:
    sink = sinks.open(str(path), Describer(engine="e"))
    marks = []

    def fill() -> None:
        for number in range(1, 2_000):
            sink.write(response(number=number))
            if number % 50 == 0:
                marks.append(sink.mark())

    with pytest.raises(SinkError, match="cannot write"):
        fill()
    sink.close()

    last = int(marks[-1].partition(":")[0])
    assert last >= 50
    assert rows(path, "SELECT count(*), max(n) FROM pages") == [(last, last)]
    again = sinks.open(str(path), Describer(engine="e"), mode="resume", mark=marks[-1])
    assert again.mark() == marks[-1]
    again.close()


def test_a_database_that_was_replaced_meanwhile_says_so(path: Path) -> None:
    sink = sinks.open(str(path), Describer(engine="e"))
    path.rename(path.with_name("moved"))
    path.write_bytes(b"other")
    sink.write(response())

    with pytest.raises(SinkError, match="was removed while it was written"):
        sink.flush()
    sink.close()


def test_stdout_is_no_place_for_a_database() -> None:
    with pytest.raises(SinkError, match="cannot write sqlite to stdout"):
        sinks.open("-:sqlite", Describer(engine="e"))


def test_every_descriptor_is_given_back(path: Path, fds: None) -> None:
    with pytest.raises(SinkError):
        sinks.open(str(path), Describer(engine="e"), mode="resume", mark="7:00000000")
    sink = sinks.open(str(path), Describer(engine="e"))
    sink.write(response())
    sink.sync()
    sink.close()
