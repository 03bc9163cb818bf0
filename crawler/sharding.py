"""Whether an engine runs here or in several processes, each with its share of the hosts: shards.

    opened("gevent", processes=4, ...) ─► shards.Shards ─► four processes, each with engines.open
    opened("gevent", processes=1, ...) ─► engines.open

For when one processor is not enough. Frontier, manners, state and outputs are one, here, so that
order, budgets and a resumed crawl are what they are with one process.
Read beside it: shards.py (who has which request), shard_worker.py (the process).
"""

from __future__ import annotations

import os
import resource
import sys
from typing import TYPE_CHECKING, NamedTuple

from crawler import engines
from crawler.errors import EngineUnavailable

if TYPE_CHECKING:
    from crawler.contracts import Engine
    from crawler.model import Limits, Network

MOST = 64  # processes


class Looks(NamedTuple):
    """What shards find on pages, so that the crawl need not look: see shard_worker.Pages."""

    parser: str = ""  # links are looked for, by this one; "": they are not
    requisites: bool = False
    agent: str = ""
    chosen: tuple[str, ...] = ()
    with_text: bool = False


def refusal(name: str, processes: int) -> str:
    """Why the engine cannot run in so many processes, and what would help; "" when it can.

    Raises:
        ValueError: there cannot be so many.
    """
    if not 1 <= processes <= MOST:
        raise ValueError(f"processes must be from 1 to {MOST}, not {processes}")
    if processes == 1:
        return engines.unavailable(name)
    reason = engines.unavailable(name, patched=_needs_patch(name))
    if not reason and name.partition("+")[0] == "processes":
        return (
            "engine 'processes' has a process for each exchange already: name another engine for"
            " --processes"
        )
    if not reason and not hasattr(os, "posix_spawn"):
        return f"--processes needs os.posix_spawn, which {sys.platform} does not have"
    return reason


def _needs_patch(name: str) -> bool:
    try:
        return engines.needs_patch(name)
    except EngineUnavailable:
        return False


def busy(processes: int, seconds: float) -> str:
    """How much of that time the processes worked, for people; "" with one.

    Call it when the engine is closed: only what has ended and was waited for is counted
    (getrusage(2), RUSAGE_CHILDREN).
    """
    if processes == 1 or seconds <= 0:
        return ""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    share = (used.ru_utime + used.ru_stime) / (processes * seconds)
    return f"its {processes} processes worked {share:.0%} of the time, their start included"


def worked(engine: Engine, processes: int) -> float:
    """Seconds for which so many processes of an engine used a processor, each on average."""
    if processes == 1:
        return 0.0
    from crawler.shards import Shards

    return engine.worked / processes if isinstance(engine, Shards) else 0.0


def opened(
    name: str,
    *,
    processes: int,
    concurrency: int,
    limits: Limits,
    network: Network,
    looks: Looks | None = None,
) -> Engine:
    """The engine of that name, in so many processes.

    Args:
        name: as for `engines.open`.
        processes: shards; with 1 it is the engine itself, in this process.
        concurrency: exchanges under way at most, all shards together.
        limits: of each exchange.
        network: proxy, certificates, addresses.
        looks: what the shards are to look for on pages; None = nothing.

    Raises:
        EngineUnavailable: it cannot run here, or not one process could be started.
    """
    reason = refusal(name, processes)
    if reason:
        raise EngineUnavailable(reason)
    if processes == 1:
        return engines.open(name, concurrency=concurrency, limits=limits, network=network)
    from crawler.shards import Shards

    return Shards(name, min(processes, concurrency), concurrency, limits, network, looks or Looks())
