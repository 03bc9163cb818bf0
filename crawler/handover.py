"""From the process that read the command line to the one that gevent patches first.

    crawl urls.txt ── give ──► exec ──► python -P -m crawler.patched handed-over FD ... ── take

An engine that needs gevent's patch gets a process that is patched before anything else is imported.
It replaces this one, so stdin, terminal and process number stay. The settings cross as JSON in a
file without a name: the new process needs no parser of command lines, which saves it a third of its
start and 15 MiB, and secrets do not show in the list of processes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import crawler
from crawler.config import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

WORD = "handed-over"  # the first argument, before the descriptor and the user's own arguments


def give(settings: Settings, *, arguments: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Become a patched process with the same settings.

    Args:
        settings: the effective settings.
        arguments: the command line, so that the list of processes shows what was asked for.
        environ: the environment; the package is added to its PYTHONPATH.
    """
    fd = _nameless()
    with os.fdopen(os.dup(fd), "w") as file:
        json.dump([settings.values, settings.origins], file)
    os.set_inheritable(fd, True)
    again(arguments=[WORD, str(fd), *arguments], environ=environ)


def again(*, arguments: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Become a patched process that reads `arguments` as its command line."""
    package = str(Path(crawler.__file__).resolve().parent.parent)
    before = environ.get("PYTHONPATH")
    path = os.pathsep.join([package, before] if before else [package])
    command = [sys.executable, "-P", "-m", "crawler.patched", *arguments]
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    # What comes while the new process patches and imports waits until it can end without a word.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    os.execve(sys.executable, command, {**environ, "PYTHONPATH": path})


def take(fd: int) -> Settings:
    """The settings that were given through the descriptor, which is closed."""
    with os.fdopen(fd) as file:
        file.seek(0)
        values, origins = json.load(file)
    # JSON has no tuples; no setting is a list.
    whole = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return Settings(whole, origins)


def _nameless() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("crawl settings")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
