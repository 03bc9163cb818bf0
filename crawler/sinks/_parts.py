"""The parts of a Parquet file that is being written: found again, and cut back to a mark.

    out.parquet.parts/00001.parquet     rows that are safe
                      00002.parquet
                      00003.jsonl       a heading, then the rows since, a JSON list each

All of them name the output they belong to. Read beside it: parquet_file.py, which writes them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crawler.errors import SinkError
from crawler.sinks._file import sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from crawler.sinks.record import Field

IDENTITY = b"crawler.output"  # in the footer of a part: the output it belongs to
_ADVICE = "put it back, or name another output"


@dataclass(slots=True)
class Parts:
    """What is there of an output."""

    identity: str
    files: list[Path] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)  # rows of each
    rows: list[list[Field]] = field(default_factory=list)  # since the last part
    ends: list[int] = field(default_factory=list)  # bytes up to the end of each of them

    @property
    def before(self) -> int:
        """Rows in the parts."""
        return sum(self.counts)

    @property
    def number(self) -> int:
        """Of the next part."""
        return int(self.files[-1].stem) + 1 if self.files else 1


def folder_of(path: Path) -> Path:
    """Where the parts of a file are."""
    return path.with_name(f"{path.name}.parts")


def has_rows(folder: Path) -> bool:
    """Whether the folder holds more than headings."""
    return any(_named(folder, "parquet")) or any(
        len(spool.read_bytes().split(b"\n", 2)) > 2 for spool in _named(folder, "jsonl")
    )


def is_empty(path: Path) -> bool:
    """Whether it is a Parquet file without rows."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        return bool(pyarrow.parquet.read_metadata(path).num_rows == 0)
    except (OSError, pa.ArrowException):
        return False


def take_up(path: Path, columns: list[str], *, identity: str, limit: int | None) -> Parts:
    """The parts of the file, cut back to `limit` rows.

    Args:
        path: of the whole; where it is all there is, it becomes the first part.
        columns: that it has to have.
        identity: that it has to have; "" where any will do.
        limit: rows it had; None where all are wanted.

    Raises:
        SinkError: something else is there, or not enough.
    """
    folder = folder_of(path)
    if not (any(_named(folder, "parquet")) or any(_named(folder, "jsonl"))):
        _adopt(path, columns, identity, limit)
    parts = Parts(identity)
    for part in _named(folder, "parquet"):
        parts.counts.append(_checked(part, columns, parts))
        parts.files.append(part)
    spool = folder / f"{parts.number:05}.jsonl"
    if spool.exists():
        _read(spool, columns, parts)
    total = parts.before + len(parts.rows)
    if limit is not None and total < limit:
        raise SinkError(
            f"{str(path)!r} has {total} records, and this crawl had written {limit}: it was cut or"
            f" replaced; {_ADVICE}"
        )
    _cut(parts, total if limit is None else limit, spool)
    return parts


def groups(part: Path) -> Iterator[pa.Table]:
    """The rows of a part, some thousand at a time."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(part) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, use_threads=False)


@contextlib.contextmanager
def written(path: Path) -> Iterator[str]:
    """The name to write a file under; whole and on the disk, it takes the place of `path`."""
    draft = path.with_name(f"{path.name}.tmp")
    try:
        yield str(draft)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
        sync_directory(str(path))
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def discard(folder: Path) -> None:
    """Take a folder away, by one rename first, so that half of it is never taken for the whole."""
    done = folder.with_name(f"{folder.name}.done")
    shutil.rmtree(done, ignore_errors=True)
    if folder.is_dir():
        folder.rename(done)
        shutil.rmtree(done, ignore_errors=True)


def _named(folder: Path, suffix: str) -> list[Path]:
    return sorted(path for path in folder.glob(f"*.{suffix}") if path.stem.isdigit())


def _adopt(path: Path, columns: list[str], identity: str, limit: int | None) -> None:
    """The whole, put together when the crawl was stopped, becomes the first part."""
    folder = folder_of(path)
    if limit == 0:
        folder.mkdir(exist_ok=True)
        return
    if not path.exists():
        raise SinkError(
            f"{str(path)!r} is gone, and {limit} records of this crawl were in it: {_ADVICE}"
        )
    _checked(path, columns, Parts(identity))
    folder.mkdir(exist_ok=True)
    # A second name: who reads the file finds it until a longer one takes its place.
    first = folder / "00001.parquet"
    try:
        os.link(path, first)
    except OSError:  # there are file systems without
        with written(first) as draft:
            shutil.copyfile(path, draft)


def _checked(part: Path, columns: list[str], parts: Parts) -> int:
    """The number of rows of a part, which must be of this output."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        found = pyarrow.parquet.read_metadata(part)
    except (OSError, pa.ArrowException) as error:
        raise SinkError(f"{str(part)!r} is damaged: {str(error).strip()}") from error
    identity = (found.metadata or {}).get(IDENTITY, b"").decode()
    _compare(part, parts, identity, found.schema.to_arrow_schema().names, columns)
    return int(found.num_rows)


def _compare(file: Path, parts: Parts, identity: str, found: list[str], columns: list[str]) -> None:
    parts.identity = parts.identity or identity
    if not identity or identity != parts.identity:
        raise SinkError(f"{str(file)!r} is not what this crawl had written: {_ADVICE}")
    if found != columns:
        raise SinkError(
            f"{str(file)!r} has other columns: give the options it was begun with, or another name"
        )


def _read(spool: Path, columns: list[str], parts: Parts) -> None:
    """The rows that are in no part yet, without a torn one at the end."""
    *lines, _ = spool.read_bytes().split(b"\n")
    if not lines:
        return
    try:
        identity, *found = json.loads(lines[0])
        parts.rows = [json.loads(line) for line in lines[1:]]
    except ValueError as error:
        raise SinkError(f"{str(spool)!r} is damaged: {error}") from error
    _compare(spool, parts, identity, found, columns)
    end = 0
    for line in lines:
        end += len(line) + 1
        parts.ends.append(end)


def _cut(parts: Parts, limit: int, spool: Path) -> None:
    """Take away what is beyond the limit.

    From the end, so that a process killed here leaves what can be cut again.
    """
    within = limit - parts.before
    for other in _named(spool.parent, "jsonl"):
        if other != spool or within < 0 or not parts.ends:
            other.unlink()
    parts.rows = parts.rows[: max(0, within)]
    if within >= 0 and parts.ends:
        os.truncate(spool, parts.ends[within])
    while parts.files and parts.before - parts.counts[-1] >= limit:
        parts.files.pop().unlink()
        parts.counts.pop()
    if parts.before > limit:
        parts.counts[-1] -= parts.before - limit
        _shorten(parts.files[-1], parts.counts[-1])


def _shorten(part: Path, rows: int) -> None:
    """Leave the first rows of a part."""
    import pyarrow.parquet

    with written(part) as draft:
        schema = pyarrow.parquet.read_schema(part)
        with pyarrow.parquet.ParquetWriter(draft, schema, compression="zstd") as writer:
            for group in groups(part):
                writer.write_table(group.slice(0, rows))
                rows -= min(rows, group.num_rows)
                if not rows:
                    break
