"""Where outcomes are written: chosen by the name of the file.

out.jsonl  out.ndjson  out.json  ─► jsonl.py          records of record.py
out.csv                          ─► csv_file.py
out.sqlite  out.sqlite3  out.db  ─► sqlite_file.py
out.parquet                      ─► parquet_file.py
out.warc.gz  out.warc            ─► warc.py
FILE:jsonl  FILE:csv  ...        ─► the format named; - is stdout
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from crawler.errors import SinkError
from crawler.sinks._file import OutputClosed, RecordFile

if TYPE_CHECKING:
    from typing import Protocol

    from crawler.contracts import Sink
    from crawler.sinks.record import Describer

    class Output(Sink, Protocol):
        """A sink that can be asked to write what it has gathered."""

        def flush(self) -> None:
            """Write what was gathered. Raises SinkError."""
            ...

        def mark(self) -> str:
            """Flush; how much of the output is whole, for `open`. Raises SinkError.

            What a mark is of outlives the process. "" where an output cannot be resumed: stdout, a
            pipe, a device.
            """
            ...

        def sync(self) -> None:
            """Wait until all of it is on the disk, safe from a power cut. Raises SinkError."""
            ...


__all__ = ["FORMATS", "OutputClosed", "archived", "choose", "is_warc", "open"]

FORMATS = ("jsonl", "csv", "sqlite", "parquet", "warc")
WARC_SIZE = 1_000_000_000  # bytes
# What readers of archives undo: warcio 1.8.1 breaks off at br, and most leave zstd alone.
WARC_CODINGS = ("Accept-Encoding", "gzip, deflate")
_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".db": "sqlite",
    ".parquet": "parquet",
    ".warc": "warc",
}
_FILES = frozenset({"sqlite", "parquet", "warc"})  # they are written in more than one place


def choose(target: str) -> tuple[str, str]:
    """Path and format of what ``-o`` names. Raises SinkError when there is no such format."""
    path, colon, name = target.rpartition(":")
    if colon and path and name.lower() in FORMATS:
        return path, name.lower()
    if target == "-":
        return target, "jsonl"
    if target.lower().endswith(".warc.gz"):
        return target, "warc"
    suffix = PurePath(target).suffix.lower()
    if suffix not in _SUFFIXES:
        known = ", ".join((*_SUFFIXES, ".warc.gz"))
        form = name if colon and path and name.isalnum() else ""
        said = f"there is no format {form!r}" if form else f"no format for {target!r}"
        raise SinkError(
            f"{said}: end it in {known}, or write {path if form else target}:FORMAT with one"
            f" of {', '.join(FORMATS)}"
        )
    return target, _SUFFIXES[suffix]


def is_warc(target: str) -> bool:
    """Whether what ``-o`` names needs the bytes of messages: `Limits.capture`."""
    return target.lower().endswith((".warc", ".warc.gz", ":warc"))


def archived(fields: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The fields of requests whose answers go into an archive."""
    asked = any(name.lower() == "accept-encoding" for name, _ in fields)
    return fields if asked else (*fields, WARC_CODINGS)


def open(
    target: str, describer: Describer, *, mode: str = "new", mark: str = "",
    warc_size: int = WARC_SIZE, proxied: bool = False,
) -> Output:  # fmt: skip
    """The sink for what ``-o`` names.

    Args:
        target: a path whose suffix says the format, ``FILE:FORMAT``, or ``-``.
        describer: makes the records; share one among the sinks of a run.
        mode: ``new``, ``overwrite``, ``append`` or ``resume``.
        mark: with ``resume``, what the output is cut back to; "" when it had no mark yet: then only
            what holds no record may be there.
        warc_size: bytes of a WARC file, after which the next one begins.
        proxied: peers are a proxy.

    Raises:
        SinkError: it cannot be opened, exists and is not to be replaced, or is not what the mark is
            of: gone, too short, changed.
    """
    path, name = choose(target)
    if path == "-" and name in _FILES:
        raise SinkError(f"cannot write {name} to stdout: name a file")
    if name == "sqlite":
        from crawler.sinks.sqlite_file import SqliteFile

        return SqliteFile(path, describer, mode=mode, mark=mark)
    if name == "warc":
        from crawler.sinks.warc import WarcFile

        return WarcFile(path, mode=mode, mark=mark, size=warc_size, proxied=proxied)
    if name == "parquet":
        from crawler.sinks.parquet_file import ParquetFile

        return ParquetFile(path, describer, mode=mode, mark=mark)
    if name == "csv":
        from crawler.sinks.csv_file import CsvFile, line

        first = line(describer.fields)
        return CsvFile(RecordFile(path, mode=mode, mark=mark, heading=first), describer)
    from crawler.sinks.jsonl import JsonLines

    return JsonLines(RecordFile(path, mode=mode, mark=mark), describer)
