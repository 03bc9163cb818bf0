"""JSON Lines: one object per line, ASCII, written whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.sinks.record import encoded

if TYPE_CHECKING:
    from crawler.model import Final
    from crawler.sinks._file import RecordFile
    from crawler.sinks.record import Describer


class JsonLines:
    """A sink of JSON Lines (https://jsonlines.org/)."""

    def __init__(self, file: RecordFile, describer: Describer) -> None:
        self._file = file
        self._record = describer.record
        self.flush = file.flush
        self.mark = file.mark
        self.sync = file.sync
        self.close = file.close

    def write(self, outcome: Final) -> None:
        line = encoded(self._record(outcome))
        self._file.add(line)
