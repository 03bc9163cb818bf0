"""Records as an Apache Parquet file, for analysis; pyarrow writes it.

    out.parquet.parts/00001.parquet     rows that are safe, 5,000 to a file
                      00002.parquet
                      00003.jsonl       the rows since, a JSON list each
    out.parquet                         all of them, put together when the sink is closed

A Parquet file is unreadable without its end (the footer has the places of everything in it:
https://parquet.apache.org/docs/file-format/), so none can be added to, and one that is being
written is lost with its process. Hence the parts: each is written under another name, synced and
renamed; the mark is the number of rows, and to resume is to cut the parts to so many. Put together,
the whole takes the place of the parts by two renames: at every instant one of them is there.
Read beside it: _parts.py, which finds them again.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.errors import ConfigError, SinkError
from crawler.sinks import _parts
from crawler.sinks._file import RecordFile, sync_directory
from crawler.sinks._table import Kind, kind, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from crawler.model import Final
    from crawler.sinks.record import Describer, Field

_ROWS = 5_000  # of a part, and so of a row group of the whole
_BYTES = 32 * 1024 * 1024  # of rows in no part yet: pages' text may be among them


class ParquetFile:
    """A sink of rows, kept in columns.

    Args:
        path: the file; beside it is FILE.parts while it is written.
        describer: makes the rows.
        mode: ``new``, ``overwrite``, ``append`` or ``resume``.
        mark: with ``resume``, of an earlier `mark()`.

    Raises:
        ConfigError: pyarrow is not installed.
        SinkError: it cannot be written, is not ours to replace, or not what the mark is of.
    """

    def __init__(
        self, path: str, describer: Describer, *, mode: str = "new", mark: str = ""
    ) -> None:
        try:
            import pyarrow as pa  # noqa: F401 - whether it is there, before the first fetch
        except ImportError as error:
            raise ConfigError(
                f"{path!r} needs pyarrow: pip install 'concurrent-crawler[parquet]'"
            ) from error
        self.name = path
        self._path = Path(os.path.realpath(path))  # a link is not what is replaced
        self._folder = _parts.folder_of(self._path)
        self._values = describer.row
        self._columns = list(describer.fields)
        self._kinds = [kind(name) for name in describer.fields]
        self._fault: SinkError | None = None
        self._closed = False
        self._spool: RecordFile | None = None
        with self._faults():
            self._parts = self._begun(mode, mark)
            if self._parts.ends:
                self._spool = self._opened("append")
        self._count = self._parts.before + len(self._parts.rows)

    def write(self, outcome: Final) -> None:
        row = self._values(outcome)
        with self._faults():
            if self._spool is None:
                self._spool = self._opened("overwrite")
            self._spool.add(json.dumps(row).encode() + b"\n")
            self._parts.rows.append(row)
            self._count += 1
            if len(self._parts.rows) >= _ROWS or self._spool.size >= _BYTES:
                self._set_apart()

    def flush(self) -> None:
        """Write what was gathered. Raises SinkError."""
        with self._faults():
            if self._spool is not None:
                self._spool.flush()

    def mark(self) -> str:
        """Flush; the number of rows. Raises SinkError."""
        self.flush()
        return f"{self._count}:{self._parts.identity}"

    def sync(self) -> None:
        """Wait until what was flushed is on the disk. Raises SinkError."""
        with self._faults():
            if self._spool is not None:
                self._spool.sync()

    def close(self) -> None:
        """Put the parts together. Raises SinkError: the parts stay, then."""
        if self._closed:
            return
        self._closed = True
        if self._fault is not None:
            with contextlib.suppress(SinkError):
                if self._spool is not None:
                    self._spool.close()
            return
        with self._faults():
            self._put_together()

    def _begun(self, mode: str, mark: str) -> _parts.Parts:
        path, folder = self._path, self._folder
        if path.exists() and not path.is_file():
            raise SinkError(f"cannot write {self.name!r}: a Parquet file has to be a regular file")
        rows, _, identity = mark.partition(":")
        if mark and not (rows.isascii() and rows.isdigit() and identity):
            raise SinkError(f"cannot go on with {self.name!r}: {mark!r} is no mark of it")
        is_there = path.exists() and path.stat().st_size > 0
        if is_there and mode == "resume" and not mark:
            is_there = not _parts.is_empty(path)
        is_left = folder.is_dir() and _parts.has_rows(folder)
        if mark or (mode == "append" and (is_there or is_left)):
            limit = int(rows) if mark else None
            return _parts.take_up(path, self._columns, identity=identity, limit=limit)
        if is_left and mode != "overwrite":
            raise SinkError(
                f"{str(folder)!r} holds records of a crawl that was killed: --append goes on with"
                " them, --overwrite deletes them"
            )
        if is_there and mode != "overwrite":
            raise SinkError(f"{self.name!r} exists: give --overwrite or --append, or another name")
        _parts.discard(folder)
        folder.mkdir()
        return _parts.Parts(secrets.token_hex(4))

    def _opened(self, mode: str) -> RecordFile:
        """The rows that are in no part yet."""
        heading = json.dumps([self._parts.identity, *self._columns]).encode() + b"\n"
        name = str(self._folder / f"{self._parts.number:05}.jsonl")
        return RecordFile(name, mode=mode, heading=heading)

    def _set_apart(self) -> None:
        """Make a part of the rows since the last."""
        import pyarrow.parquet

        parts, spool = self._parts, self._spool
        if spool is None:
            return
        spool.flush()
        if parts.rows:
            path = Path(spool.name).with_suffix(".parquet")
            with _parts.written(path) as draft:
                pyarrow.parquet.write_table(self._table(parts.rows), draft, compression="zstd")
            parts.files.append(path)
            parts.counts.append(len(parts.rows))
            parts.rows = []
        self._spool = None
        spool.close()
        Path(spool.name).unlink()

    def _put_together(self) -> None:
        """Make the whole of the parts, in the place of the file."""
        import pyarrow.parquet

        self._set_apart()
        files = self._parts.files
        if len(files) == 1:
            if not (self._path.exists() and self._path.samefile(files[0])):
                files[0].replace(self._path)
                sync_directory(str(self._path))
        else:
            with (
                _parts.written(self._path) as draft,
                pyarrow.parquet.ParquetWriter(draft, self._schema(), compression="zstd") as writer,
            ):
                for part in files:
                    for group in _parts.groups(part):
                        writer.write_table(group)
        _parts.discard(self._folder)

    def _schema(self) -> pa.Schema:
        import pyarrow as pa

        types = {
            Kind.INTEGER: pa.int64(),
            Kind.REAL: pa.float64(),
            Kind.BOOLEAN: pa.bool_(),
            Kind.TEXT: pa.string(),
            Kind.INSTANT: pa.timestamp("us", tz="UTC"),
        }
        fields = zip(self._columns, self._kinds, strict=True)
        return pa.schema(
            [(name, types[what]) for name, what in fields],
            metadata={_parts.IDENTITY: self._parts.identity.encode()},
        )

    def _table(self, rows: list[list[Field]]) -> pa.Table:
        import pyarrow as pa

        schema = self._schema()
        columns = zip(zip(*rows, strict=True), self._kinds, schema, strict=True)
        arrays = [
            pa.array([_cell(value, what) for value in column], type=field.type)
            for column, what, field in columns
        ]
        return pa.Table.from_arrays(arrays, schema=schema)

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        """Makes every fault a SinkError, and the last: a file that went on would have a gap."""
        import pyarrow as pa

        if self._fault is not None:
            raise self._fault
        try:
            yield
        except SinkError as error:
            self._fault = error
            raise
        except (OSError, pa.ArrowException) as error:
            number = error.errno if isinstance(error, OSError) else None
            reason = os.strerror(number) if number else str(error).strip()
            self._fault = SinkError(
                f"cannot write {self.name}: {reason} (what was written is in {self._folder})"
            )
            raise self._fault from error


def _cell(value: Field, what: Kind) -> Field | datetime:
    if what is Kind.TEXT:
        return text(value)
    if what is Kind.INSTANT and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value
