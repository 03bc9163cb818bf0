"""Real input: PostgreSQL's documentation from nginx, through every engine, 50 pages at a time.

The pages are Debian's package postgresql-doc-15; nginx serves its folder on loopback. The URLs are
those that links reach (recorded in the folder CRAWLER_SUITES names), else all pages of the folder.
Every answer must be 200, and the same for every engine. Prints the comparison's table and keeps it
in runs/DATE/.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from pathlib import Path
from urllib.parse import quote

from keeping import store
from server import nginx, pin, served

from crawler import tables
from crawler.comparing import compare, machine
from crawler.engines import names

FOLDER = Path("/usr/share/doc/postgresql-doc-15/html")
CONCURRENCY = 50
REPEAT = 5


def main() -> int:
    if not FOLDER.is_dir() or not nginx():
        raise SystemExit("this needs Debian's packages postgresql-doc-15 and nginx")
    paths = listed()
    engines = sys.argv[1:] or names()
    with served(FOLDER, core=0) as server:
        urls = [server.url + path for path in paths]
        pin(1)  # the children, too
        runs = compare(urls, engines=engines, concurrency=CONCURRENCY, repeat=REPEAT)
    said = (
        f"compare({len(urls)} URLs, engines={engines}, concurrency={CONCURRENCY}, repeat={REPEAT})"
    )
    text = tables.text(runs, urls, command=said, machine=f"{machine()}, {server.name}")
    print(text, end="")
    document = json.loads(tables.as_json(runs, urls, command=said, machine=machine()))
    store(document, text, "postgres-docs")
    alike = all(
        len(set(answers)) == 1 for answers in zip(*(run.digests for run in runs), strict=True)
    )
    good = all(digest.startswith("200 ") for run in runs for digest in run.digests)
    print(f"all 200: {'yes' if good else 'NO'}; equal hashes: {'yes' if alike else 'NO'}")
    return int(not (alike and good))


def listed() -> list[str]:
    """The paths of the pages, from the root of the folder."""
    suite = Path(os.environ.get("CRAWLER_SUITES", "")) / "site_postgres.json.gz"
    if os.environ.get("CRAWLER_SUITES") and suite.exists():
        found = json.loads(gzip.decompress(suite.read_bytes()))["anchors_ok"]
        return [str(path) for path in found]
    return sorted("/" + quote(str(page.relative_to(FOLDER))) for page in FOLDER.rglob("*.html"))


if __name__ == "__main__":
    sys.exit(main())
