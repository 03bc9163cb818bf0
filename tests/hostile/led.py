"""RD and others that are a crawl's: where links and redirects may lead, and names that move."""

from __future__ import annotations

from hostile.crawl_row import Asked, CrawlRow, html, moved, page, status, text
from hostile.row import Script

ROBOTS = {"/robots.txt": status(404)}
SCOPE, BLOCKED = "policy.out_of_scope", "policy.address_blocked"


def refreshed(asked: Asked) -> Script:
    """A page that sends on to another, and so on."""
    there = f"/r{len(asked.path)}{asked.path[-5:]}"
    return html(f'<meta http-equiv="refresh" content="0; url={there}">'.encode())


ROWS = [
    CrawlRow(
        "RD22",
        {**ROBOTS, "/": page("/in"), "/in": moved("//evil.rd22.test/x"), "*": page()},
        outcomes={"/": "200", "/in": SCOPE},
        never=("//evil.rd22.test/x",),
    ),
    CrawlRow(
        "RD27-crawl",
        {
            **ROBOTS,
            "/": page("/in", "/named"),
            "/in": moved("http://127.0.0.1/"),
            "/named": moved("//inside.rd27-crawl.test/"),
        },
        scope={"kind": "domain"},
        outcomes={"/": "200", "/in": SCOPE, "/named": BLOCKED},
    ),
    CrawlRow(
        "RD27-seed",
        {**ROBOTS, "*": moved("http://127.0.0.1/")},
        outcomes={"/": BLOCKED},
    ),
    CrawlRow(
        "RD28",
        {**ROBOTS, "/": page("/in"), "/in": moved("http://rd28.test:8080/"), "*": page()},
        outcomes={"/": "200", "/in": SCOPE},
        never=("http://rd28.test:8080/",),
    ),
    CrawlRow(
        "RD30",
        {
            **ROBOTS,
            "/": html(b'<meta http-equiv="refresh" content="0; url=/meta">'),
            "/meta": page(fields=("Refresh: 0; url=/field",)),
            "/field": page(),
        },
        outcomes={"/": "200", "/meta": "200", "/field": "200"},
        total=(4, 4),
    ),
    CrawlRow(
        "RD30-loop",
        {
            **ROBOTS,
            "*": refreshed,
        },
        scope={"max_depth": 4},
        total=(6, 6),
    ),
    CrawlRow(
        "RD32",
        {**ROBOTS, "/": page("/seen", "/in"), "/in": moved("/seen"), "/seen": page()},
        outcomes={"/": "200", "/seen": "200", "/in": "url.duplicate"},
        seen={"/seen": 1},
    ),
    # Another port of the name is another look-up.
    CrawlRow(
        "DN08",
        {"*": page("//rebind.dn08.test:8080/x")},
        seeds=("//rebind.dn08.test/",),
        scope={"kind": "host"},
        outcomes={"//rebind.dn08.test/": "200", "//rebind.dn08.test:8080/x": BLOCKED},
    ),
    CrawlRow(
        "RB22-inside",
        {
            "/robots.txt": text("Sitemap: /map.txt"),
            "/": page(),
            "/map.txt": text("http://inside.rb22-inside.test/secret\n"),
        },
        options={"sitemaps": True},
        scope={"kind": "domain"},
        outcomes={"/": "200", "//inside.rb22-inside.test/secret": BLOCKED},
    ),
]
