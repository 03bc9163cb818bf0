"""What a page asks of robots: <meta name="robots"> and X-Robots-Tag. Pure.

    <meta name="robots" content="noindex, nofollow">      of_content
    X-Robots-Tag: nofollow, otherbot: none                of_headers

Words that are not known mean nothing, and of several the strictest holds.
https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.headers import Headers

_NO_FOLLOW = frozenset({"nofollow", "none"})
_NO_INDEX = frozenset({"noindex", "none"})
# Rules that have a value behind a colon: what stands before it is no robot's name.
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_ROBOT = re.compile(r"[\t ]*([A-Za-z0-9_-]+)[\t ]*:(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Directives:
    """What was asked."""

    follow: bool = True  # its links may be followed
    index: bool = True  # it may be shown to people who search


def of_content(text: str) -> Directives:
    """The directives in the content of a meta element."""
    words = set(re.split(r"[\s,]+", text.lower()))
    return Directives(words.isdisjoint(_NO_FOLLOW), words.isdisjoint(_NO_INDEX))


def of_headers(headers: Headers, agent: str) -> Directives:
    """The directives of all X-Robots-Tag fields, for everyone or for `agent`."""
    ours: list[str] = []
    for value in headers.all("x-robots-tag"):
        robot = ""  # whom the rules are for, until another is named
        for part in value.split(","):
            rule = part
            named = _ROBOT.match(part)
            if named is not None and named[1].lower() not in _VALUED:
                robot, rule = named[1].lower(), named[2]
            if robot in {"", "*", "robots", agent.lower()}:
                ours.append(rule)
    return of_content(",".join(ours)) if ours else _NOTHING


_NOTHING = Directives()
