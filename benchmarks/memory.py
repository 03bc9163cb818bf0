"""Does memory grow with the list? A million lines through the real command, stopped after 200,000.

    fixture site (a child)  ◄── crawl big.txt -c 50 -e selectors -o out.jsonl (a child)
                                    │ its resident memory at 10,000 and at 200,000 lines of output

Prints both figures and keeps them in runs/DATE/; exits 1 when memory grew by 20 MB or more. Other
engines can be named: ``python benchmarks/memory.py gevent+socket``.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from keeping import machine, store

LINES = 1_000_000
FIRST = 10_000  # lines of output at which memory is looked at first
LAST = 200_000  # and last
MOST = 20_000_000  # bytes of growth allowed
CRAWL = [sys.executable, "-P", "-m", "crawler"]


def main() -> int:
    engine = sys.argv[1] if len(sys.argv) > 1 else "selectors"
    with tempfile.TemporaryDirectory() as name, site() as url:
        folder = Path(name)
        with (folder / "big.txt").open("w") as urls:
            urls.writelines(f"{url}/page/{number}\n" for number in range(1, LINES + 1))
        command = [*CRAWL, "big.txt", "-c", "50", "-e", engine, "-o", "out.jsonl"]
        began = time.monotonic()
        with (folder / "stdout").open("w") as out:
            crawl = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.DEVNULL)
        try:
            at = {
                fetched: resident(crawl, folder / "out.jsonl", fetched) for fetched in (FIRST, LAST)
            }
        finally:
            crawl.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                crawl.wait(10)
            crawl.kill()
        seconds = time.monotonic() - began
    growth = at[LAST] - at[FIRST]
    verdict = "met" if growth < MOST else "MISSED"
    text = (
        f"crawl big.txt -c 50 -e {engine} -o out.jsonl   ({LINES:,} lines, ended after {LAST:,})\n"
        f"{machine()}, {datetime.now(UTC).isoformat(timespec='seconds')}, {seconds:.0f} s\n"
        f"resident at {FIRST:,} fetched:  {at[FIRST] / 1e6:7.1f} MB\n"
        f"resident at {LAST:,} fetched: {at[LAST] / 1e6:7.1f} MB\n"
        f"growth: {growth / 1e6:.1f} MB; goal < {MOST / 1e6:.0f} MB: {verdict}\n"
    )
    print(text, end="")
    document = {
        "engine": engine,
        "machine": machine(),
        "lines": LINES,
        "resident_bytes": {str(fetched): size for fetched, size in at.items()},
        "growth_bytes": growth,
        "seconds": seconds,
    }
    store(document, text, f"memory-{engine}")
    return int(growth >= MOST)


@contextlib.contextmanager
def site() -> Iterator[str]:
    """The fixture site in a process of its own."""
    process = subprocess.Popen([*CRAWL, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[0].rstrip("/")
    finally:
        process.terminate()
        process.wait(10)


def resident(crawl: subprocess.Popen[bytes], out: Path, fetched: int) -> int:
    """Bytes in memory when the output has so many lines."""
    lines, position = 0, 0
    while lines < fetched:
        if crawl.poll() is not None:
            raise SystemExit(f"crawl ended after {lines} lines with exit code {crawl.returncode}")
        time.sleep(0.02)
        if out.exists():
            with out.open("rb") as file:
                file.seek(position)
                piece = file.read()
            position += len(piece)
            lines += piece.count(b"\n")
    for line in Path(f"/proc/{crawl.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this needs /proc")


if __name__ == "__main__":
    sys.exit(main())
