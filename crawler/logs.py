"""Where the package's log goes: to stderr, or to a file, as text or as JSON. One line per entry.

    2026-01-02 03:04:05,678 INFO crawler.crawling: engine selectors, at most 16 exchanges under way
    {"time": "2026-01-02T03:04:05.678000+00:00", "level": "INFO", "logger": ..., "message": ...}

A log that cannot be written to ends no run: its first fault is said, and the crawl goes on.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crawler.errors import SinkError
from crawler.safety import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 8192  # characters of an entry


def begin(level: int, path: str, form: str, say: Callable[[str], None]) -> None:
    """Begin to log: 1 = what the package does, 2 = every exchange.

    Args:
        level: 0 logs nothing, unless there is a path.
        path: a file that is added to; "" and "-" are stderr.
        form: text or json.
        say: told when the file cannot be written to.

    Raises:
        SinkError: the file cannot be opened.
    """
    if not level and not path:
        return
    is_file = path not in {"", "-"}
    handler = _File(path, say) if is_file else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_FORMATTERS[form]())
    log = logging.getLogger("crawler")
    log.addHandler(handler)
    log.setLevel(logging.INFO if level <= 1 else logging.DEBUG)


class _File(logging.FileHandler):
    """A file of log entries."""

    def __init__(self, path: str, say: Callable[[str], None]) -> None:
        try:
            super().__init__(path, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise SinkError(f"cannot write the log {path!r}: {error.strerror}") from error
        self._say: Callable[[str], None] | None = say

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """An entry could not be written."""
        say, self._say = self._say, None
        if say is not None:
            say(f"crawl: the log has gaps from here on: {safe_text(str(sys.exc_info()[1]))}")


class _Text(logging.Formatter):
    """One line, whatever a server put into it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return safe_text(super().formatMessage(record))[:_MOST]


class _Json(logging.Formatter):
    """One object in one line, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": safe_text(record.getMessage())[:_MOST],
        }
        if record.exc_info:
            entry["error"] = safe_text(self.formatException(record.exc_info))[:_MOST]
        return json.dumps(entry)


_FORMATTERS: dict[str, Callable[[], logging.Formatter]] = {"text": _Text, "json": _Json}
