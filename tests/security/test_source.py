"""What the package never does: nothing that was received can become code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "crawler"
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = frozenset({"pickle", "cPickle", "dill", "cloudpickle", "shelve", "jsonpickle", "yaml",
                     "imp", "code", "codeop", "runpy", "xmlrpc", "ftplib"})  # fmt: skip
CALLS = frozenset({"eval", "exec", "compile", "__import__", "input", "execfile"})
METHODS = frozenset({"system", "popen", "import_module", "getoutput", "mktemp"})
# Where one of these is called, on what is ours.
RULED = {
    ("engines/__init__.py", "import_module"),  # modules of its own table
    ("serving/models.py", "import_module"),  # modules of its own table
    ("__init__.py", "import_module"),  # names of its own table
    ("wire/codings.py", "importlib.import_module"),  # two constants
    ("engines/_crossing.py", "marshal.loads"),  # from our own child
    ("parse_pool.py", "marshal.loads"),  # from our own child, see THREAT_MODEL.md
    ("parse_worker.py", "marshal.loads"),  # from our own parent
}
# Statements with a part that is not a constant of the same line: none of it is from outside.
WRITTEN = {
    "f'PRAGMA application_id = {MARK}'",
    "f\"PRAGMA synchronous = {('NORMAL' if mode == 'wal' else 'FULL')}\"",
    "f'ALTER TABLE pages ADD COLUMN {definition}'",  # quoted names of columns
    "f'CREATE TABLE pages(record INTEGER PRIMARY KEY, {listed})'",
}


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


def _suspects(tree: ast.AST) -> Iterator[str]:
    """Imports and calls that could turn data into code, or run another program's text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in MODULES:
                yield node.module or ""
        elif isinstance(node, ast.Call):
            name = _name(node.func)
            last = name.rpartition(".")[2]
            if name in CALLS or last in METHODS or name.startswith("marshal.load"):
                yield name
            if any(word.arg == "shell" for word in node.keywords):
                yield f"{name}(shell=...)"


@pytest.mark.parametrize("text", ["eval(x)", "import pickle", "os.system(x)", "marshal.loads(x)",
                                  "run(x, shell=True)", "from yaml import load"])  # fmt: skip
def test_the_scan_sees_what_it_looks_for(text: str) -> None:
    assert list(_suspects(ast.parse(text)))


def test_nothing_received_becomes_code() -> None:
    assert len(FILES) > 150
    found = {
        (str(path.relative_to(PACKAGE)), name)
        for path in FILES
        for name in _suspects(ast.parse(path.read_text()))
    }

    assert found == RULED


def _is_ours(node: ast.expr) -> bool:
    """A constant, or the loop variable over names of fields that this package has."""
    if isinstance(node, ast.Constant):
        return True
    return ast.unparse(node) in {"name", "kind", "attribute", "field.name", "each.name", "key"}


def test_getattr_takes_no_name_from_outside() -> None:
    wrong = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            is_lookup = isinstance(node, ast.Call) and _name(node.func) in {"getattr", "setattr"}
            if is_lookup and not _is_ours(node.args[1]):
                wrong.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")

    assert not wrong


def test_no_statement_of_sql_is_made_of_values() -> None:
    found = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and _name(node.func).rpartition(".")[2] in {"execute", "executemany"}
                and node.args
                and isinstance(node.args[0], ast.JoinedStr | ast.BinOp)
            ):
                found.add(ast.unparse(node.args[0]))

    assert found == WRITTEN
