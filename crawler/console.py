"""The terminal's side of a run: result lines on stdout, progress and messages on stderr.

stdout carries data only; everything for people goes to stderr. Nothing here waits: what is shown is
refreshed when the loop ticks, at most four times a second.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import time
from typing import TYPE_CHECKING

from crawler import report
from crawler.safety import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from crawler.model import Final
    from crawler.sinks._file import RecordFile

PLAIN = 10.0  # seconds between two lines of progress where stderr is no terminal
_BAD_LINES = 20  # bad input lines reported one by one; the records have all of them
_ERASE = "\r\x1b[K"


class Lines:
    """A sink that shows one line per URL to a person."""

    def __init__(self, file: RecordFile, *, colour: bool) -> None:
        self._file = file
        self._colour = colour
        self.flush = file.flush
        self.mark = file.mark
        self.sync = file.sync
        self.close = file.close

    def write(self, outcome: Final) -> None:
        text = report.line(outcome, colour=self._colour)
        self._file.add(text.encode("utf-8", "replace") + b"\n")


class Console:
    """stderr: messages, and one progress line that stays at the bottom.

    Args:
        quiet: only errors are shown.
        progress: a progress line is wanted, if stderr is a terminal.
        environ: where NO_COLOR and TERM stand.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        *,
        quiet: bool,
        progress: bool,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        terminal = is_terminal(2) and environ.get("TERM") != "dumb"
        self.progress = progress and terminal and not quiet
        self._plain = progress and not terminal and not quiet
        self._next_plain = clock() + PLAIN
        self._quiet = quiet
        self._clock = clock
        self._drawn = False
        self._bad = 0

    def say(self, text: str) -> None:
        """Show a message, unless quiet."""
        if not self._quiet:
            self.error(text)

    def error(self, text: str) -> None:
        """Show a message in any case."""
        self.erase()
        _write(f"{text}\n")

    def bad_line(self, text: str) -> None:
        """Show that an input line is no URL; after twenty of them only their number counts."""
        self._bad += 1
        if self._bad <= _BAD_LINES:
            self.say(f"crawl: {safe_text(text)}")
        elif self._bad == _BAD_LINES + 1:
            self.say("crawl: further bad lines are only counted, and in the records")

    def draw(self, text: str) -> None:
        """Replace the progress line."""
        width = shutil.get_terminal_size().columns
        _write(f"{_ERASE}{text[: width - 1]}")
        self._drawn = True

    def wants_line(self) -> bool:
        """Whether a plain line of progress is due: now and then, where stderr is no terminal."""
        if not self._plain or self._clock() < self._next_plain:
            return False
        self._next_plain = self._clock() + PLAIN
        return True

    def erase(self) -> None:
        """Take the progress line away, before anything else is written to the terminal."""
        if self._drawn:
            _write(_ERASE)
            self._drawn = False


def is_terminal(fd: int) -> bool:
    """Whether the descriptor is open and a terminal."""
    try:
        return os.isatty(fd)
    except OSError:
        return False


def is_regular(fd: int) -> bool:
    """Whether the descriptor is open and a regular file."""
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError:
        return False


def wants_colour(environ: Mapping[str, str]) -> bool:
    """Whether lines on stdout may be coloured (https://no-color.org/)."""
    return is_terminal(1) and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _write(text: str) -> None:
    # stderr may be closed or its reader gone: that is no reason to end a run.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()
