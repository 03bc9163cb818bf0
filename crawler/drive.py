"""Pump requests into an engine and outcomes out: the only code that counts what is under way.

    source.take() ──► start ──► engine ──► wait ──► yield outcomes ──► (caller's code) ──► take ...

The caller's code runs between two waits in the caller's own thread, whatever the engine, so
frontier, statistics and sinks need no locks. Read beside it: contracts.py, settling.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.forks import Owner
from crawler.model import Pause

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawler.contracts import Engine, Source
    from crawler.model import Outcome


def drive(engine: Engine, source: Source, concurrency: int) -> Iterator[list[Outcome]]:
    """What ended, wait by wait: exactly one outcome per request taken; at most `concurrency` open.

    The source is asked again after every wait, so a caller that gives work back to it (a redirect,
    a retry, a link) before asking for the next outcomes sees it taken. A wait that brought nothing
    gives an empty list: the caller gets its turn. Ends when nothing is under way and the source has
    nothing left. The engine stays open: it belongs to the caller.

    Raises:
        EngineUnavailable: this is a fork of the process that began.
    """
    owner = Owner()
    under_way = 0
    while True:
        pause: float | None = None
        while under_way < concurrency:
            item = source.take()
            if item is None:
                break
            if isinstance(item, Pause):
                pause = item.seconds
                break
            engine.start(item)
            under_way += 1
        if not under_way and pause is None:
            return
        ended = engine.wait(pause)
        under_way -= len(ended)
        yield ended
        owner.require()
