"""Clients in turns: every round all of them, each round beginning with another one.

    runs = in_turns(clients, rounds=5)        {client's name: [run, ...]}

A run is a process of its own on processor 1, and what clients/meter.py counted in it. A slow minute
of the machine falls on all clients alike, so ratios hold where absolute figures drift.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from server import pin
from setting import CLIENTS, PYTHON, VENV, lacks

Run: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """Something that fetches, and what it is to fetch."""

    name: str
    script: str  # of clients/, without .py
    urls: Sequence[str]
    concurrency: int
    engine: str = ""
    cacert: str = ""
    bytes: int = 0  # of all bodies together; 0: what it brings cannot be told
    counted: bool = True  # it fetches what it was given, not what fits in a second
    limit: int = 120  # seconds
    rounds: int = 0  # fewer than the others have; 0: as many
    more: tuple[str, ...] = ()  # further arguments of the script


def present(clients: Sequence[Client]) -> tuple[list[Client], dict[str, str]]:
    """The clients that can run here, and why the others cannot."""
    absent = {client.name: why for client in clients if (why := lacks(client.script))}
    return [client for client in clients if client.name not in absent], absent


def in_turns(clients: Sequence[Client], *, rounds: int) -> dict[str, list[Run]]:
    """Every client's runs. One that breaks off is said, and left out of that round."""
    runs: dict[str, list[Run]] = {client.name: [] for client in clients}
    order = list(clients)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            print(f"  round {number + 1} of {rounds} ", end="", flush=True)
            for client in order:
                if client.rounds and number >= client.rounds:
                    continue
                run = measured(client, Path(folder))
                if run is None:
                    print(f" [{client.name} broke off] ", end="", flush=True)
                    continue
                runs[client.name].append(run)
                print(".", end="", flush=True)
            order = [*order[1:], order[0]]
            print()
    return runs


def measured(client: Client, folder: Path) -> Run | None:
    """One run; None when the client broke off or took too long."""
    urls = folder / "urls.txt"
    urls.write_text("".join(f"{url}\n" for url in client.urls))
    words = [str(PYTHON), str(CLIENTS / f"{client.script}.py"), str(urls), str(client.concurrency)]
    words += ["--engine", client.engine] if client.engine else []
    words += ["--cacert", client.cacert] if client.cacert else []
    words += client.more
    return _of_process(words, client, folder)


def _of_process(words: list[str], client: Client, folder: Path) -> Run | None:
    """What the process said on its last line, with all it took itself, and whether it is whole."""
    own = VENV / "own" / client.script.partition("_")[0]
    environment = dict(os.environ)
    if own.is_dir():
        environment["PYTHONPATH"] = str(own)
    with (folder / "said").open("w+") as said, (folder / "complaints").open("w+") as complaints:
        child = subprocess.Popen(
            ["timeout", "-k", "2", str(client.limit), *words],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=complaints,
            env=environment,
            preexec_fn=lambda: pin(1),
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        complaints.seek(0)
        try:
            run: Run = json.loads(said.read().splitlines()[-1])
            if not run["pages"]:
                raise ValueError("no page came")
        except (ValueError, IndexError):
            print(f"\n  {client.name}: {complaints.read().strip()[-600:]}")
            return None
    run.setdefault("cpu_whole", usage.ru_utime + usage.ru_stime)
    run["whole"] = run["pages"] == run["ok"] and (
        not client.counted or run["pages"] == len(client.urls)
    )
    run["whole"] = bool(run["whole"] and (not client.bytes or run["bytes"] == client.bytes))
    return run


def cpu(run: Run) -> float:
    """Processor seconds for one page, of the measured phase."""
    return (run["cpu_user"] + run["cpu_system"]) / max(1.0, run["pages"])
