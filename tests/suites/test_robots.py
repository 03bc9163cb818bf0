"""The tests of Google's robots.txt parser and of Protego, as rows: file, agent, URL, verdict.

The files are read from the folder that CRAWLER_SUITES names. Every row that is decided otherwise
here is ruled on below, in one line; a row that is not there has to agree.
"""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

import pytest
from suites.suite import Suite, rows

from crawler import robots, urls
from crawler.errors import InvalidURL

HOME = "https://www.site.local/"
_RAW = (
    "Google's matcher wants the URL escaped by its caller; a crawler's URL is, always, and agrees"
)
_ESCAPED = "RFC 9309 2.2.2 gives this very pair, %62%61%7A and baz, as a match"
_TOKEN = "RFC 9309 2.2.1: product tokens are compared whole; Protego takes a part for the whole"
_LETTERS = "RFC 9309 2.2.1: a product token has letters, _ and - only"
_UNKNOWN = "RFC 9309 2.2.1: an unknown key is no rule, so the group goes on with the next agent"
_DOLLAR = "RFC 9309 2.2.3: $ at the end of a path is the end of the match, and nothing else"
_ABSOLUTE = "RFC 9309 2.2.2: a path begins with /; what does not is no rule for any path"
_OWN = "Request-rate, Visit-time and Host are Protego's own: no standard has them, nor have we"
GOOGLE = {
    "google/ID_Encoding#3": _RAW,
    "google/ID_Encoding#5": _RAW,
    "google/ID_Encoding#6": _ESCAPED,
}
PROTEGO = {
    "protego/test_no_preferred_host#47": _OWN,
    **{f"protego/test_request_rate#{number}": _OWN for number in range(52, 57)},
    **{f"protego/test_request_rate_bare_number#{number}": _OWN for number in range(57, 62)},
    "protego/test_no_request_rate#62": _OWN,
    "protego/test_generosity#270": _OWN,
    **{f"protego/test_visit_time#{number}": _OWN for number in (340, 341)},
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


def agrees(row: dict[str, Any]) -> bool:
    """Whether the row is decided here as there."""
    method = row.get("method", "can_fetch")
    body = base64.b64decode(row["robots_b64"])
    address = f"{HOME}robots.txt"
    if method == "crawl_delay":
        rules = robots.parse(body, address, row["args"][0])
        return rules.delay == (row["result"] or 0.0)
    if method == "sitemaps":
        return list(robots.parse(body, address, "x").sitemaps) == (row["result"] or [])
    if method != "can_fetch":
        return False
    try:
        url = urls.canonical(row["url"], HOME)
    except InvalidURL:
        url = row["url"]
    rules = robots.parse(body, address, row["agent"])
    return rules.verdict(url).allowed == row["allowed"]


def run(name: str) -> dict[str, bool]:
    return {row["id"]: agrees(row) for row in rows(name)}


SUITES = [
    Suite("robots_google", 137, partial(run, "robots_google"), GOOGLE),
    Suite("robots_protego", 372, partial(run, "robots_protego"), PROTEGO),
]


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_all_but_what_is_ruled_on_agrees(suite: Suite) -> None:
    suite.check()
