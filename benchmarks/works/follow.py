"""Links followed over PostgreSQL's documentation from nginx, from its index to its last page.

crawl() is the loop alone, from a program; the commands are whole: start, and records or files
written. Every client must find the same pages.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from results import Result
from server import nginx, served
from turns import Client, Run, in_turns, present

from works.folders import POSTGRES

_CONCURRENCY = 16
_CRAWL = "crawl -e selectors"
# Client, script, engine, further options.
_CLIENTS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("crawl()", "follow_library", "selectors", ()),
    (_CRAWL, "follow_command", "selectors", ()),
    ("crawl -e gevent", "follow_command", "gevent", ()),
    ("crawl --state", "follow_command", "selectors", ("--state", "{folder}/crawl.db")),
    ("crawl --parsers 2", "follow_command", "selectors", ("--parsers", "2")),
    ("crawl --parser bs4", "follow_command", "selectors", ("--parser", "bs4")),
    ("wget2 -r", "follow_wget2", "", ()),
    ("Scrapy", "follow_scrapy", "", ()),
)
SLOW = ("crawl --parser bs4", "Scrapy")


def run(rounds: int) -> Result:
    return measured("follow", POSTGRES, "Debian's postgresql-doc-15", rounds)


def measured(work: str, folder: Path, package: str, rounds: int, *, slow: int = 0) -> Result:
    """The same over any folder with an index.html; the slow ones in `slow` rounds alone."""
    about = f"links followed from index.html of {package}, {_CONCURRENCY} at a time"
    if not (folder / "index.html").exists() or not nginx():
        return Result(work, about, "", {"everything": f"this needs nginx and {package}"}, {})
    with served(folder, core=0) as server:
        clients, absent = present(
            [
                Client(
                    name,
                    script,
                    [f"{server.url}/index.html"],
                    _CONCURRENCY,
                    engine=engine,
                    counted=False,
                    more=more,
                    rounds=slow if name in SLOW else 0,
                )
                for name, script, engine, more in _CLIENTS
            ]
        )
        result = Result(work, about, server.name, absent, in_turns(clients, rounds=rounds))
    _same(result.runs, result.notes)
    result.compare(("crawl()", _CRAWL, "crawl --parser bs4"))
    return result


def _same(runs: dict[str, list[Run]], notes: list[str]) -> None:
    """A run that found other pages than most is not whole."""
    every = Counter(run["found"] for of in runs.values() for run in of)
    usual = every.most_common(1)[0][0] if every else ""
    for name, of in runs.items():
        for run in of:
            run["whole"] = run["whole"] and run["found"] == usual
        if any(run["found"] != usual for run in of):
            notes.append(f"{name} found other pages: {sorted({run['pages'] for run in of})}")
