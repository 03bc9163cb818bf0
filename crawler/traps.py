"""Sites that never end: how their URLs look, and how much of one site a crawl takes. Pure.

| trap | how it looks | what stops it |
|---|---|---|
| a relative link without its slash | /x/x/x/x | the same segments again and again |
| two pages that link below each other | /a/b/a/b/a/b | as above, with groups of segments |
| folders without end | 20 segments and more | their number |
| a state in the query: sessions, calendars | /calendar?month=1 .. | queries of one path |
| pages made up as they are asked for | any URL | pages of one host |
| a farm: any name under a domain answers | a1.farm.example .. | hosts of one domain |

The rules on segments are Heritrix's (PathologicalPathDecideRule, TooManyPathSegmentsDecideRule),
the last one is IRLbot's (Lee et al., WWW 2008).
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from crawler import urls
from crawler.domains import registered_domain

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROWS = 4
_WIDTH = 18  # bits: 2**18 counters a row, 4 MiB in all


class Ruling(NamedTuple):
    """What policy says about a URL."""

    code: str  # "" when there is nothing against it
    why: str = ""  # in words


FINE = Ruling("")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a site a crawl takes that follows links; 0 = no bound."""

    url: int = 2083  # bytes; Heritrix's TooLongURL, the longest that Internet Explorer took
    segments: int = 20  # Heritrix
    repeats: int = 2  # times that segments stand side by side; Heritrix
    pages: int = 10_000  # of one host
    queries: int = 5_000  # of one path: half of a host, for sites that are one script
    hosts: int = 1_000  # of one registered domain


def shape(url: str, bounds: Bounds) -> Ruling:
    """Whether the canonical `url` looks like one of a trap: its length and its path."""
    if bounds.url and len(url) > bounds.url:
        return Ruling("policy.url_too_long", f"{len(url)} bytes, more than {bounds.url}")
    start, end = url.find("/", 8), url.find("?")
    path = url[start:end] if end > 0 else url[start:]
    slashes = path.count("/")
    if slashes <= bounds.repeats:
        return FINE
    if bounds.segments and slashes > bounds.segments:
        return Ruling("policy.trap", f"{slashes} path segments, more than {bounds.segments}")
    segments = path.split("/")[1:]
    if bounds.repeats and len(set(segments)) < len(segments):
        group = _repeated(segments, bounds.repeats + 1)
        if group is not None:
            times = f"more than {bounds.repeats} times"
            return Ruling("policy.trap", f"/{group} stands {times} side by side in the path")
    return FINE


def _repeated(segments: Sequence[str], times: int) -> str | None:
    """The shortest group of segments that stands at least `times` in a row, if there is one."""
    for size in range(1, len(segments) // times + 1):
        equal = 0  # how many segments in a row were the same as the one `size` before
        for at in range(size, len(segments)):
            equal = equal + 1 if segments[at] == segments[at - size] else 0
            if equal == size * (times - 1):
                return "/".join(segments[at - size + 1 : at + 1])
    return None


class Budgets:
    """How much was taken of each host, path and domain.

    Only URLs that are new may be counted: a page that everything links to is one page.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._counts = Counts()

    def ruling(self, url: str) -> Ruling:
        """Whether there is room for another URL of its host, path and domain."""
        bounds, counts = self._bounds, self._counts
        host = urls.origin(url).host
        pages = counts.of("host " + host)
        if bounds.pages and pages >= bounds.pages:
            return Ruling("policy.budget", f"{pages} pages of {host} are taken")
        path, mark, _ = url.partition("?")
        if mark and bounds.queries and counts.of("path " + path) >= bounds.queries:
            return Ruling("policy.budget", f"{bounds.queries} queries of {path} are taken")
        if pages or not bounds.hosts:
            return FINE
        domain = registered_domain(host)
        if domain and counts.of("domain " + domain) >= bounds.hosts:
            return Ruling("policy.budget", f"{bounds.hosts} hosts of {domain} are taken")
        return FINE

    def count(self, url: str) -> None:
        """One more URL was taken."""
        self.recall(url, 1)
        path, mark, _ = url.partition("?")
        if mark:
            self._counts.add("path " + path)

    def recall(self, url: str, pages: int) -> None:
        """So many URLs of the host of `url` were taken."""
        host = urls.origin(url).host
        taken = self._counts.add("host " + host, pages)
        if taken == pages and self._bounds.hosts and (domain := registered_domain(host)):
            self._counts.add("domain " + domain)


class Counts:
    """A count-min sketch: counts of any number of keys in fixed memory, never too small.

    They are too large where other keys share all counters of a key. Cormode and Muthukrishnan 2005;
    only the smallest counters are raised: Estan and Varghese 2002.
    """

    def __init__(self, *, width: int = _WIDTH) -> None:
        self._width = width
        self._table = array("I", bytes(4 * _ROWS << width))

    def of(self, key: str) -> int:
        """How often `key` was added."""
        table = self._table
        one, two, three, four = _slots(key, self._width)
        return min(table[one], table[two], table[three], table[four])

    def add(self, key: str, times: int = 1) -> int:
        """Count `key` so many times more; how often it was added now."""
        table, slots = self._table, _slots(key, self._width)
        count = min(table[slot] for slot in slots) + times
        for slot in slots:
            table[slot] = max(table[slot], count)
        return count


@lru_cache(maxsize=4096)  # the links of a page have few hosts and paths
def _slots(key: str, width: int) -> tuple[int, int, int, int]:
    """Where the counters of `key` are, one in each row."""
    bits = int.from_bytes(blake2b(key.encode(), digest_size=16).digest())
    mask, row = (1 << width) - 1, 1 << width
    return (
        bits & mask,
        (bits >> width & mask) + row,
        (bits >> 2 * width & mask) + 2 * row,
        (bits >> 3 * width & mask) + 3 * row,
    )
