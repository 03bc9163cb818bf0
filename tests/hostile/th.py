"""TH: servers that ask for less, and servers that do not bear what they get."""

from __future__ import annotations

from hostile.crawl_row import Asked, CrawlRow, page, status
from hostile.row import Script, Send, Sleep, whole

ROBOTS = {"/robots.txt": status(404)}
LIST = tuple(f"/{number}" for number in range(40))
PUBLIC = {"follow": False}
EARNED = {"earned": True, "concurrency": 50}


def throttled(row: str, *fields: str, number: int = 503, rests: tuple[float, float]) -> CrawlRow:
    """Every page is refused; how long the host is left alone."""
    return CrawlRow(
        row,
        {**ROBOTS, "*": status(number, *fields)},
        seeds=LIST[:3],
        options=PUBLIC,
        total=(2, 2),
        rests=rests,
    )


def once_throttled(asked: Asked) -> Script:
    return status(429, "Retry-After: 1") if asked.times == 1 else page()


def every_third(asked: Asked) -> Script:
    first = asked.path.endswith(("0", "3")) and asked.times == 1
    return status(503) if first else page()


def queueing(asked: Asked) -> Script:
    """Its latency doubles with each further three under way."""
    return (Sleep(min(1.5, 0.04 * 2 ** (asked.under_way / 3))), *page())


def refusing(asked: Asked) -> Script:
    """Errors at once, pages slowly."""
    if asked.path.endswith("9"):
        return (Sleep(0.1), *page())
    return (Sleep(0.01), Send(whole(b"", status="500 -")))


ROWS = [
    CrawlRow(
        "TH01",
        {**ROBOTS, "//other.th01.test/robots.txt": status(404), "/": once_throttled, "*": page()},
        seeds=(*(f"//other.th01.test/{number}" for number in range(9)), "/"),
        options=PUBLIC,
        outcomes={"/": "200", **{f"//other.th01.test/{number}": "200" for number in range(9)}},
        seen={"/": 2},
        apart=1.0,
    ),
    throttled("TH02", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", rests=(200.0, 300.0)),
    throttled("TH03", "Retry-After: -5", rests=(20.0, 30.0)),
    throttled("TH04", "Retry-After: 99999999999999999999", rests=(200.0, 300.0)),
    throttled("TH05", "Retry-After: soon", rests=(20.0, 30.0)),
    CrawlRow(
        "TH06",
        {**ROBOTS, "*": status(429)},
        seeds=LIST,
        options=PUBLIC,
        total=(4, 4),  # robots.txt, and after nothing, a second and two seconds one page each
        rests=(2.0, 4.0),
    ),
    CrawlRow(
        "TH07",
        {**ROBOTS, "*": every_third},
        seeds=LIST[:6],
        options=PUBLIC,
        outcomes=dict.fromkeys(LIST[:6], "200"),
        total=(9, 9),
    ),
    CrawlRow(
        "TH08",
        {**ROBOTS, "*": refusing},
        seeds=LIST,
        options={**PUBLIC, "concurrency": 50},
        polite=EARNED,
        most=8,
        total=(41, 41),
    ),
    CrawlRow(
        "TH09",
        {**ROBOTS, "*": queueing},
        seeds=tuple(f"/{number}" for number in range(140)),
        options={**PUBLIC, "concurrency": 50},
        polite=EARNED,
        late_most=24,
        total=(141, 141),
    ),
    CrawlRow(
        "TH10",
        {**ROBOTS, "/": page(*LIST[:6]), "*": page(title="Are you a robot? Solve this captcha")},
        outcomes=dict.fromkeys(LIST[:6], "200"),
        warnings=dict.fromkeys(LIST[2:6], "warn.soft_block"),
    ),
]
