"""What the tests of frontiers share: a clock, requests, and both frontiers by one name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crawler.contracts import Facts, State
from crawler.frontier.memory import Memory
from crawler.frontier.sqlite import Sqlite
from crawler.model import Pause, Purpose, Request, Skip
from crawler.pace import Pace
from crawler.politeness import Answer, Politeness

OWN = Politeness(concurrency=1000)
OPEN: list[Memory | Sqlite] = []


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def own(_: str) -> Pace:
    """The pace of the user's own hosts: no limit at all."""
    return Pace(OWN, is_public=False)


def public(politeness: Politeness = OWN) -> Callable[[str], Pace]:
    return lambda _: Pace(politeness, is_public=True, jitter=lambda least, most: (least + most) / 2)


def page(host: str, number: int = 0, depth: int = 0, **more) -> Request:
    return Request(f"http://{host}/{number}", depth=depth, **more)


def made(kind: str, folder: Path, pace=own, **options) -> Memory | Sqlite:
    options.setdefault("robots", False)
    if kind == "memory":
        OPEN.append(Memory(pace, **options))
    else:
        OPEN.append(Sqlite(folder / "crawl.db", pace, seen=3, **options))
    return OPEN[-1]


def taken(frontier: Memory | Sqlite, **how) -> list[Request | Skip]:
    """All that may begin now."""
    items: list[Request | Skip] = []
    while isinstance(item := frontier.take(**how), Request | Skip):
        items.append(item)
    return items


def urls(items: list[Request | Skip]) -> list[str]:
    return [item.url for item in items]


def end(frontier, request: Request, answer: Answer = Answer.FINE, *, rest: float = 0.0,
        peer: str = "", latency: float = 0.01) -> None:  # fmt: skip
    frontier.ended(request, answer, latency=latency, rest=rest, peer=peer)


def finish(frontier, request: Request, state: State = State.DONE, code: str = "") -> None:
    end(frontier, request)
    frontier.finish(request, state, Facts(code))


def is_robots(item: Request | Skip | Pause | None) -> bool:
    return isinstance(item, Request) and item.purpose is Purpose.ROBOTS
