"""The same over Python's documentation: larger pages with many links; the slow clients run once."""

from __future__ import annotations

from results import Result

from works.folders import PYTHON_DOCS
from works.follow import measured


def run(rounds: int) -> Result:
    return measured("follow_python", PYTHON_DOCS, "Debian's python3-doc", rounds, slow=1)
