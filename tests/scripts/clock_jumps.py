"""Crawls while the wall clock jumps at every look, and after a stop once more: ENGINE FOLDER.

Every third page asks for a rest of a second, as a date. Prints the pages, their records, what
failed, and how often the clock jumped.
"""

import sys

if __name__ == "__main__" and sys.argv[1].startswith("gevent"):
    from gevent import monkey

    monkey.patch_all()

import datetime  # noqa: ICN001 - the module is what is changed
import itertools
import json
import time
from pathlib import Path

HOUR = 3600.0
PLACES = itertools.cycle([HOUR, -HOUR, 0.0, -1.7e9, 4e8, 7 * 24 * HOUR])
jumps: list[float] = []
_time, _datetime = time.time, datetime.datetime


def jumped() -> float:
    jumps.append(_time() + next(PLACES))
    return jumps[-1]


class Jumping(_datetime):
    @classmethod
    def now(cls, tz=None):
        return _datetime.fromtimestamp(jumped(), tz)


time.time = jumped
datetime.datetime = Jumping

sys.path.insert(0, str(Path(__file__).parents[1]))

from linked import serving  # noqa: E402 - after the clocks

from crawler import Politeness, crawl  # noqa: E402

PAGES = 12
ASK = {"Date": "Tue, 24 Nov 2026 00:00:00 GMT", "Retry-After": "Tue, 24 Nov 2026 00:00:01 GMT"}


def main(engine: str, folder: Path) -> None:
    with serving() as pages:
        pages.site_of(PAGES)
        whole = dict(pages.pages)
        pages.page("/p/3", "later", 503, **ASK)
        outcomes = None
        for most in (4, 0):
            outcomes = crawl(
                [f"{pages.url}/p/0"],
                engine=engine,
                concurrency=3,
                max_pages=most,
                state=folder / "crawl.db",
                outputs=[folder / "o.jsonl", folder / "o.warc.gz"],
                politeness=Politeness(concurrency=3, follow=True),
            )
            for outcome in outcomes:
                if outcome.url.endswith("/p/0") or most == 0:
                    pages.pages["/p/3"] = whole["/p/3"]
        wanted = sorted(f"{pages.url}/p/{number}" for number in range(PAGES))
    records = [json.loads(line) for line in (folder / "o.jsonl").read_text().splitlines()]
    told = {
        "pages": wanted,
        "records": sorted(record["url"] for record in records),
        "failed": [record["url"] for record in records if not record["ok"]],
        "jumps": len(jumps),
    }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
