"""Several outputs at once: opened, written, marked and stopped together."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sinks.outcomes import failure, response, skip

from crawler.config import resolve
from crawler.errors import ConfigError, SinkError
from crawler.outputs import Outputs, refuse_clashes


def opened(*targets: Path | str, marks=None, columns: Sequence[str] = (), **named) -> Outputs:
    given = {"output": list(map(str, targets)), "quiet": 2, **named}
    settings = resolve(given, {})
    refuse_clashes(settings, ())  # as the command does before it opens anything
    return Outputs(settings, "e", {}, columns=columns, marks=marks)


def numbers(path: Path) -> list[int]:
    if path.suffix == ".sqlite":
        with closing(sqlite3.connect(path)) as db:
            return [number for (number,) in db.execute("SELECT n FROM pages ORDER BY record")]
    return [json.loads(line)["n"] for line in path.read_text().splitlines()]


def test_every_output_gets_every_outcome(tmp_path: Path) -> None:
    paths = [tmp_path / "a.jsonl", tmp_path / "b.sqlite", tmp_path / "c.jsonl"]

    with opened(*paths) as outputs:
        for outcome in (response(), failure(), skip()):
            outputs.write(outcome)
        assert outputs.close() is None

    assert [numbers(path) for path in paths] == [[1, 2, 3]] * 3


def test_outputs_go_on_from_their_marks_and_new_ones_begin(tmp_path: Path) -> None:
    a, b, c = tmp_path / "a.jsonl", tmp_path / "b.sqlite", tmp_path / "c.jsonl"
    outputs = opened(a, b, marks={})
    outputs.write(response(number=1))
    outputs.sync()
    marks = outputs.marks()
    outputs.write(response(number=2))
    outputs.close()

    with opened(a, b, c, marks=marks, overwrite=True) as again:
        again.write(response(number=3))
        again.close()

    assert set(marks) == {str(a), str(b)}
    assert [numbers(path) for path in (a, b, c)] == [[1, 3], [1, 3], [3]]


def test_an_output_the_state_does_not_know_is_not_written_over(tmp_path: Path) -> None:
    a = tmp_path / "a.jsonl"
    a.write_text('{"n":7}\n')

    with pytest.raises(SinkError, match="exists: give --overwrite or --append"):
        opened(a, marks={})

    assert numbers(a) == [7]


def test_when_one_output_fails_there_are_no_marks_any_more(tmp_path: Path) -> None:
    a = tmp_path / "a.jsonl"
    outputs = opened(a, "/dev/full:jsonl", marks={})
    outputs.write(response(number=1))

    with pytest.raises(SinkError, match="cannot write /dev/full: No space left"):
        outputs.marks()
    with pytest.raises(SinkError, match="No space left"):
        outputs.sync()

    outputs.close()


def test_what_cannot_be_opened_leaves_no_other_open(tmp_path: Path, fds: None) -> None:
    with pytest.raises(SinkError, match="cannot write"):
        opened(tmp_path / "a.jsonl", tmp_path / "b.sqlite", tmp_path / "no" / "c.jsonl")


@pytest.mark.parametrize("other", ["a.jsonl", "./a.jsonl", "link.jsonl", "a.jsonl:csv"])
def test_one_file_is_not_two_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")

    with pytest.raises(SinkError, match="is named twice"):
        opened("a.jsonl", other)


def test_fields_from_pages_and_what_lines_carry_are_in_every_output(tmp_path: Path) -> None:
    a, b = tmp_path / "a.jsonl", tmp_path / "b.csv"
    page = b"<title>T</title><body><h1>Hello <b>you</b></h1><p>there</p>"

    with opened(a, b, columns=("id",), select=["head=h1"], text=True, fields="n,carried") as all_:
        all_.write(response(page, carried='{"id":"7"}'))
        all_.write(failure())
        all_.close()

    assert [json.loads(line) for line in a.read_text().splitlines()] == [
        {"n": 1, "id": "7", "head": "Hello you", "text": "Hello you\nthere"},
        {"n": 2, "id": None, "head": None, "text": None},
    ]
    assert b.read_text() == "n,id,head,text\n1,7,Hello you,Hello you\\nthere\n2,,,\n"


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"select": ["url=h1"]}, "there is a field 'url' already"),
        ({"select": ["h1"]}, "NAME=SELECTOR"),
        ({"select": ["a=h1["]}, "is no CSS selector"),
        ({"fields": "nothing"}, "no such field: 'nothing'"),
    ],
)
def test_a_field_that_cannot_be_is_said_before_anything_is_made(
    tmp_path: Path, named: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        opened(tmp_path / "a.jsonl", **named)

    assert list(tmp_path.iterdir()) == []


def test_a_mirror_knows_its_files_once_there_are_marks(tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    with opened(tmp_path / "a.jsonl", mirror=str(folder), marks={}) as outputs:
        outputs.write(response())
        index = folder / ".crawl-mirror.sqlite"
        before = known(index)
        marks = outputs.marks()

        assert before == []
        assert known(index) == ["a.test/index.html"]
        assert set(marks) == {str(tmp_path / "a.jsonl")}


def known(index: Path) -> list[str]:
    with closing(sqlite3.connect(index)) as db:
        return [file for (file,) in db.execute("SELECT file FROM pages")]
