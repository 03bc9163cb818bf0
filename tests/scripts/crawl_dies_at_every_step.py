"""A crawl by links dies before its n-th durable step, n by n, and goes on: FOLDER EVERY.

A step is a write, an fsync, a truncation, a file made or renamed, and the frontier's commit, before
and after. Each crawl dies once at step n, once more at step n of its second run, and then ends.
Prints how many n there were and how many pages were fetched again.
"""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import linked
from dying import in_child

from crawler import crawl
from crawler.frontier.sqlite import Sqlite
from crawler.politeness import Politeness

PAGES = 12
CONCURRENCY = 3
STEPS = {"open", "os.rename", "os.remove", "os.truncate", "os.mkdir", "os.link", "sqlite3.connect"}
DIED = 137
folder, every = Path(sys.argv[1]), int(sys.argv[2])


def session(url: str, place: Path, die_at: int) -> None:
    """One run of the crawl, which dies at that step; 0: it does not."""
    left = die_at

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(DIED)

    def counted(call):
        def counting(*args, **named):
            step()
            return call(*args, **named)

        return counting

    for name in ("write", "fsync", "ftruncate"):
        setattr(os, name, counted(getattr(os, name)))
    commit = Sqlite.commit

    def committed(self, *args, **named):
        step()
        commit(self, *args, **named)
        step()

    Sqlite.commit = committed
    sys.addaudithook(lambda event, _: step() if event in STEPS else None)
    outputs = [str(place / "o.jsonl"), str(place / "o.warc.gz")]
    for _ in crawl(
        [f"{url}/p/0"],
        concurrency=CONCURRENCY,
        state=place / "crawl.db",
        outputs=outputs,
        politeness=Politeness(concurrency=CONCURRENCY, follow=True),
    ):
        pass


def check(url: str, place: Path) -> None:
    """Every page once in every output, and in the state."""
    wanted = Counter(f"{url}/p/{number}" for number in range(PAGES))
    lines = (place / "o.jsonl").read_text().splitlines()
    assert Counter(json.loads(line)["url"] for line in lines) == wanted
    archived: Counter[str] = Counter()
    for part in sorted(place.glob("o*.warc.gz")):
        with gzip.open(part) as file:
            kind = ""
            for line in file.read().split(b"\r\n"):
                if line.startswith(b"WARC-Type: "):
                    kind = line[11:].decode()
                if line.startswith(b"WARC-Target-URI: ") and kind in {"response", "revisit"}:
                    archived[line[17:].decode()] += 1
    archived.pop(f"{url}/robots.txt")  # read again by every run
    assert archived == wanted, archived - wanted or wanted - archived
    with sqlite3.connect(place / "crawl.db") as state:
        assert state.execute("PRAGMA integrity_check").fetchone() == ("ok",)


number, deaths, again = 0, 0, 0
with linked.serving() as pages:
    pages.site_of(PAGES)
    while True:
        number += every
        place = folder / str(number)
        place.mkdir()
        before = sum(pages.asked.values())
        died = in_child(session, pages.url, place, number)
        if died == DIED:
            deaths += 1
            deaths += in_child(session, pages.url, place, number) == DIED
            assert in_child(session, pages.url, place, 0) == 0, number
            again += sum(pages.asked[path] for path in pages.pages) - PAGES
        else:
            assert died == 0, (number, died)
        pages.asked.clear()
        assert in_child(check, pages.url, place) == 0, number
        if died != DIED:
            break
print(number // every - 1, deaths, again)
