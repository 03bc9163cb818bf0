"""What a page asks of robots: <meta name="robots"> and X-Robots-Tag. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.headers import Headers


@dataclass(frozen=True, slots=True)
class Directives:
    """What was asked."""

    follow: bool = True  # its links may be followed
    index: bool = True


def of_content(text: str) -> Directives:
    """The directives in the content of a meta element."""
    words = {word.strip().lower() for word in text.split(",")}
    return Directives(words.isdisjoint({"none", "nofollow"}), words.isdisjoint({"none", "noindex"}))


def of_headers(headers: Headers, agent: str) -> Directives:
    """The directives of all X-Robots-Tag fields, for everyone or for `agent`."""
    follow = index = True
    for value in headers.all("x-robots-tag"):
        name, colon, rest = value.partition(":")
        if not colon or name.strip().lower() == agent.lower():
            directives = of_content(rest if colon else value)
            follow, index = follow and directives.follow, index and directives.index
    return Directives(follow, index)
