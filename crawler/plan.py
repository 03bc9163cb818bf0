"""How a crawl fetches, and what it follows: one frozen value. Read beside it: planning.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.model import Limits, Network
from crawler.settling import RETRYABLE

if TYPE_CHECKING:
    from crawler.cookies import Jar


@dataclass(frozen=True, slots=True)
class Plan:
    """How a crawl fetches, and what it follows."""

    engine: str = "selectors"
    concurrency: int = 16
    limits: Limits = Limits()
    network: Network = Network()
    redirects: int = 10
    retry_on: tuple[str, ...] = (RETRYABLE,)
    rate: float = 0.0  # starts per second; 0 = no limit
    links: bool = False  # links on pages are followed
    requisites: bool = False  # what pages need to be shown is fetched
    sitemaps: bool = False  # the sitemaps that robots.txt names are read
    nofollow: bool = True  # what pages and links say against being followed is obeyed
    ordered: int = 0  # lines that may wait for an earlier one to be written first; 0 = no order
    max_pages: int = 0  # pages that may begin; 0 = no limit
    parser: str = "fast"
    parsers: int = 0  # processes that parse all pages; 0 = here, but for those that may take long
    select: tuple[str, ...] = ()  # fields taken from pages, as `Fields` takes them
    text: bool = False  # the field `text`, too
    processes: int = 1  # over which the exchanges and the work on pages are spread
    jar: Jar | None = None  # cookies are taken and given
    agent: str = "concurrent-crawler"  # our product token
