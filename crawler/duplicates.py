"""Pages that came twice, and pages that only say they are pages. Pure; flags, never drops.

| flag | when it stands with a page of status 2xx |
|---|---|
| warn.duplicate_body | another URL of the host had the same body |
| warn.soft_404 | so had several, and the title says not found; or a path that cannot exist had |
| warn.soft_block | so had several, and the title asks for a captcha or denies access |

Bodies are the same when they differ only in the page's own address: error pages like to repeat it.
What is kept has a bound: of a large crawl the most recent bodies are known.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING

from crawler import urls
from crawler.sameness import fingerprint

if TYPE_CHECKING:
    from crawler.model import Response

MOST = 20_000  # bodies known: some 5 MB
SEVERAL = 3  # URLs with one body before its title is read
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
        self._most = most
        # What a body is known by -> the first URL that had it, how many others had it, and whether
        # a path that cannot exist had it. Least recently met first.
        self._bodies: dict[bytes, tuple[bytes, int, bool]] = {}

    def unknown(self, response: Response) -> None:
        """Remember what the host answers to a path that cannot exist."""
        self._meet(_key(response), response.url, unknown=True)

    def flag(self, response: Response) -> tuple[str, ...]:
        """What is to be said of `response`, which is remembered."""
        if not response.body or not 200 <= response.status < 300:
            return ()
        others, unknown = self._meet(_key(response), response.url)
        if unknown:
            return ("warn.soft_404",)
        if not others:
            return ()
        flags = ["warn.duplicate_body"]
        if others + 1 >= SEVERAL:
            found = _TITLE.search(response.body[:_HEAD])
            title = found[1] if found else b""
            if _NOT_FOUND.search(title):
                flags.append("warn.soft_404")
            elif _BLOCKED.search(title):
                flags.append("warn.soft_block")
        return tuple(flags)

    def _meet(self, key: bytes, url: str, *, unknown: bool = False) -> tuple[int, bool]:
        """How many other URLs had this body before, and whether an unknown path had it."""
        page = fingerprint(url)
        first, others, was_unknown = self._bodies.pop(key, (page, 0, False))
        if first != page:
            others += 1
        self._bodies[key] = first, others, unknown or was_unknown
        if len(self._bodies) > self._most:
            del self._bodies[next(iter(self._bodies))]
        return others, was_unknown


def _key(response: Response) -> bytes:
    body = response.body
    host, target = urls.origin(response.url).authority, urls.target(response.url)
    if b"<" in body[:_HEAD]:
        for text in (target, target.rpartition("/")[2]):
            if len(text) >= _SHORTEST:
                body = body.replace(text.encode(), b"").replace(
                    text.replace("&", "&amp;").encode(), b""
                )
    return blake2b(body, digest_size=16, key=blake2b(host.encode()).digest()).digest()
