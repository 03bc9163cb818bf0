"""The documents say what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crawler.serving.fixture import Site
from crawler.settings import SETTINGS, Kind
from crawler.sinks.record import FIELDS, ON_REQUEST

PROJECT = Path(__file__).parent.parent
USAGE = (PROJECT / "docs" / "usage.md").read_text()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_in_the_usage_with_all_its_spellings(setting) -> None:
    name = f"--{setting.name.replace('_', '-')}"
    spellings = [name, *setting.flags]
    if setting.kind is Kind.FLAG:
        spellings.append(f"--no-{name[2:]}")

    rows = [line for line in USAGE.splitlines() if line.startswith("| `")]

    (row,) = [row for row in rows if re.search(rf"`{name}[` ]", row.split(" | ")[0])]
    for spelling in spellings:
        assert re.search(rf"`{spelling}[` ]", row), spelling


def test_every_command_and_option_of_the_program_is_in_the_usage(crawl) -> None:
    commands = re.findall(r"^  ([a-z]+)  ", crawl("--help").stdout, re.MULTILINE)
    assert "compare" in commands

    for command in commands:
        assert f"crawl {command}" in USAGE, command
        for option in re.findall(
            r"(?<![\w-])--?[a-z0-9][a-z0-9-]*", crawl(command, "--help").stdout
        ):
            assert option in USAGE, f"{command} {option}"


def test_every_field_of_a_record_is_in_the_usage() -> None:
    for field in (*FIELDS, *ON_REQUEST):
        assert f"`{field}`" in USAGE


def test_the_readmes_python_runs(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert blocks

    for block in blocks:
        program = re.sub(r"https?://(127\.0\.0\.1:\d+|example\.org)", site.url, block)
        exec(compile(program, "README.md", "exec"), {"__name__": "readme"})

    assert "200" in capsys.readouterr().out


def test_what_the_documents_name_exists() -> None:
    for document in ("README.md", "docs/usage.md"):
        text = (PROJECT / document).read_text()
        for path in re.findall(r"(?<![\w/.-])(?:docs|config|benchmarks|crawler)/[\w./-]*\w", text):
            assert (PROJECT / path).exists(), f"{document}: {path}"
