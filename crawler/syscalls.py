"""How many system calls an engine makes for the same pages: counted by strace in a run apart.

    child: engine opened ──► "I am processes 12, 13" ──► waits
                              strace -f -c -p 12 -p 13 attached ──► child told to go on ──► clock
    child: done, says so  ──► strace interrupted ──► its table

Only what happens between the two lines is counted: no imports, no start. A traced process is many
times slower, so no time of this run is used. For an engine that asks over and over the count is too
low: slowed down, it asks less often while the same answer is on its way (100 pages after 50 ms:
nonblocking calls recv 1,600 times when traced, and more than 24,000 times when not).
strace(1), ptrace(2).
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import measuring
from crawler.comparing import command_of, environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crawler.model import Limits, Network, Request

_SHOWN = 8  # commonest calls that are kept
_PATIENCE = 120.0  # seconds for a traced run
_ROW = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)\s*$")


def counter() -> tuple[str, str]:
    """What counts here and "", or "" and why nothing does."""
    found = _found()
    if not found:
        return "", "strace is not installed"
    said = subprocess.run([found, "-V"], capture_output=True, text=True, check=False).stdout
    tried = subprocess.run(
        [found, "-f", "-c", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        reason = (tried.stderr.strip().splitlines() or ["it failed"])[0]
        return "", f"strace may not trace here: {reason}"
    return said.partition("\n")[0].replace(" -- version", "") or "strace", ""


def _found() -> str:
    return shutil.which("strace") or ""


def count(
    requests: Sequence[str | Request],
    *,
    engine: str,
    concurrency: int,
    limits: Limits,
    network: Network,
) -> tuple[int, tuple[tuple[str, int], ...]] | None:
    """All system calls of one run, and the commonest of them; None when it could not be traced."""
    job = measuring.job(
        requests,
        engine=engine,
        concurrency=concurrency,
        limits=limits,
        network=network,
        attended=True,
    )
    with (
        tempfile.TemporaryDirectory(prefix="crawl-") as folder,
        subprocess.Popen(
            command_of(engine),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
        ) as child,
    ):
        table = Path(folder) / "table"
        try:
            _traced(child, job, table)
            return parsed(table.read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return None
        finally:
            child.kill()


def _traced(child: subprocess.Popen[str], job: str, table: Path) -> None:
    """Have the table written. Raises ValueError when the child says something else."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(job)
    child.stdin.flush()
    numbers = json.loads(child.stdout.readline())
    if not isinstance(numbers, list):
        raise ValueError("the engine cannot run here")
    named = [word for number in numbers for word in ("-p", str(number))]
    with subprocess.Popen(
        [_found(), "-f", "-c", "-o", str(table), *named], stderr=subprocess.PIPE, text=True
    ) as tracer:
        try:
            assert tracer.stderr is not None
            for _ in numbers:
                if "attached" not in tracer.stderr.readline():
                    raise ValueError("strace could not attach")
            child.stdin.write("\n")
            child.stdin.flush()
            child.stdout.readline()
        finally:
            tracer.send_signal(signal.SIGINT)
            try:
                tracer.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                tracer.kill()
                raise


def parsed(table: str) -> tuple[int, tuple[tuple[str, int], ...]] | None:
    """The counts in what `strace -c` wrote; None when there are none."""
    counts = [(match[2], int(match[1])) for match in map(_ROW.match, table.splitlines()) if match]
    calls = [(name, number) for name, number in counts if name != "total"]
    if not calls:
        return None
    calls.sort(key=lambda one: -one[1])
    return sum(number for _, number in calls), tuple(calls[:_SHOWN])
