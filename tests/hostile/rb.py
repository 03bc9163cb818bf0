"""RB: what a robots.txt can be, and what its host's pages come to."""

from __future__ import annotations

import gzip
from itertools import pairwise

from hostile.ce import bomb
from hostile.crawl_row import Asked, CrawlRow, moved, page, status, text
from hostile.row import Flood, Reset, Script, Send, head, redirect, whole

RULES = "User-agent: *\nDisallow: /private\n"
FORBIDDEN = "robots.disallowed"
SITE: dict[str, Script] = {"/": page("/private", "/open"), "/private": page(), "/open": page()}
ALL = {"/": "200", "/private": "200", "/open": "200"}
SOME = {"/": "200", "/private": FORBIDDEN, "/open": "200"}
LATER = (200.0, 300.0)  # seconds until an unreachable robots.txt is asked for again
FILLER = b"# %s\n" % (b"-" * 97)  # a line of 100 bytes
CAPPED = (20.0, 30.0)  # seconds: the longest Crawl-delay
KIB = 1024


def obeyed(row: str, body: str | bytes, **more: object) -> CrawlRow:
    """The rules are read, and forbid /private."""
    site = SITE | {"/robots.txt": text(body)}
    never = ("/private",)
    return CrawlRow(row, site, outcomes=SOME, never=never, connections=1, **more)  # type: ignore[arg-type]  # its fields


def free(row: str, robots: Script, **more: object) -> CrawlRow:
    """Whatever came, it forbids nothing."""
    return CrawlRow(row, SITE | {"/robots.txt": robots}, outcomes=ALL, **more)  # type: ignore[arg-type]  # its fields


def unreachable(row: str, robots: Script, asked: int = 1) -> CrawlRow:
    """Nothing is fetched, and the host rests."""
    return CrawlRow(
        row,
        SITE | {"/robots.txt": robots},
        seen={"/robots.txt": asked},
        never=("/",),
        rests=LATER,
        limits={"retries": 0, "first_byte": 0.4},
    )


def delayed(row: str, value: str, **more: object) -> CrawlRow:
    site = SITE | {"/robots.txt": text(f"User-agent: *\nCrawl-delay: {value}\n")}
    return CrawlRow(row, site, **more)  # type: ignore[arg-type]  # its fields


def hops(count: int, last: Script) -> dict[str, Script]:
    """As many redirects of /robots.txt, the last to other rules."""
    names = ["/robots.txt", *(f"/hop{number}" for number in range(1, count)), "/rules"]
    chain = {here: moved(there) for here, there in pairwise(names)}
    return {**SITE, **chain, "/rules": last}


def gone_later(asked: Asked) -> Script:
    return text(RULES) if asked.times == 1 else status(500)


AGAIN = CrawlRow(
    "RB24",
    seeds=("/", "/later", "/private/later"),
    outcomes={"/later": "200", "/private/later": FORBIDDEN},
    limits={"retries": 0},
)

ROWS = [
    free("RB01", status(404), connections=1),
    free("RB01-410", status(410), connections=1),
    free("RB02", status(401), connections=1),
    free("RB02-403", status(403), connections=1),
    unreachable("RB03", status(429)),
    unreachable("RB04", status(500)),
    unreachable("RB04-503", status(503)),
    unreachable("RB05", (Reset(),)),
    unreachable("RB05-silent", (Flood(b"", 0.01),)),
    CrawlRow(
        "RB05-name",
        seeds=("//nxdomain.rb05-name.test/",),
        outcomes={"//nxdomain.rb05-name.test/": "dns.nxdomain"},
    ),
    CrawlRow(
        "RB06",
        {
            **hops(4, moved("//other.rb06.test/robots.txt")),
            "//other.rb06.test/robots.txt": text(RULES),
        },
        outcomes=SOME,
        never=("/private",),
    ),
    CrawlRow("RB07", SITE | {"/robots.txt": moved("/robots.txt")}, outcomes=ALL),
    CrawlRow("RB07-chain", hops(12, text(RULES)), outcomes=ALL),
    CrawlRow(
        "RB08",
        SITE | {"/robots.txt": moved("http://127.0.0.1/robots.txt")},
        outcomes={"/": "policy.address_blocked"},
        never=("/", "/open"),
    ),
    free("RB09", page("/login", title="Sign in", head="Disallow: /"), connections=1),
    obeyed("RB10", b"\xef\xbb\xbf" + RULES.encode()),
    obeyed("RB11", RULES.encode("utf-16")),
    obeyed("RB12", b"\0" + RULES.encode().replace(b"Dis", b"Dis\0") + bytes(range(256))),
    obeyed("RB13", RULES.replace("\n", "\r")),
    CrawlRow(
        "RB14",
        {
            "/": page("/private", "/late", "/x"),
            "/late": page(),
            "/x": page(),
            # The line that is cut after 500 KiB would forbid everything.
            "/robots.txt": text(
                RULES.encode()
                + (FILLER * 5200)[: 500 * KIB - len(RULES) - len("\nDisallow: /")]
                + b"\nDisallow: /nothing-of-this-site\n"
                + FILLER * 500
                + b"Disallow: /late\n"
                + FILLER * 500
            ),
        },
        outcomes={"/": "200", "/private": FORBIDDEN, "/late": "200", "/x": "200"},
    ),
    CrawlRow(
        "RB15",
        SITE
        | {
            "/robots.txt": (
                Send(head("Content-Type: text/plain") + RULES.encode()),
                Flood(FILLER * 600),
            )
        },
        outcomes=SOME,
        never=("/private",),
        limits={"max_bytes": 1024 * KIB},
    ),
    CrawlRow(
        "RB16",
        SITE
        | {
            "/robots.txt": (
                Send(whole(gzip.compress(RULES.encode()) + bomb(20), "Content-Encoding: gzip")),
            )
        },
        outcomes=SOME,
        never=("/private",),
    ),
    obeyed("RB17", RULES + "".join(f"Disallow: /{'*1' * n}*Z\n" for n in range(12, 200))),
    CrawlRow(
        "RB18",
        {
            "/": page("/p04711", "/p-free"),
            "/p-free": page(),
            "/p04711": page(),
            "/robots.txt": text(
                "User-agent: *\n" + "".join(f"Disallow: /p{n:05}\n" for n in range(26_000))
            ),
        },
        outcomes={"/": "200", "/p04711": FORBIDDEN, "/p-free": "200"},
    ),
    delayed("RB19", "99999999", seen={"/robots.txt": 1}, never=("/",), rests=CAPPED),
    delayed(
        "RB19-endless",
        "1e999",
        seen={"/robots.txt": 1},
        never=("/",),
        rests=CAPPED,
    ),
    delayed("RB19-negative", "-1", outcomes=ALL, connections=1),
    delayed("RB19-nan", "nan", outcomes=ALL, connections=1),
    CrawlRow(
        "RB20",
        SITE
        | {
            "/robots.txt": text(
                "User-agent: my\nDisallow: /\n\nUser-agent: mybot-news\nDisallow: /\n\n"
                "User-agent: bot\nDisallow: /\n\nUser-agent: MyBot\nDisallow: /private\n"
            )
        },
        options={"user_agent": "mybot/1.0 (+https://my.test/bot)"},
        outcomes=SOME,
        never=("/private",),
    ),
    CrawlRow(
        "RB21",
        {
            "/": page("/caf%C3%A9", "/tee%c3%a9", "/%7Etilde", "/a%2Fb", "/a/b"),
            "/robots.txt": text(
                "User-agent: *\nDisallow: /caf\u00e9\nDisallow: /tee%C3%A9\nDisallow: /~tilde\n"
                "Disallow: /a%2fb\n"
            ),
            "/a/b": page(),
        },
        outcomes={
            "/": "200",
            "/caf%C3%A9": FORBIDDEN,
            "/tee%c3%a9": FORBIDDEN,
            "/%7Etilde": FORBIDDEN,
            "/a%2Fb": FORBIDDEN,
            "/a/b": "200",
        },
    ),
    CrawlRow(
        "RB22",
        SITE
        | {
            "/robots.txt": text(
                "Sitemap: http://127.0.0.1/map.xml\n"
                "Sitemap: //inside.rb22.test/map.xml\nSitemap: file:///etc/passwd\n"
                "Sitemap: /own.xml\n"
            ),
            "/own.xml": text("http://rb22.test/mapped\n//other.rb22.test/no\n"),
            "/mapped": page(),
        },
        options={"sitemaps": True},
        outcomes={**ALL, "/mapped": "200"},
        total=(6, 6),
    ),
    CrawlRow(
        "RB22-host",
        SITE
        | {
            "/robots.txt": text("Sitemap: //other.rb22-host.test/map.txt\n"),
            "//other.rb22-host.test/map.txt": text("http://other.rb22-host.test/strange\n"),
        },
        options={"sitemaps": True},
        outcomes=ALL,
        never=("//other.rb22-host.test/map.txt", "//other.rb22-host.test/strange"),
    ),
    CrawlRow(
        "RB23",
        {
            "/robots.txt": text("User-agent: *\nDisallow: /a"),
            "https://rb23.test/robots.txt": text("User-agent: *\nDisallow: /b"),
            "http://rb23.test:8080/robots.txt": text("User-agent: *\nDisallow: /c"),
            "*": page(),
        },
        seeds=tuple(
            f"{origin}/{path}"
            for origin in ("http://rb23.test", "https://rb23.test", "http://rb23.test:8080")
            for path in "abc"
        ),
        outcomes={
            "/a": FORBIDDEN,
            "/b": "200",
            "/c": "200",
            "https://rb23.test/a": "200",
            "https://rb23.test/b": FORBIDDEN,
            "https://rb23.test/c": "200",
            "http://rb23.test:8080/a": "200",
            "http://rb23.test:8080/b": "200",
            "http://rb23.test:8080/c": FORBIDDEN,
        },
    ),
    CrawlRow(
        "RB24",
        {"/robots.txt": gone_later, "*": page()},
        outcomes={"/": "200"},
        then=AGAIN,
        seen={"/robots.txt": 1},
    ),
    CrawlRow(
        "RB24-old",
        {"/robots.txt": gone_later, "*": page()},
        outcomes={"/": "200"},
        aged=25 * 3600.0,
        then=CrawlRow(
            "RB24-old",
            seeds=("/", "/later"),
            rests=LATER,
            limits={"retries": 0},
        ),
        seen={"/robots.txt": 2},
        never=("/later",),
    ),
    CrawlRow(
        "RB25",
        {
            "/": page("/private", "/away"),
            "/away": (redirect("/private/too")),
            "/robots.txt": text(RULES),
        },
        outcomes={"/": "200", "/private": FORBIDDEN, "/away": FORBIDDEN},
        never=("/private", "/private/too"),
    ),
    CrawlRow(
        "RB26",
        {
            "/": page("/meta", "/field", head='<a rel="nofollow" href="/no/rel">x</a>'),
            "/meta": page("/no/meta", head='<meta name="robots" content="nofollow">'),
            "/field": page("/no/field", fields=("X-Robots-Tag: nofollow",)),
        },
        outcomes={"/": "200", "/meta": "200", "/field": "200"},
        never=("/no/rel", "/no/meta", "/no/field"),
    ),
]
