"""DN, and what else needs a resolver or a network without a way out: every engine plays these."""

from __future__ import annotations

from hostile.crawl_row import CrawlRow, page

SITE = {"*": page()}
ONCE = {"retries": 0}
BAD = "dns.bad_name"


def named(row: str, word: str, code: str, **limits: float) -> CrawlRow:
    """A name that gives no address, beside one that gives one."""
    there, good = f"//{word}.{row.lower()}.test/", f"//good.{row.lower()}.test/"
    return CrawlRow(
        row,
        SITE,
        seeds=(there, good),
        fetch=True,
        options={"concurrency": 2},
        limits={**ONCE, **limits},
        outcomes={there: code, good: "200"},
        total=(1, 1),
    )


ROWS = [
    named("DN01", "nxdomain", "dns.nxdomain"),
    named("DN02", "servfail", "dns.servfail"),
    named("DN03", "silent", "dns.timeout", dns=0.5),
    named("DN04", "nodata", "dns.no_address"),
    named("DN11", "l" * 64, BAD),
    named("DN11-long", ".".join(["l" * 50] * 5), BAD),
    named("DN11-empty", "a.", BAD),
    CrawlRow(
        "DN11-underscore",
        SITE,
        seeds=("//_a_b.dn11-underscore.test/",),
        fetch=True,
        outcomes={"//_a_b.dn11-underscore.test/": "200"},
    ),
    named("DN12", "cname-loop", "dns.servfail"),
    CrawlRow(
        "DN13",
        SITE,
        seeds=tuple(f"//n{number * 7919 % 100_000}.dn13.test/" for number in range(100)),
        fetch=True,
        options={"concurrency": 20},
        total=(100, 100),
        outcomes={"//n7919.dn13.test/": "200"},
    ),
    CrawlRow(
        "CN13",
        seeds=("http://198.51.100.1/",),
        fetch=True,
        limits=ONCE,
        outcomes={"http://198.51.100.1/": "connect.unreachable"},
    ),
]
