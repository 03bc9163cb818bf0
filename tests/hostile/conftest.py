"""Prints what became of the catalogue's rows, engine by engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hostile.verdicts import table

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    lines = table()
    if lines:
        terminalreporter.section("rows of the catalogue")
        terminalreporter.write("\n".join([*lines, ""]))
