"""make scores: every outside suite once, as one table.

    CRAWLER_SUITES=FOLDER make scores

A case agrees, or differs with a ruling, or is missed. Ends with 1 when one is missed or fewer agree
than the recorded floor. `--rulings` adds a line for every ruling that was needed.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest
from suites.suite import FOLDER, Suite


def recorded() -> list[Suite]:
    """The suites of every test_*.py of this folder."""
    found: list[Suite] = []
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        found += importlib.import_module(f"suites.{path.stem}").SUITES
    return sorted(found, key=lambda suite: suite.name)


def main() -> int:
    """Print the table; --rulings adds the reasons."""
    if not os.environ.get(FOLDER):
        print(f"scores: {FOLDER} does not name the folder of outside suites", file=sys.stderr)
        return 2
    print(f"{'suite':<20}{'cases':>8}{'agreed':>8}{'ruled':>8}{'missed':>8}{'floor':>8}")
    reasons: list[str] = []
    failed = False
    for suite in recorded():
        try:
            score = suite.score()
        except pytest.skip.Exception as skipped:
            print(f"{suite.name:<20}  {skipped}", flush=True)
            continue
        failed = failed or bool(score.missed) or score.agreed < suite.floor
        counts = (score.cases, score.agreed, len(score.ruled), len(score.missed), suite.floor)
        print(f"{suite.name:<20}" + "".join(f"{count:>8,}" for count in counts), flush=True)
        reasons += [f"missed: {suite.name} {name}" for name in sorted(score.missed)]
        if "--rulings" in sys.argv:
            reasons += [
                f"{suite.name} {name}: {suite.rulings[name]}" for name in sorted(score.ruled)
            ]
    print(*reasons, sep="\n", end="\n" * bool(reasons))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
