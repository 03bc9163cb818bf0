"""What every client reports: pages, seconds, processor seconds, bytes, all of it from inside.

    with Meter() as meter:
        for ...:
            meter.page(status, size)

Imports belong before the block, opening connections inside it.
"""

from __future__ import annotations

import json
import resource
import sys
import time


def arguments() -> tuple[list[str], int, str]:
    """The URLs, the concurrency and the engine's name that the command line gives."""
    prefix, pages, concurrency, *engine = sys.argv[1:]
    urls = [f"{prefix}{number}" for number in range(1, int(pages) + 1)]
    return urls, int(concurrency), engine[0] if engine else ""


class Meter:
    """Counts pages and, over the ``with`` block, time; prints one JSON document at its end."""

    def __init__(self) -> None:
        self._pages = 0
        self._ok = 0
        self._bytes = 0

    def page(self, status: int, size: int) -> None:
        self._pages += 1
        self._ok += status == 200
        self._bytes += size

    def __enter__(self) -> Meter:
        self._usage = resource.getrusage(resource.RUSAGE_SELF)
        self._began = time.perf_counter()
        return self

    def __exit__(self, *exc_info: object) -> None:
        wall = time.perf_counter() - self._began
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(
            json.dumps(
                {
                    "pages": self._pages,
                    "ok": self._ok,
                    "bytes": self._bytes,
                    "wall": wall,
                    "cpu_user": usage.ru_utime - self._usage.ru_utime,
                    "cpu_system": usage.ru_stime - self._usage.ru_stime,
                    "rss_kib": usage.ru_maxrss,
                }
            )
        )
