"""Which URLs belong to a crawl: around the seeds, as deep and as wide as the user said. Pure.

    seeds ──add()──► places: one short text per origin, host, domain or folder, in a set
                       ▲
    found ──refusal()──┘ "" or a code: a URL costs the same with one seed and with ten million

| kind | what belongs to the seed https://www.example.org:8080/docs/a?b |
|---|---|
| origin | https://www.example.org:8080 |
| host | www.example.org, whatever the scheme and port |
| domain | example.org and every host under it (domains.py) |
| prefix | https://www.example.org:8080/docs/ and what is below |

Seeds were asked for by name: nothing but `exclude` is held against them. Read beside it: traps.py.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote_to_bytes

from crawler import urls
from crawler.domains import registered_domain
from crawler.model import Purpose
from crawler.traps import FINE, Bounds, Budgets, Ruling, shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from crawler.model import Request

MAX_DEPTH = 20  # links from a seed; Heritrix's TooManyHopsDecideRule
_DECODINGS = 3  # by proxies and servers, one after the other
_SHOWN = 80  # characters of a pattern quoted in a message


class Kept(Protocol):
    """What is known of earlier runs of a crawl."""

    def seeds(self) -> Iterable[str]:
        """The URLs that were given."""
        ...

    def moved(self) -> Iterable[tuple[str, str]]:
        """Seeds, each with a URL that redirects led to from it."""
        ...

    def found(self) -> Iterable[tuple[str, int]]:
        """Origins, each with the number of its pages that were found."""
        ...


class Scope:
    """What of the web a crawl takes.

    Args:
        kind: one of `KINDS`.
        include: patterns; a URL that was found must have one of them in it.
        exclude: patterns; no URL may have one of them in it.
        max_depth: links from a seed; None = no limit.
        bounds: what is a trap, and how much is enough of one host.

    Raises:
        ValueError: a pattern or the kind cannot be used; the message says why.
    """

    def __init__(
        self,
        *,
        kind: str = "origin",
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        max_depth: int | None = MAX_DEPTH,
        bounds: Bounds | None = None,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"no kind of scope: {kind!r} (there are {', '.join(KINDS)})")
        self.kind = kind
        self.max_depth = max_depth
        self.bounds = bounds or Bounds()
        self._include = tuple(pattern(text) for text in include)
        self._exclude = tuple(pattern(text) for text in exclude)
        self._places: set[str] = set()
        self._place = _PLACES[kind]
        # Only in a domain can hosts come up that nobody named.
        bounds = self.bounds if kind == "domain" else replace(self.bounds, hosts=0)
        self._budgets = Budgets(bounds)

    def add(self, seed: str) -> None:
        """Take in what belongs to the canonical URL `seed`."""
        self._places.add(self._place(seed))

    def moved(self, seed: str, url: str) -> bool:
        """A seed was redirected to `url`: take it in when its registered domain is the same.

        Else `example.org` would be a crawl of one page where it leads to `www.example.org`; and one
        parked domain in a list must not take in the site that it was sold to. Of a folder that is
        nearer to the root only what the old one would be there is taken in: a redirect to the front
        page of a site does not make all of it a prefix.
        """
        here, there = urls.origin(seed).host, urls.origin(url).host
        same = here == there or (registered_domain(here) or here) == registered_domain(there)
        if same and self.kind == "prefix":
            old, new = _folder(seed), _folder(url)
            self._places.add(_origin(url) + old[old.index("/", 8) :])
            if new.count("/") >= old.count("/"):
                self._places.add(new)
        elif same:
            self.add(url)
        return same

    def recall(self, kept: Kept) -> None:
        """Take in what earlier runs took in, and count what they counted by host."""
        for seed in kept.seeds():
            self.add(seed)
        for seed, url in kept.moved():
            self.moved(seed, url)
        for origin, pages in kept.found():
            self._budgets.recall(origin + "/", pages)

    def refusal(self, request: Request) -> str:
        """Why `request` is not made, as a stable code (policy.*); "" when it may be."""
        return self.ruling(request).code

    def count(self, request: Request) -> None:
        """`request` was taken, for the first time: it counts for the budgets of its host."""
        if request.depth:
            self._budgets.count(request.url)

    def ruling(self, request: Request) -> Ruling:
        """As `refusal`, with the reason in words."""
        url = request.url
        if request.purpose is not Purpose.PAGE:
            return FINE
        if not request.depth:
            return self._excluded(url)
        if not self._holds(url):
            return Ruling("policy.out_of_scope", f"not of the {self.kind} of a seed")
        if self.max_depth is not None and request.depth > self.max_depth:
            return Ruling("policy.too_deep", f"{request.depth} links deep, not {self.max_depth}")
        ruling = shape(url, self.bounds)
        if ruling.code:
            return ruling
        ruling = self._excluded(url)
        if ruling.code:
            return ruling
        if self._include and not any(found.search(url) for found in self._include):
            return Ruling("policy.excluded", "no pattern of include is in it")
        return self._budgets.ruling(url)

    def _excluded(self, url: str) -> Ruling:
        for found in self._exclude:
            if found.search(url):
                return Ruling("policy.excluded", f"exclude has {found.pattern!r}")
        return FINE

    def _holds(self, url: str) -> bool:
        if self.kind != "prefix":
            return self._place(url) in self._places
        if _climbs(url):
            return False
        places, at = self._places, url.find("/", 8)
        while at > 0:  # into the query, too: no place has a "?" in it
            if url[: at + 1] in places:
                return True
            at = url.find("/", at + 1)
        return False


def scope_of(
    seeds: Iterable[str],
    *,
    kind: str = "origin",
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    max_depth: int | None = MAX_DEPTH,
    bounds: Bounds | None = None,
) -> Scope:
    """The scope around `seeds`, which are canonical URLs. Raises ValueError as Scope."""
    scope = Scope(kind=kind, include=include, exclude=exclude, max_depth=max_depth, bounds=bounds)
    for seed in seeds:
        scope.add(seed)
    return scope


def pattern(text: str) -> re.Pattern[str]:
    """The regular expression `text`. Raises ValueError that says what is wrong, and where."""
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a set may mean in a later Python
            return re.compile(text)
    except re.error as error:
        where = "" if error.pos is None else f" at character {error.pos + 1}"
        raise ValueError(f"not a regular expression: {shown!r}: {error.msg}{where}") from error
    except (OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {shown!r}: too large") from error


def _origin(url: str) -> str:
    end = url.find("/", 8)
    return url if end < 0 else url[:end]


def _host(url: str) -> str:
    return urls.origin(url).host.removesuffix(".")


def _domain(url: str) -> str:
    host = _host(url)
    return registered_domain(host) or host


def _folder(url: str) -> str:
    """The URL up to the last slash of its path."""
    path = url.partition("?")[0]
    return path[: path.rindex("/") + 1]


def _climbs(url: str) -> bool:
    """Whether a server that decodes the path early could see a ``..`` in it."""
    path = url.partition("?")[0]
    if "%" not in path and ";" not in path:
        return False  # dot segments in plain sight are resolved in a canonical URL
    decoded = path.encode("ascii")
    for _ in range(_DECODINGS):
        decoded = unquote_to_bytes(decoded)
        segments = decoded.replace(b"\\", b"/").split(b"/")
        # ``..;x`` is a dot segment where parameters are cut off first (Tomcat, Jetty).
        if any(segment.partition(b";")[0] == b".." for segment in segments):
            return True
    return False


_PLACES: dict[str, Callable[[str], str]] = {
    "origin": _origin,
    "host": _host,
    "domain": _domain,
    "prefix": _folder,
}
KINDS = tuple(_PLACES)
