"""crawl demo: a site on this machine, a list of its pages, the crawl, and the comparison.

    crawl serve --port 0 (a child)  ◄── crawl urls.txt --concurrency 50
                                    ◄── crawl compare urls.txt sequential gevent selectors ...

What runs are the real commands, each in a process of its own, with their output where it would be.
Nothing stays behind: the site ends with the demonstration, also on Ctrl-C, and the list is in a
temporary folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from crawler.embedded import site
from crawler.fetching import fetch
from crawler.serving.pages import urls

PAGES = 200
DELAY = 100  # milliseconds before a page answers, as a server not far away would
CONCURRENCY = 50
ENGINES = "sequential gevent selectors"
REPEAT = 3
_CRAWL = (sys.executable, "-P", "-m", "crawler")


def main() -> int:
    """Runs the demonstration; the worst exit code of its commands."""
    with site() as url, tempfile.TemporaryDirectory(prefix="crawl-demo-") as folder:
        return _show(url, Path(folder))


def _show(url: str, folder: Path) -> int:
    (folder / "urls.txt").write_text("\n".join(urls(PAGES, url, delay=DELAY)) + "\n")
    _say(f"A site on {url}, a list of {PAGES} of its pages, each answers after {DELAY} ms.")
    fetch(f"{url}/gauge?reset", transport="socket")

    arguments = f"urls.txt --concurrency {CONCURRENCY}"
    if not sys.stdout.isatty():  # whole records are for programs; a log has people reading it
        arguments += " --fields n,status,bytes,time_total,url"
    crawled = _run(arguments.split(), folder)
    counts = json.loads(fetch(f"{url}/gauge", transport="socket").body)
    _say(f"\nThe site counted {counts['requests']} requests, {counts['peak']} of them at once.")
    sequentially = PAGES * DELAY / 1000
    _say(f"\nThe same pages through three engines; one after the other is {sequentially:.0f} s.")
    measure = f"compare urls.txt {ENGINES} --concurrency {CONCURRENCY} --repeat {REPEAT}"
    compared = _run(measure.split(), folder)
    return max(crawled, compared)


def _run(arguments: list[str], folder: Path) -> int:
    """One command, shown as typed, its output passed through."""
    _say(f"\n$ crawl {' '.join(arguments)}")
    with subprocess.Popen([*_CRAWL, *arguments], cwd=folder) as process:
        try:
            return process.wait()
        except BaseException:
            # Ctrl-C reaches the command, too, but a SIGTERM to this process does not.
            process.terminate()
            raise


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
