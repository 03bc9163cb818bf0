"""This project's command with --follow, whole: one JSON record for each page."""

import subprocess
import sys
import tempfile
from pathlib import Path

from following import digest, of_records
from meter import arguments, command, reported

given = arguments()
with tempfile.TemporaryDirectory() as folder:
    out = Path(folder) / "out.jsonl"
    words = [str(Path(sys.executable).with_name("crawl")), given.urls[0], "--follow", "-qq"]
    words += ["-c", str(given.concurrency), "-e", given.engine, "-o", str(out), *given.more]
    words = [word.replace("{folder}", folder) for word in words]
    wall, usage, _ = command(*words, stdout=subprocess.DEVNULL, fine=(0, 1))
    found = of_records(out)
reported(wall, usage, pages=len(found), ok=len(found), found=digest(found))
