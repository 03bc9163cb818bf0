"""Every row that is played; unplayed.py has the others."""

from __future__ import annotations

from hostile import bl, ce, cn, dn, hd, ht, ka, led, names, rb, rd, te, th, tl, tr

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

# What takes a crawl, or a resolver: crawl_row.py.
CRAWLED = {family.__name__.rpartition(".")[2]: family for family in (names, led, rb, th, tr, ht)}
CRAWL_ROWS = {row.id: row for family in CRAWLED.values() for row in family.ROWS}
