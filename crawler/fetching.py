"""fetch and fetch_all: a list of URLs through any engine, one final outcome for each.

    input ──► Listed ──► drive ──► engine ──► exchange ended
                ▲                                 │ settle()
                └──── again: hop, retry ◄─────────┤
                                                  └──► outcome to the caller

Read beside it: settling.py (what becomes of an exchange), drive.py (the pump), sharding.py.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crawler import sharding, urls
from crawler.drafts import seed_request
from crawler.drive import drive
from crawler.errors import EngineUnavailable, FetchError, InvalidURL
from crawler.forks import Owner
from crawler.frontier.listed import Listed
from crawler.model import Failure, Limits, Network, Pause, Request, Response, Skip
from crawler.reach import pinned
from crawler.settling import RETRYABLE, Fetches

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from crawler.contracts import Engine
    from crawler.model import Outcome


def fetch(
    url: str | Request,
    *,
    transport: str = "requests",
    limits: Limits = Limits(),
    follow: int = 10,
    network: Network = Network(),
) -> Response:
    """One URL fetched, redirects followed, content decoded: the response, whatever its status.

    Args:
        url: what a person would type (``example.org/a`` means https), or a Request.
        transport: ``requests``, ``urllib`` or ``socket``.
        limits: what it may cost in seconds and bytes.
        follow: redirects followed at most; 0 gives the redirect itself.
        network: proxy, certificates, addresses.

    Raises:
        InvalidURL: `url` is no http(s) URL.
        FetchError: no usable response came; `.code` says why, `.partial` holds what did.
    """
    request = url if isinstance(url, Request) else _request(text_of(url), 0)
    outcomes = fetch_all(
        [request],
        engine=f"sequential+{transport}",
        concurrency=1,
        limits=limits,
        follow=follow,
        network=network,
    )
    (outcome,) = outcomes
    if isinstance(outcome, Failure):
        raise outcome.error
    return outcome


def fetch_all(
    requests: Iterable[str | Request],
    *,
    engine: str = "selectors",
    concurrency: int = 20,
    limits: Limits = Limits(),
    follow: int = 10,
    network: Network = Network(),
    retry_on: tuple[str, ...] = (RETRYABLE,),
    processes: int = 1,
) -> Generator[Response | Failure, None, None]:
    """Every request fetched, as they end: exactly one outcome for each, in no particular order.

    `requests` is pulled lazily, never more than `concurrency` ahead of what has been yielded. Text
    that is no URL gives a Failure with the code ``url.invalid``.

    Args:
        requests: URLs as a person would type them, or Requests.
        engine: the I/O model; `crawl engines` lists them.
        concurrency: most exchanges under way at once.
        limits: what one exchange may cost; ``Limits(retries=0)`` tries nothing twice.
        follow: redirects followed at most; 0 gives the redirects themselves.
        network: proxy, certificates, addresses.
        retry_on: what is tried again: ``retryable``, statuses (``429``, ``5xx``), error codes or
            their families (``connect``, ``timeout.idle``).
        processes: over which the exchanges are spread; 1 = all in this one.

    Raises:
        EngineUnavailable: the engine cannot run here; raised at once, not at the first outcome.
        TypeError: `requests` is one URL instead of several; or, later, one of them is no text.
        ValueError: `concurrency` is less than 1, or `processes` not from 1 to 64.
    """
    refuse_one(requests)
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1, not {concurrency}")
    reason = sharding.refusal(engine, processes)
    if reason:
        raise EngineUnavailable(reason)
    return _fetch_all(requests, engine, concurrency, limits, follow, network, retry_on, processes)


def _fetch_all(
    requests: Iterable[str | Request],
    engine: str,
    concurrency: int,
    limits: Limits,
    follow: int,
    network: Network,
    retry_on: tuple[str, ...],
    processes: int,
) -> Generator[Response | Failure, None, None]:
    opened = sharding.opened(
        engine,
        processes=processes,
        concurrency=concurrency,
        limits=limits,
        network=network,
        looks=sharding.Looks(),
    )
    owner = Owner()
    try:
        yield from fetched(opened, requests, concurrency, limits, follow, network, retry_on)
    finally:
        if not owner.leaves(opened):
            opened.close()


def fetched(
    engine: Engine,
    requests: Iterable[str | Request],
    concurrency: int,
    limits: Limits,
    follow: int,
    network: Network,
    retry_on: tuple[str, ...],
) -> Iterator[Response | Failure]:
    """As `fetch_all`, through an engine that is open already and stays so."""
    stillborn: list[Failure] = []
    fetches = Fetches(
        Listed(_read(requests, stillborn)),
        limits=limits,
        follow=follow,
        retry_on=retry_on,
        proxied=bool(network.proxy),
        pinned=pinned(network),
    )
    for outcome in settled(engine, fetches, concurrency):
        if stillborn:
            yield from stillborn
            stillborn.clear()
        yield outcome
    yield from stillborn


def settled(engine: Engine, fetches: Fetches, concurrency: int) -> Iterator[Outcome]:
    """The final outcomes of all that `fetches` has: hops and retries are resolved."""
    settle = fetches.settle
    for ended in drive(engine, fetches, concurrency):
        for outcome in ended:
            final = settle(outcome)
            if final is not None and not isinstance(final, Skip):
                yield final


def _read(requests: Iterable[str | Request], stillborn: list[Failure]) -> Iterator[Request | Pause]:
    for number, item in enumerate(requests, 1):
        if isinstance(item, Request):
            yield item
            continue
        try:
            yield _request(text_of(item), number)
        except InvalidURL as error:
            failed = FetchError(str(error), code="url.invalid")
            shown = urls.without_user(item, is_url=False)
            stillborn.append(Failure(Request(shown, number=number), failed, datetime.now(UTC), 0.0))


def refuse_one(several: object, noun: str = "URL") -> None:
    """Raises TypeError for one URL where several are asked for: its letters would be fetched."""
    if isinstance(several, str | bytes | Request):
        shown = several.url if isinstance(several, Request) else several[:80]
        raise TypeError(f"one {noun} where a list of them belongs: write [{shown!r}]")


def text_of(item: object) -> str:
    """`item`, when it is text. Raises TypeError."""
    if not isinstance(item, str):
        raise TypeError(f"a URL is a str or a Request, not {item!r}")
    return item


def _request(url: str, number: int) -> Request:
    canonical, headers = urls.seed(url)
    return seed_request(canonical, headers, number=number, since=time.monotonic())
