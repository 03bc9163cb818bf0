"""Values of options: as they are typed where they are text, by typer where they are not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from crawler.cli import app


def crawl(*words: str) -> subprocess.CompletedProcess[str]:
    """`crawl` in a process of its own, with a list of what it imports."""
    command = [sys.executable, "-X", "importtime", "-m", "crawler", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.timeout(30)
def test_text_and_flags_are_taken_as_they_are_without_pydantic(tmp_path: Path) -> None:
    """Its import takes longer than a hundred pages."""
    urls = tmp_path / "urls.txt"
    urls.write_text("http://h.example/\n")

    ran = crawl(str(urls), "--dry-run", "--robots", "ignore", "-e", "selectors", "--no-config")

    assert "h.example" in ran.stdout, ran.stderr
    assert "typer" in ran.stderr
    assert "pydantic" not in ran.stderr


@pytest.mark.timeout(30)
def test_numbers_are_made_of_words_by_typer() -> None:
    ran = crawl("plan", "no such file", "--hosts", "many")

    assert ran.returncode == 2
    assert "--hosts" in ran.stderr


def test_each_kind_of_value_is_what_typer_makes_of_it() -> None:
    words = ["a", "b", "-e", "threads", "--header", "A: 1", "--header", "B: 2", "--follow", "-vv"]

    def values(*, as_it_is: bool) -> dict[str, object]:
        run = get_command(app).commands["run"]  # type: ignore[attr-defined]
        if not as_it_is:
            for param in run.params:
                param.get_runtime_param()
        return dict(run.make_context("run", list(words)).params)

    assert values(as_it_is=True) == values(as_it_is=False)
