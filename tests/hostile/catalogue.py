"""Every row that is played, and every row of these families that is not, with the reason."""

from __future__ import annotations

from hostile import bl, ce, cn, dn, hd, ka, rd, te, tl

FAMILIES = {
    "CN": cn,
    "HD": hd,
    "BL": bl,
    "TE": te,
    "CE": ce,
    "RD": rd,
    "KA": ka,
    "TL": tl,
    "DN and PX": dn,
}
ROWS = {row.id: row for family in FAMILIES.values() for row in family.ROWS}

NOT_PLAYED = {
    "CN13": "needs a kernel without a route: test_unreachable.py plays it in a network namespace",
    "RD17": "the target of RD16, which looks at what it was sent",
    "RD22": "scope is a crawl's, not a fetch's; the address policy is DN09 and DN10",
    "RD28": "scope is a crawl's, not a fetch's",
    "RD30": "links of a page are a crawl's, not a fetch's",
    "RD32": "what was seen is the frontier's: tests/frontier",
    "DN01": "needs a resolver that answers: tests/transports",
    "DN02": "needs a resolver that answers: tests/transports",
    "DN03": "needs a resolver that is silent: tests/transports",
    "DN04": "needs a resolver that answers: tests/transports",
    "DN08": "needs a resolver that changes its answer: tests/transports",
    "DN11": "such a name is no URL: tests/test_urls.py",
    "DN12": "needs a resolver that answers: tests/transports",
    "DN13": "the cache is bounded: tests/transports",
    "TL16": "the ssl module cannot ask for renegotiation",
    "TL21": "verify belongs to the engine, one engine has one: there is no pool to share",
    "PX06": "there is one proxy for all",
    "PX07": "the battery runs with HTTP_PROXY, HTTPS_PROXY and a .netrc set: every row shows it",
}
