"""The sites of ultimate-sitemap-parser's tests: which pages their sitemaps name.

The file is read from the folder that CRAWLER_SUITES names. The sites are walked here as a crawl
does: the sitemaps of robots.txt, or the usual place, indexes three deep.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from suites.suite import Suite, rows

from crawler import robots, sitemaps, urls
from crawler.errors import InvalidURL, SitemapError
from crawler.model import Headers, Request, Response

RULINGS = {
    "usp/test_filter_callback#16": "the caller chooses sitemaps by a function: --exclude does",
    "usp/test_filter_list_callback#17": "the same",
    "usp/test_sitemap_tree_for_homepage_unpublished_sitemap#34": (
        "a sitemap that robots.txt does not name is looked for only when it names none"
    ),
}


def reply(url: str, body: str) -> Response:
    content = base64.b64decode(body)
    return Response(
        Request(url), 200, "OK", Headers(), content, content, "1.1", "", datetime.now(UTC), 0.0
    )


def fetched(web: dict[str, Any], url: str, hops: int = 0) -> Response | None:
    found = web.get(url)
    if found is None or hops > 5:
        return None
    if found["status"] in {301, 302}:
        location = {name.lower(): value for name, value in found["headers"].items()}["location"]
        return fetched(web, urls.join(url, location), hops + 1)
    return reply(url, found["body_b64"] or "") if found["status"] == 200 else None


def pages(row: dict[str, Any]) -> set[str]:
    if "web" not in row:
        return {entry.url for entry in sitemaps.entries(reply("http://a/", row["body_b64"]))
                if not entry.is_sitemap}  # fmt: skip
    home = row["homepage"].rstrip("/")
    answer = fetched(row["web"], f"{home}/robots.txt")
    rules = robots.ALLOW_ALL
    if answer is not None:
        rules = robots.parse(answer.body, answer.url, "concurrent-crawler")
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [(url, 1) for url in rules.sitemaps or (f"{home}/sitemap.xml",)]
    while waiting:
        url, depth = waiting.pop()
        sitemap = fetched(row["web"], url) if url not in seen else None
        seen.add(url)
        if sitemap is None or depth > 3:
            continue
        try:
            for entry in sitemaps.entries(sitemap):
                if entry.is_sitemap:
                    waiting.append((entry.url, depth + 1))
                else:
                    found.add(entry.url)
        except SitemapError:
            continue
    return found


def expected(row: dict[str, Any]) -> set[str]:
    found = set()
    for url in row["expect"]["pages"]:
        try:
            found.add(urls.canonical(url))
        except InvalidURL:
            found.add(url)
    return found


def run() -> dict[str, bool]:
    return {site["id"]: pages(site) == expected(site) for site in rows("sitemaps_usp")}


SUITES = [Suite("sitemaps_usp", 34, run, RULINGS)]


def test_sitemaps_name_the_pages_that_they_should() -> None:
    SUITES[0].check()
