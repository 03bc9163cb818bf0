"""Every engine has its section, and the command prints it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from crawler import engines
from crawler.errors import EngineUnavailable
from crawler.explained import section

PAGE = Path(__file__).parent.parent / "docs" / "engines.md"


@pytest.mark.parametrize("name", engines.TABLE)
def test_every_engine_has_a_section_with_both_phases_of_a_read(name: str) -> None:
    said = section(name)

    assert said.startswith(f"{name}: ")
    for part in ("Waiting for the data:", "Copying it:", "The cost:", "Right when:", "Sources:"):
        assert part in said, part
    assert "**" not in said
    assert "\n## " not in said


def test_the_sections_stand_in_the_order_of_the_table() -> None:
    headings = [line[3:] for line in PAGE.read_text().splitlines() if line.startswith("## ")]

    names = [heading.partition(":")[0] for heading in headings if ":" in heading]

    assert names == list(engines.TABLE)


def test_every_file_that_a_section_names_exists() -> None:
    package = PAGE.parent.parent / "crawler"

    named = set(re.findall(r"`([\w/]+\.py)`", PAGE.read_text()))

    assert named
    assert [name for name in named if not (package / name).is_file()] == []


def test_a_transport_in_the_name_is_of_no_matter() -> None:
    assert section("gevent+socket") == section("gevent")


def test_a_name_that_does_not_exist_is_refused_with_a_hint() -> None:
    with pytest.raises(EngineUnavailable, match="did you mean 'epoll'"):
        section("epol")


def test_the_command_prints_the_section_alone(crawl: Callable[..., CompletedProcess[str]]) -> None:
    done = crawl("engines", "--explain", "gevent+socket")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == section("gevent")


def test_the_command_refuses_a_name_that_does_not_exist_with_a_hint(
    crawl: Callable[..., CompletedProcess[str]],
) -> None:
    done = crawl("engines", "--explain", "epol")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "crawl: there is no engine 'epol'; did you mean 'epoll'?\n"


def test_every_terminal_can_show_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 90
