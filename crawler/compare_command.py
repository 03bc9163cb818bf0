"""What `crawl compare` does: reads the list, measures, shows the table, writes the export.

Exit codes: 0 every engine fetched every URL alike; 1 some URL failed or differed; 2 usage; 3 the
input cannot be read or the export not written. Read beside it: comparing.py, tables.py.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import comparing, config, reading, tables
from crawler.console import Console
from crawler.errors import ConfigError, InputError, SinkError
from crawler.frontier.seen import Seen
from crawler.model import Failure, Pause
from crawler.run_command import FAILED, inputs_of, template_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crawler.comparing import Run
    from crawler.config import Settings
    from crawler.model import Request

ENGINES = ("sequential", "gevent", "selectors")
_MOST = 100_000  # URLs: a comparison keeps them all, and a digest of each for every run


def show(settings: Settings, engines: Sequence[str], *, repeat: int, export: str) -> int:
    """Compare, print, export; the exit code.

    Raises:
        ConfigError, EngineUnavailable: exit code 2.
        InputError, SinkError: exit code 3.
    """
    render = _renderer(export)
    if repeat < 1:
        raise ConfigError("--repeat: must be at least 1")
    if settings.count("concurrency") < 1:
        raise settings.error("concurrency", "must be at least 1")
    console = Console(
        quiet=settings.count("quiet") > 0, progress=settings.flag("progress"), environ=os.environ
    )
    limits, network = config.limits(settings), config.network(settings)
    requests = _requests(settings, console)
    runs = []
    chosen = tuple(engines) or ENGINES
    for run in comparing.comparison(
        requests,
        engines=chosen,
        concurrency=settings.count("concurrency"),
        repeat=repeat,
        limits=limits,
        network=network,
    ):
        runs.append(run)
        console.say(
            f"{run.engine}: run {run.repetition} of {repeat}: {run.wall:.2f} s,"
            f" {run.ok} ok, {run.failed} failed"
        )
    command = shlex.join(["crawl", *sys.argv[1:]])
    sys.stdout.write(tables.text(runs, requests, command=command, machine=comparing.machine()))
    sys.stdout.flush()
    if render is not None:
        try:
            Path(export).write_text(
                render(runs, requests, command, comparing.machine()), encoding="utf-8"
            )
        except OSError as error:
            raise SinkError(f"cannot write {export!r}: {error.strerror}") from error
    clean = not any(run.failed for run in runs) and not comparing.differences(runs, requests)
    return 0 if clean else FAILED


def _renderer(export: str) -> Callable[[Sequence[Run], Sequence[Request], str, str], str] | None:
    if not export:
        return None
    try:
        return tables.for_suffix(Path(export).suffix.lower())
    except ValueError as error:
        raise ConfigError(f"--export: {error}") from error


def _requests(settings: Settings, console: Console) -> list[Request]:
    """The whole list: waits for its end. Raises InputError, ConfigError."""
    inputs = inputs_of(settings)
    reading.check(inputs)
    found: list[Request] = []
    for entry in reading.Reading(inputs, template=template_of(settings), seen=Seen()):
        if isinstance(entry, Pause):
            time.sleep(entry.seconds)
        elif isinstance(entry, Failure):
            console.bad_line(str(entry.error))
        else:
            found.append(entry)
            if len(found) > _MOST:
                raise InputError(f"a comparison takes at most {_MOST} URLs")
    if not found:
        raise InputError("the input has no URLs")
    return found
