"""What a row is made of that takes a crawl: public sites, how they are crawled, what comes of it.

A row's sites answer under its own name, ``rb01.test`` for RB01, and under any name below that. URLs
are written as links on the front page would be: ``/a``, ``//other.rb01.test/a``, or whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin

from hostile.row import Script, Send, whole

NEVER = 0.0, 0.0


@dataclass(frozen=True)
class Asked:
    """One request, as the site that answers it sees it."""

    url: str  # whole
    path: str
    times: int  # requests for this URL so far, with this one
    under_way: int  # requests of the row that have no answer yet, with this one


Site = Mapping[str, Script | Callable[[Asked], Script]]


@dataclass(frozen=True)
class CrawlRow:
    """One behaviour of the catalogue and what a crawl makes of it."""

    id: str
    site: Site = field(default_factory=dict)  # "*" is whatever else is asked for; else it is 404
    seeds: tuple[str, ...] = ("/",)
    fetch: bool = False  # by fetch_all, without manners

    # How it is crawled: arguments of crawl(), fields of Limits, Politeness, Scope and its Bounds.
    options: Mapping[str, object] = field(default_factory=dict)
    limits: Mapping[str, object] = field(default_factory=dict)
    polite: Mapping[str, object] = field(default_factory=dict)
    scope: Mapping[str, object] = field(default_factory=dict)
    bounds: Mapping[str, int] = field(default_factory=dict)
    aged: float = 0.0  # seconds by which what is known of hosts is made older, before `then`
    then: CrawlRow | None = None  # the same crawl, taken up again

    # What must come of it.
    outcomes: Mapping[str, str] = field(default_factory=dict)  # status or code, of these at least
    warnings: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)  # what the page must have in its text
    seen: Mapping[str, int] = field(default_factory=dict)  # requests for these URLs
    never: tuple[str, ...] = ()  # URLs that nobody asks for
    total: tuple[int, int] = (0, 0)  # requests in all, between these; (0, 0) is not looked at
    most: int = 0  # requests under way at once, at most; 0 is not looked at
    late_most: int = 0  # the same, of the last third of the requests
    rests: tuple[float, float] = (
        NEVER  # seconds its host is left to rest, between; the crawl ends there
    )
    apart: float = 0.0  # seconds between the first two requests for the last seed, at least
    refused: Mapping[str, str] = field(default_factory=dict)  # what the scope says of these links
    connections: int = 0  # that the requests came on; 0 is not looked at
    outputs: Mapping[str, bytes] = field(default_factory=dict)  # what is in it, by kind of file

    @property
    def host(self) -> str:
        """The row's own name."""
        return f"{self.id.lower()}.test"

    @property
    def is_about_time(self) -> bool:
        """Whether a busy processor could make it come out otherwise."""
        return self.rests != NEVER or self.late_most > 0 or "dns" in self.limits

    def url(self, reference: str) -> str:
        """The whole URL."""
        return urljoin(f"http://{self.host}/", reference)


def page(*links: str, title: str = "page", head: str = "", fields: tuple[str, ...] = ()) -> Script:
    """An HTML page with these links."""
    body = "".join(f'<a href="{link}">x</a>' for link in links)
    return html(f"<!doctype html><title>{title}</title>{head}<p>{body}".encode(), *fields)


def html(body: bytes, *fields: str) -> Script:
    """An HTML page as it stands."""
    return (Send(whole(body, "Content-Type: text/html; charset=utf-8", *fields)),)


def typed(kind: str, body: bytes) -> Script:
    """A body of that Content-Type."""
    return (Send(whole(body, f"Content-Type: {kind}")),)


def text(body: str | bytes) -> Script:
    """A text file: a robots.txt, say."""
    return typed("text/plain", body.encode() if isinstance(body, str) else body)


def status(number: int, *fields: str, body: bytes = b"") -> Script:
    """An answer of that status."""
    return (Send(whole(body, *fields, status=f"{number} -")),)


def moved(location: str) -> Script:
    """A redirect."""
    return status(302, f"Location: {location}")
