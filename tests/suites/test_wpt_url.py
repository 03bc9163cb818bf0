"""The URL tests of the web platform: what a reference means, which hosts there are.

The file is read from the folder that CRAWLER_SUITES names. A crawler wants the http(s) URLs; all
else has to be refused. User information and fragments are dropped, so they are not compared.
"""

from __future__ import annotations

from typing import Any

from suites.suite import Suite, rows

from crawler import urls
from crawler.errors import InvalidURL


def meant(reference: str, base: str | None = None) -> str | None:
    try:
        return urls.canonical(reference, base)
    except InvalidURL:
        return None


def expected(case: dict[str, Any]) -> str | None:
    if case["failure"] or not case["href"].startswith(("http:", "https:")):
        return None
    href = case["href"].partition("#")[0]
    if case["expect"]["username"] or case["expect"]["password"]:
        scheme, _, rest = href.partition("//")
        href = f"{scheme}//{rest.partition('@')[2]}"
    return str(href)


def agrees(case: dict[str, Any]) -> bool:
    if case["kind"] == "url":  # a reference means what the standard says
        return meant(case["input"], case["base"]) == expected(case)
    if case["kind"] == "ascii":  # a host is written as the standard says
        host = case["output"]
        return meant(f"http://{case['input']}/") == (f"http://{host}/" if host else None)
    return all(  # a query is sent in the encoding of its page
        urls.joiner("http://a.example/", encoding)(f"?{case['input']}")
        == f"http://a.example/?{query}"
        for encoding, query in case["output"].items()
    )


def run() -> dict[str, bool]:
    return {case["id"]: agrees(case) for case in rows("wpt_url")}


SUITES = [Suite("wpt_url", 1014, run)]


def test_urls_are_what_the_standard_says() -> None:
    SUITES[0].check()
