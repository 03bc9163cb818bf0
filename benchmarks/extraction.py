"""Links from real pages: processor time per page of each parser, and whether all find the same.

    .venv/bin/python benchmarks/extraction.py [FOLDER]

The pages are those of Debian's postgresql-doc-15, else the HTML files of FOLDER. A page's time has
all in it: encoding, parsing, joining, the title, what it asks of robots. The least of five rounds
counts, the reference's is one round. Keeps its table in runs/DATE/.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from keeping import store

from crawler.comparing import machine
from crawler.extract import Found, extract
from crawler.model import Headers, Request, Response
from crawler.parsing import Parsers

FOLDER = Path("/usr/share/doc/postgresql-doc-15/html")
ROUNDS = 5


def main() -> int:
    folder = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    pages = [page(path) for path in sorted(folder.rglob("*.html"))]
    if not pages:
        raise SystemExit(f"no HTML files in {folder} (Debian: postgresql-doc-15)")
    links = {name: [extract(one, parser=name) for one in pages] for name in ("fast", "bs4", "flat")}
    rows = [("links, fast", measured(pages, ROUNDS, extract))]
    rows.append(
        (
            "links and requisites, fast",
            measured(pages, ROUNDS, lambda one: extract(one, requisites=True)),
        )
    )
    rows.append(("links, flat", measured(pages, ROUNDS, lambda one: extract(one, parser="flat"))))
    rows.append(("links, bs4", measured(pages, 1, lambda one: extract(one, parser="bs4"))))
    rows += [
        (f"--parsers {count}, in this process", elsewhere(pages, count)) for count in (0, 1, 2)
    ]
    size = sum(len(one.body) for one in pages)
    lines = [
        f"{len(pages)} pages of {folder}, {size / len(pages) / 1024:.1f} KiB on average",
        machine(),
    ]
    lines += [f"{name:32} {cost:8.0f} us/page" for name, cost in rows]
    alike = links["fast"] == links["bs4"] == links["flat"]
    lines.append(f"all parsers find the same on every page: {'yes' if alike else 'NO'}")
    text = "\n".join(lines) + "\n"
    print(text, end="")
    store({"pages": len(pages), "bytes": size, "us_per_page": dict(rows)}, text, "extraction")
    return int(not alike)


def page(path: Path) -> Response:
    body = path.read_bytes()
    request = Request(f"http://h.example/html/{path.name}")
    headers = Headers((("Content-Type", "text/html"),))
    return Response(request, 200, "OK", headers, body, body, "1.1", "", datetime.now(UTC), 0.0)


def measured(pages: list[Response], rounds: int, work: Callable[[Response], Found]) -> float:
    """Microseconds of processor time for a page: the least of the rounds."""
    costs = []
    for _ in range(rounds):
        began = time.process_time()
        for one in pages:
            work(one)
        costs.append(time.process_time() - began)
    return min(costs) / len(pages) * 1e6


def elsewhere(pages: list[Response], count: int) -> float:
    """The same of this process alone, while `count` others parse."""
    parsers = Parsers(count)
    began = time.process_time()
    for key, one in enumerate(pages):
        parsers.submit(key, one)
        parsers.ready()
    while parsers.pending:
        parsers.wait(1.0)
        parsers.ready()
    spent = time.process_time() - began
    parsers.close()
    return spent / len(pages) * 1e6


if __name__ == "__main__":
    raise SystemExit(main())
