"""A shard: a process that fetches its share of a crawl by one engine, and looks at the pages.

    stdin (a socket): settings, then requests ─► engine ─► outcome ─► decode, links, fields ─► stdin

Run as ``python -P -m crawler.shard_worker``, for an engine that needs it as ``python -P -m
crawler.patched shard``. What is done to a page here is what the crawl would do to it in its one
process, when it is a whole page and no parser can be kept busy by it; all else is left to the
crawl. It has no frontier, no manners and no outputs. No engine can wait for a socket of ours beside
its own, so while something is under way it is waited for in short steps; a step ends at once when
an exchange does. It dies with the process that started it (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import sys
import time
import traceback
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crawler import engines, parse_worker
from crawler.engines import _crossing
from crawler.errors import EngineUnavailable, FetchError
from crawler.extract import extract, glanced, is_tame
from crawler.hops import REDIRECTS
from crawler.model import Response
from crawler.shard_pipe import Pipe
from crawler.wire.decode import decode

if TYPE_CHECKING:
    from crawler.contracts import Engine
    from crawler.extract import Found
    from crawler.fields import Fields
    from crawler.model import Limits, Outcome

READY, OUTCOMES, SAID, BUG, UNAVAILABLE = range(5)  # what a message to the crawl begins with
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SHORTEST, _LONGEST = 0.001, 0.008  # seconds of a step: as long as nothing happens, longer
_SLICE = 0.005  # seconds for which pages are looked at before the exchanges get their turn


def main() -> None:
    """Fetch what is asked for until nobody is there to ask."""
    _belong()
    pipe = Pipe(os.dup(0))
    settings = _settings(pipe)
    if settings is None:
        return
    logging.getLogger("crawler").addHandler(_Messages(pipe))
    (name, limits, network), concurrency, looks = settings
    told = _crossing.settings_of((name, limits, network))
    try:
        engine = engines.open(name, concurrency=concurrency, limits=told[1], network=told[2])
        pipe.send((READY,))
        _Shard(pipe, engine, Pages(told[1], *looks)).serve()
    except EngineUnavailable as error:
        pipe.send((UNAVAILABLE, str(error)))
    except Exception:  # noqa: BLE001 - the border of the process: the crawl raises it
        pipe.send((BUG, traceback.format_exc()))
    _flushed(pipe)


class Pages:
    """What is done to pages besides fetching them.

    Args:
        limits: of decoded content.
        links: what pages refer to is looked for: by this parser; "" where it is not.
        requisites: as for `extract`; so is `agent`.
        chosen: as for `Fields`; so is `with_text`.
    """

    def __init__(
        self,
        limits: Limits,
        links: str,
        requisites: bool,
        agent: str,
        chosen: tuple[str, ...],
        with_text: bool,
    ) -> None:
        self._limits = limits
        self._links = links
        self._requisites = requisites
        self._agent = agent
        self._fields: Fields | None = None
        if chosen or with_text:
            from crawler.fields import Fields

            self._fields = Fields(chosen, with_text=with_text)

    def looked_at(self, outcome: Outcome) -> tuple[Any, ...] | None:
        """Findings as they cross, with the content decoded; None where the crawl is to look."""
        if not isinstance(outcome, Response) or not _is_page(outcome):
            return None
        page = outcome
        codings = page.headers.all("content-encoding") if page.raw else []
        if codings:
            try:
                decoded = decode(page.raw, codings, self._limits)
            except FetchError:
                return None
            warnings = (*page.warnings, *decoded.warnings)
            page = replace(page, body=decoded.body, warnings=warnings)
        found = None
        if self._links and page.body and (seen := self._found(page)) is not None:
            found = parse_worker.of_found(seen)
        fields = None if self._fields is None else tuple(self._fields.of(page).items())
        if not codings and found is None and fields is None:
            return None
        return page.body if codings else None, page.warnings, found, fields

    def _found(self, page: Response) -> Found | None:
        """What it refers to; None where a parser may take long."""
        parser = self._links
        if parser == "fast" and not self._requisites:
            seen = glanced(page, agent=self._agent)
            if seen is not None:
                return seen
            parser = "tree"
        if not is_tame(page.body):
            return None
        return extract(page, requisites=self._requisites, parser=parser, agent=self._agent)


def _is_page(response: Response) -> bool:
    """Whether the crawl will take it for a page as it is, so that looking at it is not in vain."""
    return (
        200 <= response.status < 300
        and response.status != 206
        and response.status not in REDIRECTS
        and not response.truncated
    )


class _Shard:
    """The loop of the process."""

    def __init__(self, pipe: Pipe, engine: Engine, pages: Pages) -> None:
        self._pipe = pipe
        self._engine = engine
        self._pages = pages
        self._under_way = 0
        self._pages_wanted: set[int] = set()
        self._todo: deque[Outcome] = deque()
        self._step = _SHORTEST
        self._worked = time.process_time()  # up to the last message

    def serve(self) -> None:
        """Until the crawl is gone."""
        poll = select.poll()
        while self._heard():
            if not self._under_way and not self._todo:
                self._pipe.flush()
                mask = select.POLLIN | (select.POLLOUT if self._pipe.is_full else 0)
                poll.register(self._pipe.descriptor, mask)
                poll.poll()
                continue
            self._waited()
            self._look()
            self._pipe.flush()

    def _heard(self) -> bool:
        messages, is_there = self._pipe.read()
        for requests in messages:
            for key, told, wanted in requests:
                # Its row is the frontier's, which is elsewhere: here it says which request it is.
                request = replace(_crossing.request_of(told), row=key)
                if wanted:
                    self._pages_wanted.add(key)
                self._engine.start(request)
                self._under_way += 1
            self._step = _SHORTEST
        return is_there

    def _waited(self) -> None:
        step = 0.0 if self._todo else self._step
        ended = self._engine.wait(step) if self._under_way else []
        self._under_way -= len(ended)
        self._todo += ended
        self._step = _SHORTEST if self._todo else min(_LONGEST, 1.5 * self._step)

    def _look(self) -> None:
        """Look at pages for a while, and have them sent."""
        done = []
        end = time.monotonic() + _SLICE
        while self._todo:
            outcome = self._todo.popleft()
            key = outcome.request.row
            findings = None
            if key in self._pages_wanted:
                self._pages_wanted.discard(key)
                findings = self._pages.looked_at(outcome)
            done.append((key, _crossing.told_of(outcome), findings))
            if time.monotonic() >= end:
                break
        if done:
            before, self._worked = self._worked, time.process_time()
            self._pipe.send((OUTCOMES, done, self._worked - before))


class _Messages(logging.Handler):
    """What is logged here is said by the crawl."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__(logging.WARNING)
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        self._pipe.send((SAID, record.levelno, record.getMessage()))


def _belong() -> None:
    """Leave signals to the crawl, and die with it."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _settings(pipe: Pipe) -> Any:
    """The first message; None when the crawl is gone before it."""
    poll = select.poll()
    poll.register(pipe.descriptor, select.POLLIN)
    came = bytearray()
    size = _crossing.LENGTH.size
    # Not by the pipe, which may take what comes after it, too.
    while len(came) < size or len(came) < size + _crossing.LENGTH.unpack_from(came)[0]:
        poll.poll()
        whole = size if len(came) < size else size + _crossing.LENGTH.unpack_from(came)[0]
        piece = os.read(pipe.descriptor, whole - len(came))
        if not piece:
            return None
        came += piece
    return _crossing.unframed(bytes(came[size:]))


def _flushed(pipe: Pipe) -> None:
    """Send what is left, unless nobody takes it."""
    poll = select.poll()
    poll.register(pipe.descriptor, select.POLLOUT)
    pipe.flush()
    while pipe.is_full and pipe.read()[1]:
        poll.poll()
        pipe.flush()
    os._exit(0)  # what is under way is abandoned; nothing here has to be put in order


if __name__ == "__main__":
    main()
