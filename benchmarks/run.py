"""make bench: this project beside other clients, work by work.

    python benchmarks/run.py [WORK ...] [--rounds N] [--dry]

    for every work                         works/NAME.py
        for every round                    server on processor 0, client on processor 1
            for every client, rotated ──►  python clients/NAME.py URLS CONCURRENCY ...

Every work's table and runs go to runs/DATE/, and at the end every goal with what was measured
beside it. Read beside it: README.md, turns.py, results.py, goals.py.
"""

from __future__ import annotations

import argparse
import importlib
import time

from goals import read, table
from keeping import machine, now, store, today, versions
from results import Result
from setting import build

# In this order: the first ones tell most.
WORKS = (
    "small", "limit", "command", "real", "tls", "startup", "thousand", "myriad", "follow",
    "follow_python", "million",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"of {', '.join(WORKS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="write no file")
    given = parser.parse_args()
    unknown = [name for name in given.works if name not in WORKS]
    if unknown:
        parser.error(f"no such work: {', '.join(unknown)} (there are {', '.join(WORKS)})")

    build()
    with_what, figures = versions(), {}
    for name in given.works or WORKS:
        began, where = time.monotonic(), machine()
        print(f"{name} ...", flush=True)
        result: Result = importlib.import_module(f"works.{name}").run(given.rounds)
        figures[name] = result.figures
        text = f"{where}\n{now()}, {time.monotonic() - began:.0f} s, {given.rounds} rounds\n"
        text += f"{with_what}\n\n{result.text()}"
        print(f"\n{text}")
        if not given.dry:
            more = {"date": now(), "machine": where, "versions": with_what}
            store({**more, **result.document()}, text, name)
    if given.dry:
        print(table(figures))
    else:
        said = table(read(today()))
        print(said)
        (today() / "goals.txt").write_text(f"{machine()}, {now()}\n{with_what}\n\n{said}")


if __name__ == "__main__":
    main()
