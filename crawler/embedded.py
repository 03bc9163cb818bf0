"""The fixture site as a child process, for as long as a ``with`` block lasts.

    with site() as url:
        ...

In a process of its own it takes no time from the client that is measured against it, and out of
the terminal's process group Ctrl-C does not end it before the client has ended.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

from crawler.errors import CrawlerError

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOWEST = 60_000  # milliseconds: the site makes no page wait longer
LARGEST = 2**30  # bytes of a page: nor larger


@contextlib.contextmanager
def site() -> Iterator[str]:
    """The URL of the site, without a slash at its end. Raises CrawlerError when it cannot start."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "crawler", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline().split()
        if not first:
            raise CrawlerError("the fixture site did not start")
        yield first[0].rstrip("/")
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def targets(base: str, count: int, *, latency: float, size: int) -> list[str]:
    """URLs of `count` pages; each answers after `latency` seconds.

    Args:
        base: the site.
        count: how many.
        latency: seconds.
        size: bytes of each page; 0 for small HTML pages, all different.
    """
    milliseconds = round(latency * 1000)
    query = f"delay={milliseconds}" if milliseconds else ""
    if not size:
        tail = f"?{query}" if query else ""
        return [f"{base}/page/{number}{tail}" for number in range(1, count + 1)]
    tail = f"&{query}" if query else ""
    return [f"{base}/size/{size}?n={number}{tail}" for number in range(1, count + 1)]
