"""The threat model names tests, and each of them is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
MODEL = (PROJECT / "THREAT_MODEL.md").read_text()
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_ROW = re.compile(r"^\| ([STRIDE]) \|", re.MULTILINE)


def _tests_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_threat_names_a_test_that_is_there() -> None:
    named = _NAMED.findall(MODEL)
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (PROJECT / file).is_file() or name not in _tests_of(PROJECT / file)
    ]

    assert not missing
    assert len(named) == len(_ROW.findall(MODEL)) > 40


def test_every_letter_is_thought_of_and_every_test_of_this_folder_is_named() -> None:
    assert set(_ROW.findall(MODEL)) == set("STRIDE")
    files = {file for file, _ in _NAMED.findall(MODEL)}
    here = {str(path.relative_to(PROJECT)) for path in Path(__file__).parent.glob("test_*.py")}
    assert here - files == {"tests/security/test_documents.py"}


def test_nobody_is_asked_to_write_to_an_address_that_nobody_reads() -> None:
    text = (PROJECT / "SECURITY.md").read_text()

    assert not re.search(r"[\w.]+@[\w-]+\.\w+", text)
    assert "private advisory form" in text
