"""make bench-quick: have the hot paths become slower? Under three minutes, against baseline.json.

    python benchmarks/quick.py [--accept] [NAME ...]

Each path's processor time is divided by that of a loop run beside it (calibration.py), so that the
figure means the same on a busy machine. A path that costs 15 % more than its baseline is measured
twice more; if it still does, it is named and the exit code is 1. `--accept` makes what was measured
the new baseline. Baselines are kept by Python version: another one weighs the loop otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import calibration
from server import HOSTS, LEAN, lean, pin

HERE = Path(__file__).parent
BASELINE = HERE / "baseline.json"
ALLOWED = 0.15  # a path may cost so much more
AGAIN = 2  # how often a path over its baseline is measured again
_TURNS = 20  # of the command; the others' are shorter and twice as many
_LISTS = {"command": 4_000, "urls": 2_000, "short": 500, "ten": 10}  # URLs of each
_FETCHES = ("selectors", "gevent+socket", "gevent")
_PATHS = ("parser", "links", "record", "frontier in memory", "frontier on sqlite")
_COMMAND = "the whole command"
_NAMES = (*(f"list by {engine}" for engine in _FETCHES), _COMMAND, *_PATHS)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_NAMES))
    asked.add_argument("--accept", action="store_true", help="make this the baseline")
    given = asked.parse_args()
    names = [name for name in _NAMES if not given.names or name in given.names]
    pin(1)
    kept = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    before = kept.get(_kind(), {}).get("ratios", {})
    with lean(1024, core=0) as server, tempfile.TemporaryDirectory() as folder:
        for name, count in _LISTS.items():
            urls = "".join(f"{url}\n" for url in server.urls(count))
            (Path(folder) / f"{name}.txt").write_text(urls)
        slow = _compared(names, before, Path(folder), accept=given.accept, kept=kept)
    return int(bool(slow) and not given.accept)


def _compared(
    names: list[str],
    before: dict[str, float],
    folder: Path,
    *,
    accept: bool,
    kept: dict[str, dict[str, object]],
) -> list[str]:
    """Measures and says; the names that are too slow."""
    ratios, slow = dict(before), []
    print(f"{'path':<24}{'baseline':>10}{'now':>10}{'change':>9}   of the calibration loop")
    for name in names:
        base = before.get(name)
        now = measured(name, folder)
        for _ in range(AGAIN):
            if base is None or accept or now <= base * (1 + ALLOWED):
                break
            now = min(now, measured(name, folder))
        ratios[name] = round(now, 4)
        print(_line(name, base, now), flush=True)
        if base is not None and now > base * (1 + ALLOWED):
            slow.append(f"{name} costs {now:.3f} calibration loops, its baseline is {base:.3f}")
    if accept:
        kept[_kind()] = {"machine": platform.machine(), "ratios": ratios}
        BASELINE.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
        print(f"kept in {BASELINE.relative_to(HERE.parent)}")
    elif not before:
        print(f"no baseline for {_kind()}: --accept writes one")
    for text in slow:
        print(f"TOO SLOW: {text} (allowed {1 + ALLOWED:.2f} times)")
    return slow


def _line(name: str, base: float | None, now: float) -> str:
    change = f"{now / base - 1:+.1%}" if base else "new"
    shown = f"{base:.3f}" if base else "-"
    hint = "   faster: --accept keeps it" if base and now < base * (1 - ALLOWED) else ""
    return f"{name:<24}{shown:>10}{now:>10.3f}{change:>9}{hint}"


def _kind() -> str:
    """What a baseline holds for."""
    server = "lean_server.c" if LEAN.exists() else "lean.py"
    hosts = HOSTS if sys.platform == "linux" else 1
    return f"Python {platform.python_version()[:4]}, {server}, {hosts} hosts"


def measured(name: str, folder: Path) -> float:
    """One path, as a ratio to the loop; in a process of its own."""
    if name == _COMMAND:
        return _command(folder)
    if name.startswith("list by "):
        engine = name.removeprefix("list by ")
        urls = "short.txt" if engine == "gevent" else "urls.txt"
        words = ["hot_fetch.py", engine, str(folder / urls)]
    else:
        words = ["hot_paths.py", name]
    done = subprocess.run(
        [sys.executable, str(HERE / words[0]), *words[1:], str(2 * _TURNS)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout)


def _command(folder: Path) -> float:
    """`crawl urls.txt -o out.jsonl -e selectors`, less what it takes to begin."""
    begin, whole, loops = [], [], []
    calibration.loop()
    for _ in range(_TURNS):
        loops.append(calibration.loop())
        begin.append(_crawled(folder, "ten.txt"))
        loops.append(calibration.loop())
        whole.append(_crawled(folder, "command.txt"))
    return (min(whole) - min(begin)) / min(loops)


def _crawled(folder: Path, name: str) -> float:
    out = folder / "out.jsonl"
    words = [sys.executable, "-m", "crawler", str(folder / name), "-o", str(out), "-c", "50"]
    words += ["-e", "selectors", "--overwrite", "-qq"]
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    lines = out.read_bytes().count(b"\n")
    if child.returncode or lines != (folder / name).read_bytes().count(b"\n"):
        raise SystemExit(f"crawl ended with {child.returncode} and {lines} records")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    began = time.monotonic()
    code = main()
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(code)
