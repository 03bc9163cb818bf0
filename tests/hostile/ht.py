"""HT: pages that lie about their text, keep a parser busy, or carry what outputs must not."""

from __future__ import annotations

from hostile.crawl_row import CrawlRow, html, page, status, typed
from hostile.row import Script

ROBOTS = {"/robots.txt": status(404)}
ONE = {"/": "200", "/next": "200"}
LINK = b'<a href="/next">next</a>'
LABELS = ("punycode", "idna", "unicode_escape", "utf-7", "\\0", "no-such-encoding")


def leads_on(row: str, front: Script, **more: object) -> CrawlRow:
    """A front page whose link to /next has to be found."""
    return CrawlRow(row, {**ROBOTS, "/": front, "/next": page()}, outcomes=ONE, **more)  # type: ignore[arg-type]  # its fields


def leads_nowhere(row: str, front: Script) -> CrawlRow:
    """What is in it is no page."""
    return CrawlRow(
        row,
        {**ROBOTS, "/": front, "/next": page()},
        outcomes={"/": "200"},
        never=("/next",),
        connections=1,
    )


ROWS = [
    leads_on(
        "HT01",
        typed("text/html", b"<meta charset=utf-8><p>caf\xe9 " + LINK),
        texts={"/": "caf\ufffd"},
    ),
    leads_on(
        "HT01-reverse",
        typed("text/html", b"<meta charset=windows-1252><p>caf\xc3\xa9 " + LINK),
        texts={"/": "caf\u00c3\u00a9"},
    ),
    *(
        leads_on(
            f"HT02-{number}",
            typed(f"text/html; charset={label}", b"<p>caf\xe9 +ADw-a href=/no+AD4- \\x3c" + LINK),
            texts={"/": "caf\u00e9"},
            never=("/no",),
        )
        for number, label in enumerate(LABELS, 1)
    ),
    leads_on("HT03", html(LINK + b"<xmp></xmp>" + b"<div>" * 100_000)),
    leads_on("HT04", html(LINK + b'<a href="' * 55_000)),
    leads_on("HT05", html(LINK + b"<!--" * 100_000)),
    leads_on("HT06", html(LINK + b'<a href="' + b"x" * 5_000_000 + b'">x</a>')),
    CrawlRow(
        "HT07",
        {
            **ROBOTS,
            "/": page(
                *(
                    f"/{'keep' if number in {9, 4999, 5000, 19_000} else 'link'}/{number}"
                    for number in range(20_000)
                )
            ),
            "*": page(),
        },
        scope={"include": ["/keep/"]},
        outcomes={"/": "200", "/keep/9": "200", "/keep/4999": "200"},
        never=("/keep/5000", "/keep/19000"),
    ),
    leads_nowhere("HT08", typed("text/html", b"%PDF-1.7\n" + LINK)),
    leads_nowhere("HT08-zip", typed("text/html", b"PK\x03\x04" + LINK)),
    leads_nowhere("HT08-png", typed("text/html", b"\x89PNG\r\n\x1a\n" + LINK)),
    leads_nowhere("HT09", typed("image/png", b"<!doctype html><title>page</title>" + LINK)),
    leads_on("HT10", html(b'<base href="javascript:alert(1)//">' + LINK)),
    CrawlRow(
        "HT10-host",
        {**ROBOTS, "/": html(b'<base href="//other.ht10-host.test/">' + LINK), "*": page()},
        outcomes={"/": "200"},
        never=("/next", "//other.ht10-host.test/next"),
        total=(2, 2),
    ),
    leads_on(
        "HT11",
        html(
            b"".join(
                b'<a href="%s">x</a>' % link
                for link in (
                    b"javascript:alert(1)",
                    b"data:text/html,hi",
                    b"mailto:a@b",
                    b"tel:1",
                    b"blob:x",
                    b"file:///etc/passwd",
                    b"\\\\other.ht11.test\\x",
                    b"http:\\\\other.ht11.test",
                    b"//other.ht11.test/",
                    b"vbscript:x",
                    b"about:blank",
                )
            )
            + LINK
        ),
        total=(3, 3),
    ),
    leads_on(
        "HT12",
        html(b'<a href=" \r\n/ne\txt\r\n ">x</a><a href="/a\0b">x</a>'),
        seen={"/a%EF%BF%BDb": 1},
    ),
    leads_on(
        "HT13",
        html(
            "<title>\x1b[31mred\x1b]0;owned\x07 \u202egnp.exe \0 &lt;/script>\x9b</title>".encode()
            + LINK
        ),
        outputs={"jsonl": b"red", "csv": b"red"},
    ),
]
