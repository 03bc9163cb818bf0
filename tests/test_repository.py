"""What must stay true of the repository itself: layers, pins, addresses, the way in."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

# Hosts of package registries and of their mirrors. In pieces, or this file would find itself.
REGISTRIES = re.compile(r"pypi\.|pythonhosted\.|files\.python|/simple[/ ]|index-" + "url")


def tracked() -> list[Path]:
    """The files of the project: what git knows, or without git what is in its folders."""
    if shutil.which("git") and (PROJECT / ".git").exists():
        listed = subprocess.run(
            ["git", "-C", str(PROJECT), "ls-files"], capture_output=True, text=True, check=True
        ).stdout
        return [path for name in listed.splitlines() if (path := PROJECT / name).is_file()]
    folders = ("crawler", "tests", "benchmarks", "docs", "config")
    return [path for name in folders for path in (PROJECT / name).rglob("*.*") if path.is_file()]


def lint_imports(config: Path, *, cwd: Path) -> subprocess.CompletedProcess[str]:
    if not LINT_IMPORTS.exists():
        pytest.skip("import-linter is not installed")
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--config", str(config)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PYTHONPATH": str(cwd), "PATH": "/usr/bin:/bin"},
        check=False,
    )


def name_of(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_no_file_names_a_package_registry() -> None:
    for path in tracked():
        if path == Path(__file__) or path.suffix in {".gz", ".png"}:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            assert not REGISTRIES.search(line), f"{path.relative_to(PROJECT)}:{number}: {line}"


def test_every_dependency_is_pinned_to_a_version_its_bound_allows() -> None:
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(wanted for extra in extras for wanted in extra)]
    pins = {
        name_of(line): line.partition("==")[2]
        for line in (PROJECT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    }

    for requirement in wanted:
        name = name_of(requirement)
        if name == project["name"]:
            continue
        assert pins.get(name), f"{name} has no line in constraints.txt"
        bound = re.search(r">=([\d.]+)", requirement)
        if bound:
            least, pinned = (
                [int(part) for part in text.split(".") if part.isdigit()]
                for text in (bound[1], pins[name])
            )
            assert pinned >= least, f"{name} is pinned to {pins[name]}, below {bound[1]}"


def test_constraints_are_names_and_versions_and_nothing_else() -> None:
    for line in (PROJECT / "constraints.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[\w.]+", line), line


@pytest.mark.timeout(30)
def test_imports_point_down() -> None:
    checked = lint_imports(PROJECT / "pyproject.toml", cwd=PROJECT)

    assert checked.returncode == 0, checked.stdout


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("errors.py", "import crawler.fetching", "imports point down"),
        ("wire/head.py", "import socket", "values and protocol are pure"),
        ("engines/threads.py", "import crawler.engines.sequential", "engines do not know"),
        ("unplaced.py", "", "imports point down"),
    ],
)
def test_a_forbidden_import_fails_the_check(
    module: str, line: str, broken: str, tmp_path: Path
) -> None:
    shutil.copytree(PROJECT / "crawler", tmp_path / "crawler")
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    with (tmp_path / "crawler" / module).open("a") as file:
        file.write(f"\n{line}\n")

    checked = lint_imports(tmp_path / "pyproject.toml", cwd=tmp_path)

    assert checked.returncode != 0
    assert broken in checked.stdout.replace("\n", " ")


def test_the_makefile_says_what_it_can_do() -> None:
    made = subprocess.run(
        ["make", "--no-print-directory", "help"],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=True,
    )

    (targets,) = re.findall(r"^\.PHONY: (.*)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    said = [line.split()[1] for line in made.stdout.splitlines()]
    assert sorted([*said, "help"]) == sorted(targets.split())
    assert said[:3] == ["demo", "test", "check"]


def test_the_gate_runs_the_tests_and_the_checks() -> None:
    gate = PROJECT / ".ci" / "run"

    subprocess.run(["bash", "-n", str(gate)], check=True)

    assert gate.stat().st_mode & 0o111
    assert gate.read_text().endswith("make test\nmake check\n")


def test_the_readme_names_the_two_commands() -> None:
    readme = (PROJECT / "README.md").read_text()

    assert "make demo" in readme
    assert "make test" in readme


def test_the_package_says_it_is_typed_and_under_which_licence() -> None:
    assert (PROJECT / "crawler" / "py.typed").exists()
    assert PYPROJECT["project"]["license"] == "MIT"
    assert (PROJECT / "LICENSE").read_text().startswith("MIT License")
