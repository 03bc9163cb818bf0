"""A server that takes 100 ms for each answer, a thousand at a time: the ideal is 10 000 pages/s."""

from __future__ import annotations

from statistics import median

from results import Result
from server import lean
from turns import Client, in_turns, present

from works.small import PAGE

DELAY = 0.1  # seconds
_CLIENTS = (
    ("selectors", "ours", "selectors", 20_000),
    ("gevent+socket", "ours", "gevent+socket", 20_000),
    ("Go net/http", "go_http", "", 20_000),
    ("pycurl CurlMulti", "pycurl_multi", "", 20_000),
    ("aiohttp", "aiohttp_session", "", 20_000),
)


def run(rounds: int) -> Result:
    return measured("thousand", 1_000, _CLIENTS, rounds)


def measured(
    work: str, concurrency: int, rows: tuple[tuple[str, str, str, int], ...], rounds: int
) -> Result:
    with lean(PAGE, core=0, delay=DELAY) as server:
        clients, absent = present(
            [
                Client(
                    name,
                    script,
                    server.urls(pages),
                    concurrency,
                    engine=engine,
                    bytes=pages * PAGE,
                )
                for name, script, engine, pages in rows
            ]
        )
        about = f"{PAGE} bytes a page after {DELAY:g} s, {concurrency:,} at a time"
        result = Result(work, about, server.name, absent, in_turns(clients, rounds=rounds))
    _figures(result, concurrency)
    return result


def _figures(result: Result, concurrency: int) -> None:
    rates, memory = {}, {}
    for name, runs in result.runs.items():
        if runs:
            rates[name] = median(run["pages"] / run["wall"] for run in runs)
            grown = median(run["rss_kib"] - run["rss_before_kib"] for run in runs)
            memory[name] = grown / concurrency
    ideal = concurrency / DELAY
    result.notes.append(f"pages/s of the ideal {ideal:,.0f}, and memory for each connection")
    for name, rate in rates.items():
        result.figures[f"{name}: share"] = rate / ideal
        result.figures[f"{name}: KiB"] = memory[name]
        result.notes.append(f"{name:<26}{rate / ideal:>8.3f}{memory[name]:>8.1f} KiB")
    for ours in ("selectors", "gevent+socket"):
        for peer, rate in rates.items():
            if ours in rates and peer != ours:
                result.figures[f"{ours}: rate of {peer}"] = rates[ours] / rate
    result.compare(("selectors", "gevent+socket"))
