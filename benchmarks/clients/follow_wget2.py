"""wget2 -r: it writes the pages themselves to files, in memory where there is such a folder."""

import subprocess
import tempfile
from pathlib import Path

from following import digest, of_tree
from meter import arguments, command, reported

given = arguments()
with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
    words = ["wget2", "-q", "--no-config", "-r", "-l", "inf", "-nH", "-P", folder]
    words += [f"--max-threads={given.concurrency}", given.urls[0]]
    wall, usage, _ = command(*words, stdout=subprocess.DEVNULL, fine=(0, 8))
    found = of_tree(Path(folder))
reported(wall, usage, pages=len(found), ok=len(found), found=digest(found))
