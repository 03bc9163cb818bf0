"""A list of a million URLs beside one of ten thousand: what a URL costs must not grow.

    crawl urls.txt -o out.jsonl               in memory
    crawl urls.txt -o out.jsonl --state ...   on sqlite
    fetch_all(urls)                           no frontier at all

CPU of the whole command less what it takes to begin, which a list of ten URLs tells; the short list
is run before and after the long one, for a slow minute's sake, and its median counts.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from results import Result
from server import Server, lean
from turns import Client, Run, measured

from works.small import CONCURRENCY, PAGE

MILLION = 1_000_000
_SHORT, _BEGIN = 10_000, 10
_KINDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("memory", "command", ()),
    ("sqlite", "command", ("--state", "{folder}/crawl.db")),
    ("fetch_all", "ours", ()),
)


def run(rounds: int) -> Result:
    about = (
        f"lists of {_SHORT:,} and {MILLION:,} URLs, {PAGE} bytes a page, {CONCURRENCY} at a time"
    )
    with lean(PAGE, core=0) as server, tempfile.TemporaryDirectory() as folder:
        result = Result("million", about, server.name, {}, {})
        for kind, script, more in _KINDS:
            _compared(result, server, Path(folder), kind, script, more, rounds)
    result.table = [f"{'':<12}{'10 k: us/URL':>14}{'1 M: us/URL':>14}{'ratio':>8}"]
    for kind, _, _ in _KINDS:
        short, long = (result.figures[f"{kind}: {size}"] for size in ("10 k", "1 M"))
        result.table.append(f"{kind:<12}{short:>14.1f}{long:>14.1f}{long / short:>8.2f}")
    return result


def _compared(
    result: Result,
    server: Server,
    folder: Path,
    kind: str,
    script: str,
    more: tuple[str, ...],
    rounds: int,
) -> None:
    runs: dict[int, list[Run]] = {_BEGIN: [], _SHORT: [], MILLION: []}
    around = (_BEGIN, _SHORT) * max(1, rounds // 2 + 1)
    for pages in (*around, MILLION, *around):
        client = Client(
            kind,
            script,
            server.urls(pages),
            CONCURRENCY,
            engine="selectors",
            bytes=pages * PAGE,
            more=more,
            limit=600,
        )
        one = measured(client, folder)
        if one is None or not one["whole"]:
            raise SystemExit(f"{kind}: {pages:,} URLs were not fetched")
        runs[pages].append(one)
        print(".", end="", flush=True)
    print(f" {kind}")
    began = median(_cpu(one) for one in runs[_BEGIN])
    figures = {}
    for name, pages in (("10 k", _SHORT), ("1 M", MILLION)):
        figures[name] = (median(_cpu(one) for one in runs[pages]) - began) / pages * 1e6
        result.figures[f"{kind}: {name}"] = figures[name]
        result.runs[f"{kind}, {name}"] = runs[pages]
    result.figures[f"{kind}: growth"] = figures["1 M"] / figures["10 k"]


def _cpu(one: Run) -> float:
    return float(one["cpu_user"] + one["cpu_system"])
