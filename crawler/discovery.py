"""What an outcome brings to the frontier: links of a page, rules of a host, entries of a sitemap.

    page ──► extract ──► links ─┐
    robots.txt ──► rules        ├──► scope ──► frontier
          └──► sitemaps ──► entries ┘

Read beside it: crawling.py (who asks), extract.py, scope.py, robots.py, sitemaps.py.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from crawler import robots, sitemaps
from crawler.errors import BodyTooLarge, CrawlerError, DecodeError
from crawler.hops import Links
from crawler.model import Failure, Limits, Purpose, Request, Response, Skip
from crawler.safety import safe_text
from crawler.wire.decode import decode

if TYPE_CHECKING:
    from crawler.contracts import Frontier
    from crawler.extract import Found
    from crawler.model import Final, Outcome
    from crawler.scope import Scope

log = logging.getLogger(__name__)

_GUESSED = "/sitemap.xml"  # where a site's sitemap stands when its robots.txt names none
_SITEMAPS_DEEP = 3  # an index may name an index, which the protocol does not allow
_TAKEN = 20_000  # URLs known to be in the frontier: 4 MB
_LONG = 200  # bytes of a URL that is not kept among them


class Discovery:
    """Adds to a frontier what outcomes name.

    Args:
        frontier: where it goes.
        agent: our product token.
        scope: what belongs to the crawl; None = nothing is added.
        links: links on pages are followed.
        requisites: what pages need to be shown is taken, too: images, styles, scripts.
        use_sitemaps: the sitemaps that robots.txt names are read.
        nofollow: what pages and links say against being followed is obeyed.
        proxied: exchanges go through a proxy, so the peer's address says nothing about the host.

    Attributes:
        left_out: links that were not taken, by the code of the reason; a link counts each time.
    """

    def __init__(
        self,
        frontier: Frontier,
        *,
        agent: str,
        scope: Scope | None = None,
        links: bool = False,
        requisites: bool = False,
        use_sitemaps: bool = False,
        nofollow: bool = True,
        proxied: bool = False,
    ) -> None:
        self.left_out: Counter[str] = Counter()
        self._frontier = frontier
        self._agent = agent
        self._scope = scope
        self._links = links
        self._requisites = requisites
        self._sitemaps = use_sitemaps
        self._nofollow = nofollow
        self._proxied = proxied
        self._taken: set[str] = set()  # what a frontier has it does not take again

    def seed(self, request: Request) -> None:
        """A seed was added: what belongs to it belongs to the crawl."""
        if self._scope is not None:
            self._scope.add(request.url)

    def refuse(self, hop: Request) -> tuple[str, str]:
        """Why a redirect is not followed: a code and a reason; both empty when it is."""
        scope = self._scope
        if scope is None or hop.purpose is not Purpose.PAGE:
            return "", ""
        if hop.depth == 0 and hop.parent is None:
            scope.moved(hop.via[0], hop.url)
        ruling = scope.ruling(hop)
        if ruling.code:
            return ruling.code, ruling.why
        if self._frontier.is_new(hop):
            return "", ""
        return "url.duplicate", f"redirects to {hop.url}, which was seen before"

    def has_links(self, final: Final) -> bool:
        """Whether what that page refers to is wanted."""
        if not isinstance(final, Response) or not final.ok or not final.body:
            return False
        return self._requisites or self._follows(final)

    def add_links(self, page: Response, found: Found) -> None:
        """Queue what the page refers to, as far as the scope reaches."""
        depth = page.request.depth
        if self._follows(page) and (found.follow or not self._nofollow):
            self._add_all(page, found.links, depth + 1)
        if found.requisites:  # a part of the page, however deep that is
            self._add_all(page, found.requisites, max(1, depth))

    def _add_all(self, page: Response, urls: tuple[str, ...], depth: int) -> None:
        taken = self._taken
        new = [url for url in urls if url not in taken]
        if not new:
            return  # pages of a site link to the same pages again and again
        links = Links(page, proxied=self._proxied)
        for url in new:
            self._add(links.to(url, depth=depth))

    def _follows(self, page: Response) -> bool:
        deepest = self._scope.max_depth if self._scope is not None else None
        return self._links and (deepest is None or page.request.depth < deepest)

    def learn(self, final: Final) -> None:
        """What a robots.txt or a sitemap says."""
        if isinstance(final, Skip):
            return
        if final.request.purpose is Purpose.ROBOTS:
            self._learn_rules(final)
            return
        sitemap = final if isinstance(final, Response) else final.error.partial
        if sitemap is not None and 200 <= sitemap.status < 300:
            self._read_sitemap(sitemap)

    def _learn_rules(self, final: Outcome) -> None:
        request = final.request
        first = request.via[0] if request.via else request.url
        origin = first[: first.index("/", 8)]
        learnt = robots.judge(_decoded(final), self._agent)
        if learnt.rules is None:
            log.info("%s: no rules: %s", origin, safe_text(learnt.reason))
        self._frontier.learn(origin, learnt)
        if self._sitemaps and isinstance(final, Response) and learnt.rules is not None:
            links = Links(final, proxied=self._proxied)
            for url in learnt.rules.sitemaps or (origin + _GUESSED,):
                self._add(links.to(url, depth=1, purpose=Purpose.SITEMAP))

    def _read_sitemap(self, final: Response) -> None:
        depth = final.request.depth
        links = Links(final, proxied=self._proxied)
        try:
            for entry in sitemaps.entries(final):
                if not entry.is_sitemap:
                    self._add(links.to(entry.url, depth=1))
                elif depth < _SITEMAPS_DEEP:
                    self._add(links.to(entry.url, depth=depth + 1, purpose=Purpose.SITEMAP))
        except CrawlerError as error:  # what came before the fault was taken
            log.warning("%s: %s", safe_text(final.url), safe_text(str(error)))

    def _add(self, request: Request) -> None:
        scope = self._scope
        if scope is None:
            return
        refused = scope.refusal(request)
        if refused:
            self.left_out[refused] += 1
            return
        is_new = self._frontier.add(request)
        if request.purpose is Purpose.PAGE:
            if is_new:
                scope.count(request)
            self._remember(request.url)

    def _remember(self, url: str) -> None:
        """The frontier has it."""
        if len(url) > _LONG:
            return
        if len(self._taken) >= _TAKEN:
            self._taken.clear()
        self._taken.add(url)


def _decoded(rules: Outcome) -> Outcome:
    """A robots.txt that is too large when decoded, with what it begins with as its body."""
    if not isinstance(rules, Failure) or rules.error.code != "body.too_large":
        return rules
    partial = rules.error.partial
    if partial is None or not (codings := partial.headers.all("content-encoding")):
        return rules
    try:
        beginning = decode(partial.raw, codings, Limits(max_bytes=robots.SIZE)).body
    except (BodyTooLarge, DecodeError) as error:
        beginning = error.prefix
    failed = BodyTooLarge(str(rules.error))
    failed.partial = replace(partial, body=beginning)
    return replace(rules, error=failed)
