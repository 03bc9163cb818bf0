"""The loop of a crawl: every URL to its outcome, and the outcome to you once it is safe.

    seeds ──► frontier ──► drive ──► engine            robots.txt is a request like any other: the
                 ▲                      │              frontier puts it before a host's first page
                 │ links, hops, retries │ outcomes
                 └────── settle ◄───────┘ ──► record ──► commit ──► the caller

One turn: the exchanges that ended are settled, their links added, their records written; then one
commit makes all of that last; only then the caller sees the outcomes, and new exchanges begin. So
at any instant a killed process has at most `concurrency` exchanges to make again.

One thread, one loop, whatever the engine: what the record and the caller do happens between two
waits. Read beside it: drive.py (the pump), settling.py (settle), discovery.py (links and rules),
frontier/_lines.py (whose turn it is), stopping.py.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from crawler import sharding
from crawler.became import became, is_bad_line
from crawler.cookies import Jarred
from crawler.discovery import Discovery
from crawler.drive import drive
from crawler.duplicates import Duplicates
from crawler.feeding import Fed
from crawler.forks import Owner
from crawler.model import Failure, Pause, Purpose, Request, Response
from crawler.parsing import Parsers
from crawler.reach import pinned
from crawler.settling import Fetches
from crawler.stopping import Leave
from crawler.watching import TICK, Watched
from crawler.why import Reason, Spent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Protocol

    from crawler.contracts import Engine, Frontier
    from crawler.extract import Found
    from crawler.model import Final, Outcome
    from crawler.ordered import Ordered
    from crawler.plan import Plan
    from crawler.scope import Scope
    from crawler.stopping import Stop

    class Record(Protocol):
        """Where the outcomes of a crawl go."""

        def write(self, final: Final, /) -> None:
            """Take one. Raises SinkError."""
            ...

        def passed(self, response: Response, /) -> None:
            """With `Limits.capture`: an answer that was no page's last. Raises SinkError."""
            ...

        def marks(self) -> Mapping[str, str]:
            """How much of each output is whole, with all that was taken. Raises SinkError."""
            ...

        def sync(self) -> None:
            """Have the outputs on the disk. Raises SinkError."""
            ...


log = logging.getLogger(__name__)

WINDOW = 10_000  # requests from the input that wait in a frontier in memory: some 5 MB
SYNC = 1.0  # seconds between two marks that outlast a power cut


def crawled(
    seeds: Iterable[Request | Failure | Pause],
    plan: Plan,
    frontier: Frontier,
    record: Record,
    stop: Stop,
    *,
    discovery: Discovery | None = None,
    before: int = 0,
    missing: Iterable[int] = (),
    spent: Spent | None = None,
    tick: Callable[[int], None] = lambda under_way: None,
    window: int = WINDOW,
) -> Iterator[Final]:
    """Every outcome, once it is safe: of seeds, of what waits in the frontier, of what is found.

    Ends when nothing is left, when `plan.max_pages` have begun, or when `stop` says so; what has no
    outcome then is what waits in the frontier, which belongs to the caller.

    Args:
        seeds: requests in order, lines that are none, pauses while nothing is there.
        plan: how to fetch.
        frontier: what waits and what was seen.
        record: given every outcome before it is yielded.
        stop: when to end early.
        discovery: takes what is found to the frontier; None = `discovery_of` the plan.
        before: lines of the input that earlier runs read.
        missing: the numbers of those of them that have no outcome yet.
        spent: told where the time goes.
        tick: called before every wait, at least four times a second, with the number under way.
        window: seeds that may wait in the frontier before more are read; 0 = no limit.

    Raises:
        EngineUnavailable: the engine cannot run here.
        SinkError, FrontierError: an outcome cannot be kept; nothing after it was taken on.
        InputError: whatever `seeds` raises, as it is.
    """
    discovery = discovery or discovery_of(plan, frontier)
    source = Fed(
        iter(seeds), plan, frontier, discovery, stop, window, before=before, missing=missing
    )
    engine = sharding.opened(
        plan.engine,
        processes=plan.processes,
        concurrency=plan.concurrency,
        limits=plan.limits,
        network=plan.network,
        looks=_looks_of(plan),
    )
    log.info("engine %s, at most %d exchanges under way", plan.engine, plan.concurrency)
    parsers = Parsers(
        plan.parsers,
        requisites=plan.requisites,
        parser=plan.parser,
        agent=plan.agent,
        wild=plan.processes,
    )
    if plan.links or plan.requisites:
        source.parsers = parsers
    jarred = Jarred(engine, plan.jar) if plan.jar is not None else engine
    owner = Owner()
    try:
        spent = spent if spent is not None else Spent()
        turns = _Turns(plan, frontier, discovery, source, parsers, record, stop, spent)

        def waited(seconds: float) -> None:
            spent.turn(seconds, source.reason, source.due)
            spent.worked = sharding.worked(engine, plan.processes)

        yield from turns.over(Watched(jarred, stop, tick, waited))
    finally:
        if not owner.leaves(parsers, engine):
            parsers.close()
            engine.close()


def discovery_of(plan: Plan, frontier: Frontier, scope: Scope | None = None) -> Discovery:
    """What takes to the frontier what is found, as far as it belongs to `scope`."""
    return Discovery(
        frontier,
        agent=plan.agent,
        scope=scope,
        links=plan.links,
        requisites=plan.requisites,
        use_sitemaps=plan.sitemaps,
        nofollow=plan.nofollow,
        proxied=bool(plan.network.proxy),
    )


def _looks_of(plan: Plan) -> sharding.Looks:
    """What processes that fetch can find on pages, so that it need not be looked for here."""
    looks_for_links = (plan.links or plan.requisites) and not plan.parsers
    return sharding.Looks(
        plan.parser if looks_for_links else "",
        plan.requisites,
        plan.agent,
        plan.select,
        plan.text,
    )


class _Turns:
    """What happens between two waits."""

    def __init__(
        self,
        plan: Plan,
        frontier: Frontier,
        discovery: Discovery,
        source: Fed,
        parsers: Parsers,
        record: Record,
        stop: Stop,
        spent: Spent,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._spent = spent
        self._frontier = frontier
        self._discovery = discovery
        self._source = source
        self._parsers = parsers
        self._record = record
        self._stop = stop
        self._clock = clock
        self._duplicates = Duplicates() if plan.links else None
        self._parsed: dict[int, Response] = {}  # pages whose links are being looked for
        self._key = 0
        self._fetches = Fetches(
            source,
            limits=plan.limits,
            follow=plan.redirects,
            retry_on=plan.retry_on,
            proxied=bool(plan.network.proxy),
            pinned=pinned(plan.network),
            refuse=discovery.refuse,
        )
        self._sync_at = clock() + SYNC

    def over(self, engine: Engine) -> Iterator[Final]:
        """Turn after turn until nothing is left, or `Leave`."""
        chatty = log.isEnabledFor(logging.DEBUG)
        try:
            for ended in drive(engine, self._source, self._plan.concurrency):
                finals: list[Final] = []
                for outcome in ended:
                    if chatty:
                        _log_exchange(outcome)
                    code = outcome.code if isinstance(outcome, Failure) else ""
                    self._spent.told(outcome.timing, code)
                    if self._source.took_back(outcome):
                        continue
                    final = self._fetches.settle(outcome)
                    if self._plan.limits.capture:
                        self._pass_on(outcome, final)
                    if final is not None:
                        self._take(final, finals)
                if self._parsed:
                    self._hear(finals)
                yield from self._keep(finals)
            yield from self._last()
        except Leave:
            pass
        yield from self._keep([], last=True)

    def _last(self) -> Iterator[Final]:
        """What is still being parsed when nothing new is begun."""
        while self._parsed and not self._stop.over:
            self._parsers.wait(TICK)
            finals: list[Final] = []
            self._hear(finals)
            yield from self._keep(finals)

    def _pass_on(self, outcome: Outcome, final: Final | None) -> None:
        """Hand on what no page ends with: hops, answers that are tried again, rules, sitemaps."""
        kept = final.error.partial if isinstance(final, Failure) else final
        is_kept = isinstance(kept, Response) and outcome.request.purpose is Purpose.PAGE
        if isinstance(outcome, Response) and not is_kept:
            self._record.passed(outcome)

    def _take(self, final: Final, finals: list[Final]) -> None:
        """What a request brought goes to the frontier; a page's own outcome into `finals`."""
        purpose = final.request.purpose
        if purpose is not Purpose.PAGE:
            self._discovery.learn(final)
            if purpose is Purpose.SITEMAP:
                self._frontier.finish(final.request, *became(final))
            return
        if not isinstance(final, Response) or not self._discovery.has_links(final):
            finals.append(final)
            return
        if self._duplicates is not None:
            final = _warned(final, *self._duplicates.flag(final))
        self._key += 1
        found = self._parsers.submit(self._key, final)
        if found is None:
            self._parsed[self._key] = final
        else:
            finals.append(self._linked(final, found))

    def _hear(self, finals: list[Final]) -> None:
        """Take the links that were found elsewhere meanwhile, and their pages into `finals`."""
        for key, found in self._parsers.ready():
            finals.append(self._linked(self._parsed.pop(key), found))

    def _linked(self, page: Response, found: Found) -> Response:
        """The page, its links taken to the frontier, with what was odd about finding them."""
        self._discovery.add_links(page, found)
        return _warned(page, found.warning) if found.warning else page

    def _keep(self, finals: list[Final], *, last: bool = False) -> list[Final]:
        """Write what ended and make it last; it is what the caller may see then."""
        frontier, record, began = self._frontier, self._record, self._clock()
        finals += self._source.refused()
        finals += self._source.bad_lines()
        if self._source.ordered is not None:
            finals = self._in_turn(self._source.ordered, finals, last=last)
        for final in finals:
            record.write(final)
            if not is_bad_line(final):
                frontier.finish(final.request, *became(final, validators=frontier.durable))
        if frontier.durable:
            synced = last or self._clock() >= self._sync_at
            if synced:
                record.sync()
                self._sync_at = self._clock() + SYNC
            frontier.commit(record.marks(), synced=synced)
        self._spent.turn(self._clock() - began, Reason.OUTPUT)
        return finals

    def _in_turn(self, ordered: Ordered, ended: list[Final], *, last: bool) -> list[Final]:
        """What may be written now; bad lines that may not are kept, for no frontier has them."""
        free = ordered.released(ended) + (ordered.rest() if last else [])
        if self._frontier.durable:
            waiting = [line for line in ended if is_bad_line(line) and ordered.holds(line)]
            written = [line for line in free if is_bad_line(line)]
            if waiting or written:
                self._frontier.set_aside(waiting, written)
        return free


def _warned(page: Response, *words: str) -> Response:
    return replace(page, warnings=(*page.warnings, *words)) if words else page


def _log_exchange(outcome: Outcome) -> None:
    request = outcome.request
    log.debug(
        "exchange %s %s: %s in %.3f s (line %d, attempt %d)",
        request.method,
        request.url,
        outcome.error.code if isinstance(outcome, Failure) else outcome.status,
        outcome.elapsed,
        request.number,
        request.attempt,
    )
