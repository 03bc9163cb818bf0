"""What the command line says of itself: help, suggestions, completion."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from crawler.cli import app
from crawler.elsewhere import NAMES
from crawler.helping import EXAMPLES, hint
from crawler.settings import SETTINGS, Section


def said(*words: str) -> str:
    return CliRunner().invoke(app, [*words], prog_name="crawl", terminal_width=80).output


def test_the_options_of_run_stand_under_the_headings_of_their_sections_in_order() -> None:
    lines = said("run", "--help").splitlines()

    headings = [line[:-1] for line in lines if line.endswith(":") and line[0] != " "]

    assert headings == [
        "Arguments", "Options", *(section.value for section in Section), "Settings from files",
        "Examples",
    ]  # fmt: skip
    for setting in SETTINGS:
        name = f"--{setting.name.replace('_', '-')}"
        (place,) = [at for at, line in enumerate(lines) if f"{name} " in f"{line[:40]} "
                    and line.startswith("  -") and name in line.split()[:5]]  # fmt: skip
        above = [line for line in lines[:place] if line.endswith(":") and line[0] != " "]
        assert above[-1] == f"{setting.section.value}:", name


@pytest.mark.parametrize("command", sorted(EXAMPLES))
def test_the_help_of_a_command_ends_in_examples_and_names_no_type_of_python(command: str) -> None:
    text = said(*(() if command == "crawl" else (command,)), "--help")

    (_, examples) = text.split("\nExamples:\n")
    assert len(examples.splitlines()) == len(EXAMPLES[command].strip().splitlines())
    assert "crawl" in examples.splitlines()[0]
    assert "...." not in text
    for foreign in ("<str>", "<int>", "<float>", "<list[", "<path>", "{"):
        assert foreign not in text


def test_the_help_says_the_default_that_holds_for_that_command() -> None:
    assert "[default: gevent]" in said("run", "--help")
    assert "[default: selectors]" in said("explain", "--help")
    assert "[default: 1G]" in said("run", "--help")
    assert "[default: 10Mi]" in said("run", "--help")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--threads", "here that is --concurrency N (-c)"),
        ("-t", "here that is --concurrency N (-c)"),
        ("--timeout", "here that is --max-time TIME (-m)"),
        ("--recursive", "here that is --follow"),
        ("--concurency", "did you mean --concurrency?"),
        ("--ouput", "did you mean --output?"),
        ("--cookie-jar", "here that is --cookies"),
        ("--http2", "here HTTP/1.1 is spoken"),
    ],
)
def test_an_option_of_another_tool_or_a_slip_is_answered_by_ours(typed: str, meant: str) -> None:
    ended = CliRunner().invoke(app, ["run", "urls.txt", typed, "5"], prog_name="crawl")

    assert f"No such option: {typed}; {meant}" in ended.output
    assert ended.exit_code == 2


def test_an_option_that_a_command_lacks_is_not_offered_by_it() -> None:
    assert hint("--threads", ["--port", "--host"]) == ""
    assert hint("--blah", ["--port", "--host"]) == ""


def test_every_option_that_is_offered_instead_of_another_exists() -> None:
    ours = {f"--{setting.name.replace('_', '-')}" for setting in SETTINGS} | {"--dry-run"}
    flags = {f"--no-{name[2:]}" for name in ours}

    for name, advice in NAMES.items():
        assert name not in ours
        if advice.startswith("--"):
            assert advice.split()[0].rstrip(",;:") in ours | flags, advice


PROGRAM = "import sys; sys.argv[0] = 'crawl'; from crawler.cli import main; main()"


def completed(*words: str) -> list[str]:
    environ = {
        **os.environ,
        "_CRAWL_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("crawl", *words)),
        "COMP_CWORD": str(len(words)),
    }
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True, text=True, env=environ, timeout=9, check=False,
    )  # fmt: skip
    return ended.stdout.split()


def test_a_shell_completes_commands_options_of_run_and_the_words_an_option_takes() -> None:
    assert completed("st") == ["status"]
    assert completed("--conc") == ["--concurrency"]
    assert completed("urls.txt", "--engine", "sel") == ["select", "selectors"]
    assert completed("plan", "--scope", "d") == ["domain"]


def test_what_is_no_number_is_shown() -> None:
    ended = CliRunner().invoke(app, ["swarm", "--clients", "many"], prog_name="crawl")

    assert "Invalid value for '--clients': " in ended.output
    assert "not 'many'" in ended.output
