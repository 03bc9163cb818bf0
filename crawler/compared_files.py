"""The files of a comparison: looked at before anything is measured, written after it was shown.

    opened() ──► what cannot be written is known now       write() ──► beside it, then in its place

A file that could not be written takes nothing from the others, and the table has been shown.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from crawler import comparison, tables
from crawler.errors import ConfigError, InputError, SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from crawler.comparison import Comparison


class File(NamedTuple):
    """Where to write, and what."""

    name: str  # as it was given
    path: Path  # a symbolic link's target
    render: Callable[[Comparison], str]


def read(name: str) -> Comparison:
    """The comparison in that file. Raises InputError."""
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"not text: {error}"
        raise InputError(f"cannot read {name!r}: {reason}") from error
    try:
        return comparison.load(text)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def refuse_inputs(names: Iterable[str], inputs: Iterable[str]) -> None:
    """Raises SinkError when one of the files to write is one that is read."""
    inputs = tuple(inputs)
    for name in names:
        for read in inputs:
            with contextlib.suppress(OSError, ValueError):  # what is not there
                if Path(name).samefile(read):
                    raise SinkError(f"{name!r} is the input: it would be written over")


def opened(name: str) -> File:
    """The file, which is left as it is; found out now whether it can be written.

    Raises:
        ConfigError: its suffix says no form.
        SinkError: it cannot be written.
    """
    try:
        render = tables.for_suffix(Path(name).suffix.lower())
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error
    try:
        path = Path(name).resolve()
        if path.exists() and not path.is_file():
            raise SinkError(f"cannot write {name!r}: it is not a regular file")
        if path.exists():
            with path.open("a"):
                pass
        beside = _beside(path)
        with beside.open("w"):
            pass
        beside.unlink()
    except (OSError, ValueError) as error:
        raise SinkError(f"cannot write {name!r}: {_reason(error)}") from error
    return File(name, path, render)


def write(files: Sequence[File], found: Comparison) -> None:
    """Write them all. Raises SinkError, after the last, for those that could not be written."""
    failed = []
    for file in files:
        beside = _beside(file.path)
        try:
            beside.write_text(file.render(found), encoding="utf-8")
            if file.path.exists():
                beside.chmod(file.path.stat().st_mode & 0o777)
            beside.replace(file.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink()
            failed.append(f"cannot write {file.name!r}: {_reason(error)}")
    if failed:
        raise SinkError("; ".join(failed))


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)
