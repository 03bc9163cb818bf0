"""An outside suite: its cases, what of them is ruled on, and the floor of what has to agree.

The cases are others', or describe others' work, and are read from the folder that CRAWLER_SUITES
names. Every test_*.py here has its suites in SUITES. scores.py prints them all; the tests hold them
to what is recorded: a case that does not agree has a ruling, every ruling is needed, and the number
that agrees never falls.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

FOLDER = "CRAWLER_SUITES"


@dataclass(frozen=True)
class Score:
    """What came of running a suite once."""

    cases: int
    ruled: frozenset[str]  # do not agree, and a ruling says why
    missed: frozenset[str]  # do not agree, and nothing says why
    idle: frozenset[str]  # rulings on cases that agree

    @property
    def agreed(self) -> int:
        """Cases whose outcome is the expected one."""
        return self.cases - len(self.ruled) - len(self.missed)


@dataclass(frozen=True)
class Suite:
    """One suite and how it is scored.

    Attributes:
        name: of the file of cases, without its ending.
        floor: cases that agree, at least.
        run: whether each case agrees, by its name.
        rulings: the name of a case that may differ, and the reason in one line.
    """

    name: str
    floor: int
    run: Callable[[], dict[str, bool]]
    rulings: Mapping[str, str] = field(default_factory=dict)

    def score(self) -> Score:
        """Run every case."""
        agrees = self.run()
        differing = {name for name, agreed in agrees.items() if not agreed}
        ruled = self.rulings.keys() & agrees.keys()
        return Score(
            len(agrees),
            frozenset(differing & ruled),
            frozenset(differing - ruled),
            frozenset(ruled - differing),
        )

    def check(self) -> None:
        """Run every case, and fail where one differs without a ruling or too few agree."""
        score = self.score()

        assert not score.missed, sorted(score.missed)
        assert not score.idle, f"agree now, so take the rulings out: {sorted(score.idle)}"
        assert score.agreed >= self.floor


def suites() -> Path:
    """The folder of outside suites; the test that asks is skipped where there is none."""
    folder = os.environ.get(FOLDER)
    if not folder:
        pytest.skip(f"{FOLDER} does not name the folder of outside suites")
    return Path(folder)


def rows(name: str) -> list[dict[str, Any]]:
    """The cases of the suite `name`."""
    with gzip.open(suites() / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]
