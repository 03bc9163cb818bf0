"""The manners of a run: a table for people at its end, a record of every host for programs.

    lines of the frontier ──► Borne ──► table (hosts that are not the user's own)
         └── forgotten lines ────────► --manners FILE: all of them

Read beside it: manners.py (how they are shown), frontier/_lines.py.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from crawler import manners
from crawler.sinks._file import RecordFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawler.frontier._line import Line
    from crawler.frontier._lines import Lines

_SHOWN = 5  # hosts in the table at the end of a run


class MannersFile:
    """What hosts had to bear in a run.

    Args:
        lines: of the frontier.
        target: the file for all hosts; "" = none, ``-`` = stdout.
        mode: as for outputs.

    Raises:
        SinkError: the file cannot be written.
    """

    def __init__(self, lines: Lines, target: str, *, mode: str) -> None:
        self._lines = lines
        self._file = RecordFile(target, mode=mode) if target else None
        if self._file is not None:
            lines.forgotten = self._write

    def table(self) -> list[str]:
        """Lines for people, of public hosts; empty where there are none."""
        found = (host for host in self._borne() if host.manners.is_public)
        return manners.table((host for host in found if host.manners.exchanges), shown=_SHOWN)

    def close(self) -> None:
        """Write the hosts that are left. Raises SinkError."""
        if self._file is None:
            return
        for line in self._lines.by_origin.values():
            self._write(line)
        self._file.close()

    def _write(self, line: Line) -> None:
        assert self._file is not None
        host = _of(line)
        if host.manners.exchanges:
            for record in manners.records([host]):
                self._file.add(record.encode("utf-8", "replace") + b"\n")

    def _borne(self) -> Iterator[manners.Borne]:
        for line in self._lines.by_origin.values():
            yield _of(line)


def _of(line: Line) -> manners.Borne:
    now = time.monotonic()
    read = None
    if line.read_at:
        read = datetime.now(UTC) - timedelta(seconds=now - line.read_at)
    return manners.Borne(line.origin, line.pace.manners(now), read)
