"""What it takes to begin: imports and the help, over a Python that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median

from results import Result
from server import pin
from setting import VENV
from turns import Run

_BARE = "bare Python"
_TIMES = 5  # starts in each round
_CRAWL = str(VENV / "bin" / "crawl")
_PYTHON = str(VENV / "bin" / "python")
_COMMANDS = {
    _BARE: [_PYTHON, "-c", "pass"],
    "import crawler": [_PYTHON, "-c", "import crawler"],
    "from crawler import fetch_all": [_PYTHON, "-c", "from crawler import fetch_all"],
    "from crawler import crawl": [_PYTHON, "-c", "from crawler import crawl"],
    "crawl --version": [_CRAWL, "--version"],
    "crawl --help": [_CRAWL, "--help"],
    "import requests": [_PYTHON, "-c", "import requests"],
    "import aiohttp": [_PYTHON, "-c", "import aiohttp"],
    "import scrapy": [_PYTHON, "-c", "import scrapy"],
}


def run(rounds: int) -> Result:
    for words in _COMMANDS.values():
        _started(words)  # compiles what was not
    runs: dict[str, list[Run]] = {name: [] for name in _COMMANDS}
    for number in range(rounds * _TIMES):
        names = list(_COMMANDS)
        at = number % len(names)
        for name in names[at:] + names[:at]:
            runs[name].append(_started(_COMMANDS[name]))
    about = f"milliseconds over {_BARE} {sys.version.split()[0]}, median of {rounds * _TIMES}"
    result = Result("startup", about, "", {}, runs)
    bare = {unit: median(run[unit] for run in runs[_BARE]) for unit in ("cpu", "wall")}
    result.table = [f"{'':<32}{'CPU ms':>9}{'over bare':>11}{'wall ms':>9}{'over bare':>11}"]
    for name, of in runs.items():
        cpu, wall = (median(run[unit] for run in of) for unit in ("cpu", "wall"))
        over = cpu - bare["cpu"], wall - bare["wall"]
        result.figures[name] = over[0]
        result.figures[f"{name}, wall"] = over[1]
        result.table.append(f"{name:<32}{cpu:>9.1f}{over[0]:>11.1f}{wall:>9.1f}{over[1]:>11.1f}")
    return result


def _started(words: list[str]) -> Run:
    began = time.perf_counter()
    child = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=lambda: pin(1)
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{words} ended with {child.returncode}")
    wall = (time.perf_counter() - began) * 1e3
    return {"cpu": (usage.ru_utime + usage.ru_stime) * 1e3, "wall": wall}
