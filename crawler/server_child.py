"""A server as a child process, for as long as a ``with`` block lasts.

    with server("epoll", "echo") as child:
        swarm(child.host, child.port, plan)

It listens on a free port and says which in its first line. Out of the terminal's process group,
Ctrl-C does not end it before its clients.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.errors import EngineUnavailable
from crawler.safety import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MODELS = ("process", "thread", "pool", "gevent", "select", "poll", "epoll", "selectors", "asyncio")
SERVE = (sys.executable, "-P", "-m", "crawler", "serve")
_PATIENCE = 10.0  # seconds a server may take to stop


@dataclass(frozen=True, slots=True)
class Child:
    """Where it listens, and which process it is."""

    host: str
    port: int
    process: subprocess.Popen[str]


@contextlib.contextmanager
def server(model: str, protocol: str, *, serve: Sequence[str] = SERVE) -> Iterator[Child]:
    """Starts it and stops it. Raises EngineUnavailable, with its own words, when it cannot run.

    Args:
        model: how it waits for its clients.
        protocol: ``echo`` or ``http``.
        serve: the program that takes ``--model``, ``--protocol`` and ``--port``.
    """
    with tempfile.TemporaryFile("w+") as complaints:
        process = subprocess.Popen(
            [*serve, "--model", model, "--protocol", protocol, "--port", "0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints,
            text=True, start_new_session=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            found = re.search(r"([\w.-]+):(\d+)", process.stdout.readline())
            if found is None:
                process.kill()
                process.wait()
                complaints.seek(0)
                said = complaints.read().strip().splitlines()
                reason = safe_text(said[-1]) if said else "it said nothing"
                raise EngineUnavailable(f"server {model!r} does not start: {reason}")
            yield Child(found[1], int(found[2]), process)
        finally:
            stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """Ends it: asks, waits, then kills. Does nothing when it has ended."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
