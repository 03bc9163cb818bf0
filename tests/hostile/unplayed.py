"""The catalogue's rows by number, and those that nothing here plays, each with its reason.

A row counts as played when it, or a variant of it as ``BL17-right``, is in catalogue.py.
"""

from __future__ import annotations

COUNTS = {
    "BL": 26, "CE": 28, "CN": 14, "DN": 13, "HD": 32, "HT": 13, "KA": 10,
    "PX": 8, "RB": 26, "RD": 32, "TE": 25, "TH": 10, "TL": 21, "TR": 14,
}  # fmt: skip
IDS = {f"{group}{number:02}" for group, count in COUNTS.items() for number in range(1, count + 1)}

UNPLAYED = {
    "RD17": "the target of RD16, whose log shows what it was sent",
    "TL16": "the ssl module cannot ask for renegotiation",
    "PX06": "there is one proxy for all requests: no hop can go through another one",
}
