"""Whatever text a server or an input comes up with: every format takes it, and gives it back."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sinks.outcomes import response, skip
from sinks.test_contract import NAMES, read

from crawler import sinks
from crawler.sinks.record import Describer

TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60)
@given(reason=TEXT, carried=st.dictionaries(TEXT, JSON, max_size=4), column=TEXT)
def test_every_format_takes_any_text(
    name: str, reason: str, carried: dict[str, object], column: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        describer = Describer(engine="e", columns=(column,))
        sink = sinks.open(str(path), describer)

        sink.write(skip(reason=reason))
        sink.write(response(number=4, carried=json.dumps(carried)))
        mark = sink.mark()
        sink.close()
        again = sinks.open(str(path), describer, mode="resume", mark=mark)
        again.write(skip(number=5))
        again.close()

        first, *rest = read(path)
    assert [first["n"], *(record["n"] for record in rest)] == ["3", "4", "5"]
    if name == "out.jsonl":
        assert first["error_text"] == str(reason or None)


@given(carried=st.dictionaries(TEXT, st.booleans() | TEXT | st.integers(), max_size=4))
def test_what_a_line_carries_comes_back_from_json_as_it_was(carried: dict[str, object]) -> None:
    describer = Describer(engine="e")

    record = describer.record(response(carried=json.dumps(carried)))

    told = list(record.items())[len(describer.fields) - 1 :]
    assert [value for _, value in told] == list(carried.values())
    assert len({name for name, _ in told}) == len(carried)
