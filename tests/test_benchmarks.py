"""The parts of the benchmarks fit together: what a goal asks for, a work gives."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def said(program: str) -> str:
    """What a program in the folder of the benchmarks prints."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, '.')\n{program}"],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_goal_names_a_work_and_every_work_is_a_file():
    works, asked = json.loads(
        said(
            "import json, goals, run\n"
            "print(json.dumps([run.WORKS, [goal.work for goal in goals.GOALS]]))"
        )
    )

    assert set(asked) <= set(works)
    assert {path.stem for path in (BENCHMARKS / "works").glob("*.py")} >= set(works)


def test_every_goal_has_a_figure_in_the_latest_runs_that_are_kept():
    newest = max((BENCHMARKS / "runs").glob("*/goals.txt")).parent.name

    table = said(f"import goals; print(goals.table(goals.read(goals.RUNS / '{newest}')))")

    assert "not measured" not in table
    assert table.count("met") + table.count("MISSED") >= 25


def test_a_goal_of_at_most_is_missed_above_it_and_one_of_at_least_below():
    program = (
        "from goals import Goal\n"
        "most = Goal('', '', '', 4, 2, most=True)\n"
        "least = Goal('', '', '', 2, 4)\n"
        "print([goal.verdict(value) for goal in (most, least) for value in (1, 3, 5)])"
    )

    verdicts = said(program).strip()

    assert verdicts == str(["met (stretch)", "met", "MISSED", "MISSED", "met", "met (stretch)"])
