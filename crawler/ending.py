"""How a command ends: its exit code, and what it says when it could not do what it was asked.

0 all is well, 1 `FAILED`, 2 `USAGE`, 3 `LOCAL_FAULT`, 4 `LIMIT_REACHED`, 130 and 143 signals; the
last four are in stopping.py.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.errors import (
    CrawlerError,
    EngineUnavailable,
    FrontierError,
    InputError,
    SinkError,
)
from crawler.safety import safe_text
from crawler.stopping import LOCAL_FAULT

if TYPE_CHECKING:
    from typing import NoReturn

FAILED = 1
USAGE = 2
NO_MEMORY = (
    "there is no memory left: what was written is whole; fewer at once (-c), smaller pages"
    " (--max-body) or a larger limit (ulimit -v) help"
)


@dataclass(slots=True)
class Ended:
    """How a run ended."""

    code: int
    at_once: bool = False  # leave without closing the engine, which may wait for its exchanges


def complain(error: CrawlerError | MemoryError) -> int:
    """Say on stderr what went wrong; the exit code for it."""
    text = NO_MEMORY if isinstance(error, MemoryError) else str(error)
    message = "\n".join(safe_text(line) for line in text.split("\n"))
    with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr may be gone
        sys.stderr.write(f"crawl: {message}\n")
    is_local = isinstance(error, SinkError | InputError | FrontierError | MemoryError)
    # An engine that the system refuses a socket or a thread is no wrong use of the command.
    refused = isinstance(error, EngineUnavailable) and isinstance(error.__cause__, OSError)
    return LOCAL_FAULT if is_local or refused else USAGE


def leave(ended: Ended) -> NoReturn:
    """End the process, without waiting for what was abandoned."""
    if not ended.at_once:
        sys.exit(ended.code)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(ended.code)
