"""JSON Lines: one object per line, ASCII, written whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.model import Final
    from crawler.sinks._file import RecordFile
    from crawler.sinks.record import Describer


class JsonLines:
    """A sink of JSON Lines (https://jsonlines.org/)."""

    def __init__(self, file: RecordFile, describer: Describer) -> None:
        self._file = file
        self._line = describer.line
        self.flush = file.flush
        self.mark = file.mark
        self.sync = file.sync
        self.close = file.close

    def write(self, outcome: Final) -> None:
        self._file.add(self._line(outcome))
