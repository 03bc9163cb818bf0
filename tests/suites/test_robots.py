"""The tests of Google's robots.txt parser and of Protego, as rows: file, agent, URL, verdict.

The files are read from the folder that CRAWLER_SUITES names. Every row that is decided otherwise
here is ruled on below, in one line; a row that is not there has to agree.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler import robots, urls
from crawler.errors import InvalidURL

HOME = "https://www.site.local/"
_RAW = "RFC 9309 2.2.2: escaped and raw octets are the same; Google's matcher compares as written"
_TOKEN = "RFC 9309 2.2.1: product tokens are compared whole; Protego takes a part for the whole"
_LETTERS = "RFC 9309 2.2.1: a product token has letters, _ and - only"
_UNKNOWN = "RFC 9309 2.2.1: an unknown key is no rule, so the group goes on with the next agent"
_DOLLAR = "RFC 9309 2.2.3: $ at the end of a path is the end of the match, and nothing else"
_ABSOLUTE = "RFC 9309 2.2.2: a path begins with /; what does not is no rule for any path"
# Rows that agree, of 140 and 402; with them 15 that ask for what only Protego has.
FLOORS = {"robots_google": 137, "robots_protego": 387}
RULINGS = {
    "google/ID_Encoding#3": _RAW,
    "google/ID_Encoding#5": _RAW,
    "google/ID_Encoding#6": _RAW,
    "protego/test_unicode_url_and_useragent#134": _LETTERS,
    "protego/test_grouping_unknown_keys#259": _UNKNOWN,
    "protego/test_grouping_unknown_keys#260": _UNKNOWN,
    "protego/test_grouping_unknown_keys#261": _UNKNOWN,
    "protego/test_generosity#268": _LETTERS,
    "protego/test_generosity#271": _LETTERS,
    "protego/test_generosity#272": _LETTERS,
    "protego/test_special_symbols_dual_behaviour#327": _DOLLAR,
    "protego/test_special_symbols_dual_behaviour#328": _DOLLAR,
    "protego/test_with_absolute_urls#330": _ABSOLUTE,
    "protego/test_user_agent_precedence[/group1-hedwig-news2]#348": _TOKEN,
    "protego/test_user_agent_precedence[/group3-hedwig-new]#354": _TOKEN,
    "protego/test_user_agent_precedence[/group3-hedwig-new]#355": _TOKEN,
    "protego/test_user_agent_precedence[/group3-hedwig-images]#357": _TOKEN,
    "protego/test_user_agent_precedence[/group3-hedwig-images]#358": _TOKEN,
}


def rows(name: str) -> Iterator[dict[str, Any]]:
    folder = os.environ.get("CRAWLER_SUITES")
    if not folder:
        pytest.skip("CRAWLER_SUITES does not name the folder of outside suites")
    with gzip.open(Path(folder) / f"{name}.jsonl.gz", "rt") as lines:
        yield from map(json.loads, lines)


def agrees(row: dict[str, Any]) -> bool:
    """Whether the row is decided here as there; True of what only that library has."""
    method = row.get("method", "can_fetch")
    body = base64.b64decode(row["robots_b64"])
    address = f"{HOME}robots.txt"
    if method == "crawl_delay":
        rules = robots.parse(body, address, row["args"][0])
        return rules.delay == (row["result"] or 0.0)
    if method == "sitemaps":
        return list(robots.parse(body, address, "x").sitemaps) == (row["result"] or [])
    if method != "can_fetch":
        return True
    try:
        url = urls.canonical(row["url"], HOME)
    except InvalidURL:
        url = row["url"]
    rules = robots.parse(body, address, row["agent"])
    return rules.verdict(url).allowed == row["allowed"]


@pytest.mark.parametrize("name", ["robots_google", "robots_protego"])
def test_all_but_what_is_ruled_on_agrees(name: str) -> None:
    found = list(rows(name))
    missed = [row["id"] for row in found if not agrees(row)]

    assert [each for each in missed if each not in RULINGS] == []
    assert len(found) - len(missed) >= FLOORS[name]


def test_nothing_is_ruled_on_in_vain() -> None:
    known = {row["id"] for name in ("robots_google", "robots_protego") for row in rows(name)}
    missed = {
        row["id"]
        for name in ("robots_google", "robots_protego")
        for row in rows(name)
        if not agrees(row)
    }

    assert [each for each in RULINGS if each in known and each not in missed] == []
