"""Pages that came twice, and pages that only say they are pages. Pure; flags, never drops.

| flag | when it stands with a page of status 2xx |
|---|---|
| warn.duplicate_body | another URL of the host had the same body |
| warn.soft_404 | its title says not found, and several had it |
| warn.soft_block | its title asks for a captcha or denies access, and several had it |

Error pages like to repeat the address that was asked for: for the last two it does not count. What
is kept has a bound: of a large crawl the most recent bodies are known.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crawler import urls
from crawler.sameness import fingerprint

if TYPE_CHECKING:
    from crawler.model import Response

MOST = 20_000  # bodies known: some 5 MB
SEVERAL = 3  # URLs with one body
_HEAD = 8 * 1024  # bytes in which a title begins
_SHORTEST = 4  # characters of an address worth looking for
_TITLE = re.compile(rb"<title[^>]{0,200}>([^<]{0,300})", re.IGNORECASE)
_NOT_FOUND = re.compile(
    rb"\b404\b|\b410\b|not found|no longer (?:exists|available)|does(?: not|n.t) exist"
    rb"|(?:can(?:not|.t)|could(?: not|n.t)) be found|page missing|nicht gefunden|introuvable"
    rb"|no encontrad|non trovat|n.o encontrad|niet gevonden",
    re.IGNORECASE,
)
_BLOCKED = re.compile(
    rb"captcha|access denied|are you (?:a )?(?:human|robot)|not a robot|unusual traffic"
    rb"|just a moment|attention required|forbidden|blocked|too many requests",
    re.IGNORECASE,
)


class Duplicates:
    """The bodies of a crawl, by host."""

    def __init__(self, *, most: int = MOST) -> None:
        self._bodies = _Met(most)
        self._errors = _Met(most)  # bodies of error pages, without their addresses

    def flag(self, response: Response) -> tuple[str, ...]:
        """What is to be said of `response`, which is remembered."""
        body = response.body
        if not body or not 200 <= response.status < 300:
            return ()
        host, page = urls.origin(response.url).authority, fingerprint(response.url)
        flags: tuple[str, ...] = ()
        if self._bodies.others(_digest(host, body), page):
            flags = ("warn.duplicate_body",)
        found = _TITLE.search(body[:_HEAD])
        title = found[1] if found else b""
        said = "warn.soft_404" if _NOT_FOUND.search(title) else ""
        said = said or ("warn.soft_block" if _BLOCKED.search(title) else "")
        if not said:
            return flags
        digest = _digest(host, _without_address(response))
        return (*flags, said) if self._errors.others(digest, page) + 1 >= SEVERAL else flags


class _Met:
    """How many pages had a body, of the bodies that were met last."""

    def __init__(self, most: int) -> None:
        self._most = most
        # body -> the first page that had it, and how many others; least recently met first
        self._known: dict[int, tuple[bytes, int]] = {}

    def others(self, body: int, page: bytes) -> int:
        """How many other pages had this body before; one more has it now."""
        first, others = self._known.pop(body, (page, 0))
        others += first != page
        self._known[body] = first, others
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return others


def _digest(host: str, body: bytes) -> int:
    # SipHash: 64 bits that nobody outside can aim at, and a fifth of what BLAKE2b costs.
    return hash((host, body))


def _without_address(response: Response) -> bytes:
    body, target = response.body, urls.target(response.url)
    for text in (target, target.rpartition("/")[2]):
        if len(text) >= _SHORTEST:
            escaped = text.replace("&", "&amp;")
            body = body.replace(text.encode(), b"").replace(escaped.encode(), b"")
    return body
