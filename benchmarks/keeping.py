"""What was measured, kept: runs/DATE/NAME.json with every run, NAME.txt as it was printed."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from setting import PYTHON, VENV

HERE = Path(__file__).parent
RUNS = HERE / "runs"
_PACKAGES = (
    "concurrent-crawler", "gevent", "requests", "aiohttp", "uvloop", "httpx", "pycurl", "grequests",
    "geventhttpclient", "Scrapy", "niquests", "crawlee",
)  # fmt: skip
# Commands that name themselves in the first line of what these print.
_COMMANDS = (
    ("nginx", "-v"), ("curl", "-V"), ("wget2", "--version"), ("wrk", "-v"), ("go", "version"),
)  # fmt: skip


def today() -> Path:
    """The folder of today's runs."""
    return RUNS / datetime.now(UTC).date().isoformat()


def store(document: dict[str, object], text: str, name: str) -> None:
    """Keeps the figures under runs/DATE/."""
    folder = today()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / f"{name}.txt").write_text(text)
    print(f"kept in {folder.relative_to(HERE.parent)}/{name}.json and .txt\n", flush=True)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def machine() -> str:
    """Processor, how many, system, and how busy it was with other things."""
    model = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(": ")[2] + ", " if names else ""
    system = platform.uname()
    load = f", load {os.getloadavg()[0]:.1f} before"
    return f"{model}{os.cpu_count()} processors, {system.system} {system.release}{load}"


def versions() -> str:
    """Python, every package and every command that takes part."""
    program = (
        "import platform, sys; from importlib.metadata import version, PackageNotFoundError as E\n"
        "print('Python', platform.python_version(), end='')\n"
        "for n in sys.argv[1:]:\n"
        "    try: print(',', n, version(n), end='')\n"
        "    except E: pass\n"
    )
    own = ":".join(str(folder) for folder in sorted((VENV / "own").glob("*")))
    said = subprocess.run(
        [PYTHON, "-c", program, *_PACKAGES],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": own},
    ).stdout
    return ", ".join([said, *filter(None, (_version(*words) for words in _COMMANDS))])


def _version(command: str, flag: str) -> str:
    found = shutil.which(command, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        return ""
    ended = subprocess.run([found, flag], capture_output=True, text=True, check=False)
    line = (ended.stdout + ended.stderr).splitlines()[0]
    line = line.replace("go version ", "").replace("nginx version: ", "").replace("GNU ", "")
    return " ".join(line.split()[:2])
