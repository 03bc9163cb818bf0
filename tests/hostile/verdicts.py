"""What became of a row: it agreed, it differs as one of the tables allows, or it is wrong.

Every row that a test looks at is counted, by engine and kind of row; pytest prints the table at its
end. Read beside it: differences.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hostile.differences import allowed

AGREED, RULED, WRONG = "agreed", "ruled different", "wrong"
COUNTS: dict[str, Counter[str]] = {}  # by engine


def judge(engine: str, row: str, misses: Sequence[str], *, of: str = "") -> list[str]:
    """What is wrong with the row, as sentences that name it; empty when it agrees or is allowed.

    Args:
        engine: the name it is counted by.
        row: its id.
        misses: what is not as the catalogue says.
        of: the engine's own name, where it is counted by another.
    """
    aspect = allowed(of or engine, row)
    wrong = [miss for miss in misses if not aspect or not miss.startswith(f"{aspect}:")]
    if aspect and len(wrong) == len(misses):
        wrong.append(f"{engine} agrees on it: take it out of hostile/differences.py")
    verdict = WRONG if wrong else RULED if aspect else AGREED
    COUNTS.setdefault(engine, Counter())[verdict] += 1
    return [f"{row}: {miss}" for miss in wrong]


def table() -> list[str]:
    """A line for each engine: rows played, agreed, ruled different, wrong. Empties the counts."""
    lines = []
    for engine, counts in COUNTS.items():
        numbers = (counts.total(), counts[AGREED], counts[RULED], counts[WRONG])
        lines.append("{:<24} {:>4} {:>6} {:>15} {:>5}".format(engine, *numbers))
    COUNTS.clear()
    head = "{:<24} {:>4} {:>6} {:>15} {:>5}".format("engine", "rows", AGREED, RULED, WRONG)
    return [head, *lines] if lines else []
