"""Crawls one row's sites through the public interface, and says what came of it as plain values."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from crawler import (
    Failure,
    Limits,
    Network,
    Politeness,
    Request,
    Response,
    Scope,
    crawl,
    fetch_all,
    sinks,
)
from crawler.contracts import Frontier
from crawler.frontier import opening
from crawler.parsing import Parsers
from crawler.sinks.record import Describer
from crawler.traps import Bounds
from hostile.crawl_row import NEVER, CrawlRow

_TEXT = 4000  # characters of a page's text that are told
_CPU_SECONDS = 1.0  # of a parser, for one page
_PATIENCE = 20.0  # seconds in which a crawl ends, or comes to the rest that is expected
LIMITS = {"timeout": 20.0, "dns": 10.0, "connect": 10.0}


class Player:
    """Plays rows with one engine; `folder` has the certificate and takes the states."""

    def __init__(self, engine: str, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._network = Network(ca_file=folder / "ca.pem")
        _remember_frontiers()
        _have_less_patience_with_parsers()

    def facts(self, row: CrawlRow) -> dict[str, Any]:
        """What came of the row; never raises."""
        state = self._folder / f"{row.id}.db"
        facts = _Watched(self, row, state).facts()
        if row.then is not None and not facts["bug"]:
            if row.aged:
                _age(state, row.aged)
            facts["then"] = _Watched(self, row.then, state).facts()
        return facts

    def outcomes(self, row: CrawlRow, scope: Scope, state: Path) -> Any:
        """The outcomes, one after the other."""
        limits = Limits(**(LIMITS | dict(row.limits)))  # type: ignore[arg-type]  # its fields
        seeds = [row.url(seed) for seed in row.seeds]
        given: dict[str, Any] = {"concurrency": 1, **row.options}
        given |= {"engine": self._engine, "limits": limits, "network": self._network}
        if row.fetch:
            return fetch_all(seeds, **given)
        manners: dict[str, Any] = {"concurrency": given["concurrency"], **row.polite}
        given |= {"politeness": Politeness(**manners), "scope": scope}
        if row.then is not None or row.aged or state.exists():
            given["state"] = state
        describer = Describer(engine=self._engine, fields=("url", "title", "content_type"))
        given["sinks"] = [
            sinks.open(str(state.with_suffix(f".{kind}")), describer, mode="new")
            for kind in row.outputs
        ]
        return crawl(seeds, **given)


class _Watched:
    """One crawl, to its end; or until its host rests, when that is what it comes to."""

    def __init__(self, player: Player, row: CrawlRow, state: Path) -> None:
        self._player, self._row, self._state = player, row, state
        bounds: dict[str, Any] = dict(row.bounds)
        self._scope = Scope(bounds=Bounds(**bounds), **row.scope)  # type: ignore[arg-type]  # its arguments
        self._outcomes: dict[str, dict[str, Any]] = {}
        self._bug = ""
        self._ended = False
        self._frontier: Frontier | None = None

    def facts(self) -> dict[str, Any]:
        row = self._row
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        if row.rests != NEVER:
            self._wait_for_rest(thread, time.monotonic() + _PATIENCE)
        else:
            thread.join(_PATIENCE)
        return {
            "outcomes": dict(self._outcomes),
            "ended": self._ended,
            "until": time.monotonic(),
            "bug": self._bug,
            "rests": _rests(self._frontier, f"http://{row.host}"),
            "refused": {url: self._refusal(row.url(url)) for url in row.refused},
            "outputs": {
                kind: self._state.with_suffix(f".{kind}").read_text("latin-1")
                for kind in row.outputs
            },
        }

    def _wait_for_rest(self, thread: threading.Thread, until: float) -> None:
        least, most = self._row.rests
        while thread.is_alive() and time.monotonic() < until:
            thread.join(0.02)
            if least <= _rests(self._frontier, f"http://{self._row.host}") <= most:
                return

    def _run(self) -> None:
        _MINE.watched = self
        try:
            for outcome in self._player.outcomes(self._row, self._scope, self._state):
                request = outcome.request
                self._outcomes[(*request.via, request.url)[0]] = _told(outcome)
            self._ended = True
        except Exception:  # noqa: BLE001  whatever it is, the row is told of it
            self._bug = traceback.format_exc()[-2000:]

    def opened(self, frontier: Frontier) -> None:
        """The crawl has this frontier."""
        self._frontier = frontier

    def _refusal(self, url: str) -> str:
        return self._scope.refusal(Request(url, depth=1, parent=url))


def _told(outcome: Any) -> dict[str, Any]:
    if isinstance(outcome, Response):
        return {
            "code": str(outcome.status),
            "warnings": list(outcome.warnings),
            "text": outcome.text[:_TEXT],
        }
    code = outcome.error.code if isinstance(outcome, Failure) else outcome.code
    return {"code": code, "warnings": [], "text": ""}


_MINE = threading.local()


def _remember_frontiers() -> None:
    """A crawl that rests tells nobody for how long: have its frontier seen."""
    really = opening.opened

    def opened(*args: Any, **options: Any) -> Any:
        frontier = really(*args, **options)
        _MINE.watched.opened(frontier)
        return frontier

    opening.opened = opened


def _have_less_patience_with_parsers() -> None:
    assert Parsers.__init__.__kwdefaults__["cpu_seconds"] > _CPU_SECONDS
    Parsers.__init__.__kwdefaults__["cpu_seconds"] = _CPU_SECONDS


def _rests(frontier: Any, origin: str) -> float:
    """Seconds until the host may be asked for anything; 0.0 as well where it is busy."""
    line = frontier.lines.by_origin.get(origin) if frontier is not None else None
    wait = line.pace.wait(time.monotonic()) if line is not None else 0.0
    return wait if wait < math.inf else 0.0


def _age(state: Path, seconds: float) -> None:
    with contextlib.closing(sqlite3.connect(state)) as db, db:
        db.execute("UPDATE hosts SET robots_at = robots_at - ?", (seconds,))
