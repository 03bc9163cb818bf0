"""What every client reports: pages, seconds, processor seconds, bytes, all of it from inside.

    given = arguments()
    with Meter() as meter:
        for ...:
            meter.page(status, size)

Imports belong before the block, opening connections inside it. A client that is a command of its
own is run by `command` and reports what the kernel says of the child.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Given:
    """What a client is asked to do."""

    urls: list[str]
    concurrency: int
    engine: str  # "" for peers
    cacert: str  # file of the certificate to trust; "" without TLS
    file: str  # where the URLs were read from
    more: list[str]  # whatever else the client understands


def arguments() -> Given:
    """What the command line asks for: ``URLS_FILE CONCURRENCY [--engine NAME] ...``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("urls")
    parser.add_argument("concurrency", type=int)
    parser.add_argument("--engine", default="")
    parser.add_argument("--cacert", default="")
    given, more = parser.parse_known_args()
    urls = Path(given.urls).read_text().split()
    return Given(urls, given.concurrency, given.engine, given.cacert, given.urls, more)


class Meter:
    """Counts pages and, over the ``with`` block, time; prints one JSON document at its end."""

    def __init__(self) -> None:
        self._pages = 0
        self._ok = 0
        self._bytes = 0
        self._told: dict[str, str] = {}

    def page(self, status: int, size: int) -> None:
        self._pages += 1
        self._ok += status == 200
        self._bytes += size

    def tell(self, **what: str) -> None:
        """Ends the time that is measured, and adds to the report."""
        self._end()
        self._told = what

    def __enter__(self) -> Meter:
        self._resident = resident()
        self._before = spent()
        self._began = time.perf_counter()
        return self

    def __exit__(self, kind: object, *exc_info: object) -> None:
        if kind is not None:
            return
        if not self._told:
            self._end()
        said(
            pages=self._pages,
            ok=self._ok,
            bytes=self._bytes,
            wall=self._wall,
            cpu_user=self._after[0] - self._before[0],
            cpu_system=self._after[1] - self._before[1],
            rss_kib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            rss_before_kib=self._resident,
            **self._told,
        )

    def _end(self) -> None:
        self._wall = time.perf_counter() - self._began
        self._after = spent()


def spent() -> tuple[float, float]:
    """Seconds of user and system time of this process and of the children it has waited for."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime for usage in both), sum(usage.ru_stime for usage in both)


def resident() -> int:
    """KiB of this process in memory now; 0 where there is no /proc."""
    statm = Path("/proc/self/statm")
    return (
        int(statm.read_text().split()[1]) * resource.getpagesize() // 1024 if statm.exists() else 0
    )


def command(
    *words: str, stdout: int, fine: tuple[int, ...] = (0,)
) -> tuple[float, resource.struct_rusage, str]:
    """Runs a command: its wall seconds, what the kernel counted for it, what it said to stderr.

    Raises SystemExit when it ends with another code than those that are `fine`: documentation
    has links that lead nowhere.
    """
    began = time.perf_counter()
    child = subprocess.Popen(words, stdout=stdout, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    complaints = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in fine:
        raise SystemExit(f"{words[0]} ended with {child.returncode}: {complaints[-1000:]}")
    return wall, usage, complaints


def reported(
    wall: float,
    usage: resource.struct_rusage,
    *,
    pages: int,
    ok: int,
    size: int = 0,
    **more: str,
) -> None:
    """Prints what a command did, in the form of `Meter`."""
    said(
        pages=pages,
        ok=ok,
        bytes=size,
        wall=wall,
        cpu_user=usage.ru_utime,
        cpu_system=usage.ru_stime,
        cpu_whole=usage.ru_utime + usage.ru_stime,
        rss_kib=usage.ru_maxrss,
        rss_before_kib=0,
        **more,
    )


def said(**figures: float | str) -> None:
    print(json.dumps(figures), flush=True)
    sys.stdout.flush()
