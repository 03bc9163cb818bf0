"""The frontier of a crawl: in memory, or in a file when the crawl is to survive.

Read beside it: memory.py, sqlite.py, politeness.py.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crawler import addresses, sameness
from crawler.frontier.memory import Memory
from crawler.hops import SAFE_HEADERS
from crawler.pace import PER_ADDRESS, pace_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crawler.frontier.sqlite import Sqlite
    from crawler.pace import Pace
    from crawler.politeness import Politeness


def opened(
    path: Path | None,
    politeness: Politeness,
    *,
    agent: str,
    fields: tuple[tuple[str, str], ...] = (),
    robots: bool = True,
    is_public: Callable[[str], bool] = addresses.is_public,
    conditional: bool = False,
) -> Memory | Sqlite:
    """The frontier, empty or as its file has it.

    Args:
        path: the file; None = in memory.
        politeness: how hosts are treated.
        agent: our product token.
        fields: the header fields of every request.
        robots: robots.txt is obeyed.
        is_public: whether an address is not the user's own.
        conditional: requests say which version is known already.

    Raises:
        FrontierError: the file is in use, damaged, or none of ours.
    """

    def pace(origin: str) -> Pace:
        return pace_of(politeness, origin, is_public=may_be_public(origin, is_public))

    safe = tuple(field for field in fields if field[0].lower() in SAFE_HEADERS)
    per_address = PER_ADDRESS * (politeness.per_host or politeness.concurrency)
    # Of a list, all that is written differently is fetched; of links, what is one page is one.
    same = sameness.key if politeness.follow else str
    if path is None:
        return Memory(
            pace,
            robots=robots,
            fields=safe,
            same=same,
            per_address=per_address,
            is_public=is_public,
        )
    from crawler.frontier.sqlite import Sqlite

    return Sqlite(
        path,
        pace,
        agent=agent,
        fields=fields,
        robots=robots,
        robots_fields=safe,
        same=same,
        per_address=per_address,
        is_public=is_public,
        conditional=conditional,
    )


def may_be_public(origin: str, is_public: Callable[[str], bool]) -> bool:
    """Whether a host is not known to be the user's own; of a name it is known later."""
    host = urlsplit(origin).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        own = host == "localhost" or host.endswith(".localhost")
        return not own or is_public("127.0.0.1")
    return is_public(host)
