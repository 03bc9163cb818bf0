"""A death before any step that touches a file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from sinks.test_contract import parquet

warc = pytest.mark.skipif(find_spec("warcio") is None, reason="warcio is not installed")


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("jsonl", 0),
        ("csv", 0),
        ("sqlite", 0),
        pytest.param("warc.gz", 0, marks=warc),
        pytest.param("parquet", 10, marks=parquet),
        pytest.param("parquet", 100, marks=parquet),
    ],
)
def test_no_death_loses_a_record_or_writes_it_twice(
    child, tmp_path: Path, name: str, rows: int
) -> None:
    ended = child("die_at_every_step.py", name, str(tmp_path), str(rows), timeout=80.0)

    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 10
