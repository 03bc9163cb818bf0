"""CSV that a spreadsheet may open."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from sinks.outcomes import response

from crawler import sinks
from crawler.sinks.record import Describer


def cell(tmp_path: Path, content_type: str) -> str:
    path = tmp_path / "out.csv"
    sink = sinks.open(str(path), Describer(engine="e", fields=("n", "content_type")))
    sink.write(response(content_type=content_type))
    sink.close()
    (_, (_, found)) = csv.reader(io.StringIO(path.read_text()))
    return found


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u200b=1+1", "\ufeff@x", "\xad-2",
     "\x00=1", "\u2066=1", "\uff1d1+1", "\x1b=2"],
)  # fmt: skip
def test_text_that_a_spreadsheet_would_run_is_disarmed(tmp_path: Path, text: str) -> None:
    assert cell(tmp_path, text).startswith("'")


@pytest.mark.parametrize("text", ["text/html", "a=b", "1-2", "", "a,b", 'say "x"', "ünï"])
def test_other_text_stays_as_it_is(tmp_path: Path, text: str) -> None:
    assert cell(tmp_path, text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\0b\x9bc\x7f", "a\\x00b\\x9bc\\x7f"),
        ("one\x1ctwo\x85three\u2028four", "one\\x1ctwo\\x85three\\u2028four"),
        ("a\tb", "a\tb"),
        ("\u202b\u05d0\u200f", "\u202b\u05d0\u200f"),
    ],
)
def test_no_byte_of_it_steers_a_terminal(tmp_path: Path, text: str, shown: str) -> None:
    assert cell(tmp_path, text) == shown


def test_a_record_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    assert cell(tmp_path, "a\r\nb") == "a\\r\\nb"
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 2


def test_a_heading_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"

    sinks.open(str(path), Describer(engine="e", fields=("a\nb",), columns=("a\nb",))).close()

    assert path.read_text() == "a\\nb\n"


def test_the_name_of_a_column_is_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"

    sinks.open(str(path), Describer(engine="e", fields=("n", "=1+1"), columns=("=1+1",))).close()

    assert path.read_text() == "n,'=1+1\n"
