"""crawl: pages and what they link to, politely, from a program.

    for outcome in crawl(["https://example.org/"], state="crawl.db", outputs=["pages.jsonl"]):
        ...                                          what was yielded is durable

It is the loop of the command (crawling.py) with its frontier, manners and outputs, as an iterator.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import crawler
from crawler import sharding, urls
from crawler.became import never_made
from crawler.cookies import Jar
from crawler.crawling import WINDOW, crawled, discovery_of
from crawler.drafts import seed_request
from crawler.errors import EngineUnavailable, InvalidURL
from crawler.fetching import refuse_one, text_of
from crawler.forks import Owner
from crawler.frontier import opening
from crawler.frontier.memory import Memory
from crawler.model import Limits, Network, Request
from crawler.plan import Plan
from crawler.politeness import Politeness
from crawler.robots import agent_token
from crawler.scope import MAX_DEPTH, Scope
from crawler.settling import RETRYABLE
from crawler.sinks import archived, is_warc
from crawler.stopping import Stop
from crawler.traps import Bounds

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from crawler.contracts import Sink
    from crawler.model import Failure, Final, Response
    from crawler.sinks import Output

_INPUT = ""  # the key among the marks that no output has: how many seeds were taken


def crawl(
    seeds: Iterable[str | Request],
    *,
    follow: bool = True,
    scope: Scope | str = "origin",
    max_depth: int | None = MAX_DEPTH,
    max_pages: int = 0,
    max_per_host: int = 10_000,
    requisites: bool = False,
    sitemaps: bool = False,
    robots: bool = True,
    politeness: Politeness | None = None,
    engine: str = "selectors",
    concurrency: int = 20,
    limits: Limits = Limits(),
    network: Network = Network(),
    state: Path | str | None = None,
    outputs: Iterable[Path | str] = (),
    sinks: Iterable[Sink] = (),
    user_agent: str = "",
    processes: int = 1,
    cookies: bool = False,
) -> Generator[Final, None, None]:
    """Every page's outcome: of the seeds, and of what they link to within the scope.

    An outcome is yielded when it is written to every sink and, with `state`, when that is
    committed: a program that is killed and started again with the same arguments goes on, and gets
    what it has not been given. Nothing new begins while an outcome is looked at.

    Args:
        seeds: URLs as a person would type them, or Requests.
        follow: links are followed; False fetches the seeds alone, with the same manners.
        scope: ``origin``, ``host``, ``domain``, ``prefix``, or a Scope of your own.
        max_depth: links from a seed; None = no limit.
        max_pages: pages that may begin; 0 = no limit.
        max_per_host: pages of one host that may be found; 0 = no limit.
        requisites: what pages need to be shown is fetched, too: images, styles, scripts.
        sitemaps: the sitemaps that robots.txt names are read.
        robots: robots.txt, nofollow and Crawl-delay are obeyed.
        politeness: how hosts are treated; None = gently, by the table in docs/politeness.md.
        engine: the I/O model; `crawl engines` lists them.
        concurrency: most exchanges under way at once.
        limits: what one exchange may cost.
        network: proxy, certificates, addresses.
        state: a file that keeps the whole crawl; None = memory.
        outputs: files: .jsonl, .csv, .warc.gz, ...; with `state` they go on where they were.
        sinks: further places to write to; closed at the end.
        user_agent: its first word is what robots.txt calls us.
        processes: over which the exchanges and the work on pages are spread; 1 = all in this one.
        cookies: what servers set is sent back to them, as a browser would; not kept in `state`.

    Raises:
        EngineUnavailable: the engine cannot run here; raised at once, not at the first outcome.
        TypeError: `seeds` or `outputs` is one instead of several; later, one of them is no text.
        ValueError: `concurrency` is less than 1, `processes` not from 1 to 64, or there is no such
            scope.
        FrontierError: the state is in use, damaged, or cannot be written.
        SinkError: an output cannot be written; what was yielded is safe.
    """
    refuse_one(seeds)
    refuse_one(outputs, "output")
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1, not {concurrency}")
    reason = sharding.refusal(engine, processes)
    if reason:
        raise EngineUnavailable(reason)
    if isinstance(scope, str):
        bounds = Bounds(pages=max_per_host, queries=max_per_host // 2)
        scope = Scope(kind=scope, max_depth=max_depth, bounds=bounds)
    written = tuple(map(str, outputs))
    named = user_agent or f"concurrent-crawler/{crawler.__version__}"
    plan = Plan(
        engine=engine,
        concurrency=concurrency,
        limits=replace(limits, capture=True) if any(map(is_warc, written)) else limits,
        network=network,
        retry_on=(RETRYABLE, "429", "503"),
        links=follow,
        requisites=requisites,
        sitemaps=sitemaps,
        nofollow=robots,
        max_pages=max_pages,
        agent=agent_token(named),
        processes=processes,
        jar=Jar() if cookies else None,
    )
    manners = politeness or Politeness(concurrency=concurrency, follow=follow, crawl_delay=robots)
    fields: tuple[tuple[str, str], ...] = (("User-Agent", user_agent),) if user_agent else ()
    if plan.limits.capture:
        fields = archived(fields)
    return _crawl(
        seeds, plan, scope, manners, fields, robots, Path(state) if state else None, written, sinks
    )


def _crawl(
    seeds: Iterable[str | Request],
    plan: Plan,
    scope: Scope,
    politeness: Politeness,
    fields: tuple[tuple[str, str], ...],
    robots: bool,
    state: Path | None,
    outputs: Iterable[str],
    sinks: Iterable[Sink],
) -> Generator[Final, None, None]:
    with contextlib.ExitStack() as stack:
        frontier = opening.opened(state, politeness, agent=plan.agent, fields=fields, robots=robots)
        stack.callback(frontier.close)
        marks: dict[str, str] | None = None
        if not isinstance(frontier, Memory):
            marks = dict(frontier.marks)
            scope.recall(frontier)
        taken = int((marks or {}).pop(_INPUT, "0"))
        record = _Record(outputs, sinks, marks, taken, plan.engine, stack)
        given = _requests(seeds, fields, record)
        frontier.commit(record.marks())
        Owner().guard(stack)
        wanted = scope if plan.links or plan.sitemaps or plan.requisites else None
        yield from crawled(
            given,
            plan,
            frontier,
            record,
            Stop(),
            discovery=discovery_of(plan, frontier, wanted),
            window=0 if frontier.durable else WINDOW,
        )
        record.close()


class _Record:
    """The outputs of a crawl: see `crawling.Record`."""

    def __init__(
        self,
        outputs: Iterable[str],
        sinks: Iterable[Sink],
        marks: Mapping[str, str] | None,
        taken: int,
        engine: str,
        stack: contextlib.ExitStack,
    ) -> None:
        from crawler.sinks import open as opened
        from crawler.sinks.record import Describer

        describer = Describer(engine=engine)
        self.before = taken  # seeds that earlier runs took
        self.taken = taken
        self._named: dict[str, Output] = {}
        self._sinks: list[Sink] = list(sinks)
        for target in outputs:
            mark = (marks or {}).get(target, "")
            mode = "new" if marks is None else "resume"
            self._named[target] = opened(target, describer, mode=mode, mark=mark)
            stack.callback(_closed_quietly, self._named[target])
        self._sinks += self._named.values()
        self._archives = [output for name, output in self._named.items() if is_warc(name)]

    def write(self, final: Final, /) -> None:
        for sink in self._sinks:
            sink.write(final)

    def passed(self, response: Response, /) -> None:
        for output in self._archives:
            output.write(response)

    def marks(self) -> dict[str, str]:
        marks = {target: output.mark() for target, output in self._named.items()}
        return {**marks, _INPUT: str(max(self.before, self.taken))}

    def sync(self) -> None:
        for output in self._named.values():
            output.sync()

    def close(self) -> None:
        for sink in self._sinks:
            sink.close()


def _closed_quietly(output: Output) -> None:
    """After an error there is nothing to add."""
    with contextlib.suppress(crawler.SinkError):
        output.close()


def _requests(
    seeds: Iterable[str | Request], fields: tuple[tuple[str, str], ...], record: _Record
) -> Iterator[Request | Failure]:
    """The seeds that no earlier run has taken."""
    for number, seed in enumerate(seeds, 1):
        if number <= record.before:
            continue
        record.taken = number
        if isinstance(seed, Request):
            yield seed
            continue
        try:
            url, own = urls.seed(text_of(seed))
        except InvalidURL as error:
            shown = urls.without_user(seed, is_url=False)
            yield never_made(Request(shown, number=number, text=shown), "url.invalid", str(error))
            continue
        text = urls.without_user(seed)
        yield seed_request(url, (*fields, *own), number=number, since=time.monotonic(), text=text)
