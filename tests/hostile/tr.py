"""TR: sites without an end, and sitemaps that are no maps."""

from __future__ import annotations

import gzip
import random

from hostile.crawl_row import Asked, CrawlRow, html, moved, page, status, text, typed
from hostile.row import Drip, Script, Send, head

ROBOTS = {"/robots.txt": status(404)}
TRAP, BUDGET, FAR = "policy.trap", "policy.budget", "policy.too_deep"
SMALL = {"pages": 20, "queries": 8, "hosts": 6}
ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE urlset [<!ENTITY a "http://tr08.test/laugh">'
    b'<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
)


def calendar(asked: Asked) -> Script:
    """Each month links to the next."""
    month = int(asked.url.rpartition("=")[2]) if "=" in asked.url else 0
    return page(f"/calendar?month={month + 1}")


def below_itself(asked: Asked) -> Script:
    return page("x/")


def by_turns(asked: Asked) -> Script:
    return page(f"{asked.path.rstrip('/')}/{'b' if asked.path.endswith('/a') else 'a'}")


def labyrinth(asked: Asked) -> Script:
    """Ten pages that no one has seen, on each page."""
    dice = random.Random(asked.path)
    words = " ".join(f"word{dice.randrange(10_000)}" for _ in range(50))
    links = "".join(f'<a href="/{dice.getrandbits(64):x}">x</a>' for _ in range(10))
    return html(f"<p>{words}{links}".encode())


def farm(asked: Asked) -> Script:
    dice = random.Random(asked.url)
    return page(*(f"//h{dice.getrandbits(40):x}.tr06.test/" for _ in range(100)))


def said_to_be_there(asked: Asked) -> Script:
    if asked.path == "/":
        return page(*(f"/gone/{number}" for number in range(6)))
    return page(title="404 - page not found")


def mapped(*locations: str, tag: str = "url") -> Script:
    inside = "".join(f"<{tag}><loc>{location}</loc></{tag}>" for location in locations)
    outside = "urlset" if tag == "url" else "sitemapindex"
    return typed("application/xml", f"<{outside}>{inside}</{outside}>".encode())


def deeper(asked: Asked) -> Script:
    """An index of the next index, and of one map."""
    level = int(asked.path[2:-4])
    there = f"http://tr07.test/i{level + 1}.xml", f"http://tr07.test/m{level}.xml"
    return mapped(*there, "http://tr07.test/i0.xml", tag="sitemap")


def mapped_page(asked: Asked) -> Script:
    return (
        deeper(asked)
        if asked.path.startswith("/i")
        else mapped(f"http://tr07.test/p{asked.path[2:-4]}")
    )


ELSEWHERE = "".join(f"<url><loc>http://other.tr10.test/{n}</loc></url>" for n in range(49_998))
MAP = {"sitemaps": True, "follow": False}

ROWS = [
    CrawlRow(
        "TR01",
        {**ROBOTS, "/": page("/calendar"), "/calendar": page("/calendar?month=1"), "*": calendar},
        scope={"max_depth": None},
        bounds=SMALL,
        total=(11, 11),  # robots.txt, two pages, eight months
        refused={"/calendar?month=9": BUDGET},
    ),
    CrawlRow(
        "TR01-deep",
        {**ROBOTS, "*": calendar},
        scope={"max_depth": 5},
        total=(7, 7),
    ),
    CrawlRow(
        "TR02",
        {**ROBOTS, "*": by_turns},
        seeds=("/a",),
        outcomes={"/a": "200", "/a/b/a/b": "200", "/a/b/a/b/a": "200"},
        total=(6, 6),
        refused={"/a/b/a/b/a/b": TRAP},
    ),
    CrawlRow(
        "TR03",
        {
            **ROBOTS,
            "/": page(
                *(f"/p;jsessionid={number:032X}" for number in range(9)),
                *(f"/p?PHPSESSID={number:032x}" for number in range(9)),
            ),
            "*": page(title="one page"),
        },
        polite={"follow": True},
        total=(3, 3),
    ),
    CrawlRow(
        "TR04",
        {**ROBOTS, "*": below_itself},
        seeds=("/x/",),
        total=(3, 3),
        refused={"/x/x/x/x": TRAP, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21": TRAP},
    ),
    CrawlRow(
        "TR05",
        {**ROBOTS, "*": said_to_be_there},
        outcomes={f"/gone/{number}": "200" for number in range(6)},
        warnings={f"/gone/{number}": "warn.soft_404" for number in range(2, 6)},
    ),
    CrawlRow(
        "TR06",
        {"*": farm},
        scope={"kind": "domain"},
        bounds=SMALL,
        total=(14, 14),  # six hosts more than the first, with their robots.txt
        refused={"//one-more.tr06.test/": BUDGET},
    ),
    CrawlRow(
        "TR07",
        {
            "/robots.txt": text("Sitemap: /i0.xml"),
            "/": page(),
            **{f"/p{number}": page() for number in range(9)},
            "*": mapped_page,
        },
        options=MAP,
        outcomes={"/": "200", "/p0": "200", "/p1": "200"},
        seen={"/i0.xml": 1, "/i1.xml": 1, "/i2.xml": 1},
        never=("/i3.xml", "/i4.xml"),
    ),
    CrawlRow(
        "TR08",
        {
            "/robots.txt": text("Sitemap: /map.xml"),
            "/": page(),
            "/map.xml": typed(
                "application/xml",
                ENTITIES + b"<urlset><url><loc>&a;</loc></url>"
                b"<url><loc>http://tr08.test/after</loc></url></urlset>",
            ),
        },
        options=MAP,
        outcomes={"/": "200"},
        never=("/laugh", "/after"),
        total=(3, 3),
    ),
    CrawlRow(
        "TR09",
        {
            "/robots.txt": text("Sitemap: /map.xml.gz"),
            "/": page(),
            "/first": page(),
            "/map.xml.gz": typed(
                "application/gzip",
                gzip.compress(
                    b"<urlset><url><loc>http://tr09.test/first</loc></url>"
                    + b" " * (51 * 1024 * 1024)
                    + b"<url><loc>http://tr09.test/after</loc></url></urlset>"
                ),
            ),
        },
        options=MAP,
        outcomes={"/": "200", "/first": "200"},
        never=("/after",),
    ),
    CrawlRow(
        "TR10",
        {
            "/robots.txt": text("Sitemap: /map.xml"),
            "/": page(),
            "*": page(),
            "/map.xml": typed(
                "application/xml",
                b"<urlset><url><loc>http://tr10.test/first</loc></url>%s"
                b"<url><loc>http://tr10.test/last</loc></url>"
                b"<url><loc>http://tr10.test/beyond</loc></url></urlset>" % ELSEWHERE.encode(),
            ),
        },
        options=MAP,
        outcomes={"/": "200", "/first": "200", "/last": "200"},
        never=("/beyond", "//other.tr10.test/1"),
        total=(5, 5),
    ),
    CrawlRow(
        "TR11",
        {
            **ROBOTS,
            "/": page(
                *(f"/page#{number}" for number in range(900)),
                "/%70age",
                "HTTP://TR11.TEST/page",
                "//tr11.test:80/page",
                "/a/../page",
                "/./page",
                "//tr11.test./page",
                "/page?",
                "/Page",
                "/page?a=1&b=2",
                "/page?b=2&a=1",
            ),
            "*": page(),
        },
        polite={"follow": True},
        seen={"/page": 1, "/Page": 1, "/page?a=1&b=2": 1, "/page?b=2&a=1": 1},
        total=(6, 6),
    ),
    CrawlRow(
        "TR12",
        {**ROBOTS, "*": (Send(head("Content-Length: 100")), Drip(b"t" * 100, 0.1))},
        seeds=tuple(f"/{number}" for number in range(8)),
        options={"follow": False},
        limits={"timeout": 0.8, "retries": 0},
        outcomes=dict.fromkeys(("/0", "/1", "/2", "/3", "/4"), "timeout.deadline"),
        total=(6, 6),
        rests=(40.0, 60.0),
    ),
    CrawlRow(
        "TR13",
        {
            **ROBOTS,
            "/": page(
                "/" + "l" * 1_000_000,
                "/q?" + "&".join(f"k{number}=v" for number in range(2000)),
                "/q?" + "&".join(f"k{number}=v" for number in range(400)),
                "/good",
            ),
            "/good": page(),
        },
        outcomes={"/": "200", "/good": "200"},
        total=(3, 3),
        refused={"/q?" + "&".join(f"k{number}=v" for number in range(400)): "policy.url_too_long"},
    ),
    CrawlRow(
        "TR14",
        {**ROBOTS, "*": labyrinth},
        bounds=SMALL,
        total=(22, 22),  # robots.txt, the seed, twenty pages that were found
        refused={"/anything": BUDGET},
    ),
    # A redirect is looked at like a link.
    CrawlRow(
        "TR02-hop",
        {**ROBOTS, "/": page("/in"), "/in": moved("/a/b/a/b/a/b")},
        outcomes={"/": "200", "/in": TRAP},
        never=("/a/b/a/b/a/b",),
    ),
]
