"""aiohttp_jsonl.py as a process of its own, measured like the command; every record is checked."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from meter import arguments, command, reported

given = arguments()
with tempfile.TemporaryDirectory() as folder:
    out = Path(folder) / "out.jsonl"
    script = str(Path(__file__).with_name("aiohttp_jsonl.py"))
    words = [sys.executable, script, given.file, str(out), str(given.concurrency)]
    wall, usage, _ = command(*words, stdout=subprocess.DEVNULL)
    records = [json.loads(line) for line in out.read_text().splitlines()]
ok = sum(record["status"] == 200 for record in records)
size = sum(record["size"] for record in records)
reported(wall, usage, pages=len(records), ok=ok, size=size)
