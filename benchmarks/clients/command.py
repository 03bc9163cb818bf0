"""This project's command as a whole, from its start to its end: `crawl urls.txt -o out.jsonl`.

What it takes is what the kernel counted for the process. Its progress goes to a terminal, as it
does for people, and every record is checked.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from meter import arguments, reported


def drained(terminal: int) -> None:
    """Reads what goes to the terminal, and forgets it."""
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        return  # the other side is closed


def main() -> None:
    given = arguments()
    ours, theirs = os.openpty()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.jsonl"
        words = [str(Path(sys.executable).with_name("crawl")), given.file, "-o", str(out)]
        words += ["-c", str(given.concurrency), "-e", given.engine, "-qq", *given.more]
        words = [word.replace("{folder}", folder) for word in words]
        threading.Thread(target=drained, args=[ours], daemon=True).start()
        began = time.perf_counter()
        child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=theirs)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"crawl ended with {child.returncode}")
        pages = ok = size = 0
        with out.open() as records:
            for line in records:
                record = json.loads(line)
                pages += 1
                ok += record["status"] == 200
                size += record["size"]
    reported(wall, usage, pages=pages, ok=ok, size=size)


main()
