"""Forks in the middle of a crawl; the fork goes on with it, or just ends: ENGINE WAY FOLDER URL...

Prints, as JSON, what the fork's crawl came to and how many outcomes the parent had.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from crawler import crawl, fetch_all
from crawler.errors import CrawlerError


def main() -> int:
    engine, way, folder, *urls = sys.argv[1:]
    outputs = [f"{folder}/o.{suffix}" for suffix in ("jsonl", "csv", "warc")]
    if way == "fetched":
        running = fetch_all(urls, engine=engine, concurrency=3)
    else:
        running = crawl(
            urls, engine=engine, concurrency=3, state=f"{folder}/crawl.db", outputs=outputs
        )
    told = Path(folder, "told")
    seen = 0
    for seen, _ in enumerate(running, 1):
        if seen == 3:
            child = os.fork()
            if not child:
                if way != "left":
                    try:
                        for _ in running:
                            pass
                    except CrawlerError as error:
                        told.write_text(str(error))
                return 0
            os.waitpid(child, 0)
    print(json.dumps([seen, told.read_text() if told.exists() else ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
