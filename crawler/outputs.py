"""Everything a run writes: records, lines on the screen, bodies, the summary.

    outcome ──► Outputs.write ──► out.jsonl, out.csv, ... ── with --save-dir ──► bodies
                          ├─────► --mirror
                          └─────► stdout: lines for a person, records for a program

All of it is opened before the first fetch, so that a run does not fail at its end for want of a
place to write. Read beside it: sinks/, console.py.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import options, sinks
from crawler.console import Lines, is_regular, is_terminal, wants_colour
from crawler.errors import SinkError
from crawler.sinks._file import OutputClosed, RecordFile
from crawler.sinks.bodies import Bodies
from crawler.sinks.record import Describer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from crawler.config import Settings
    from crawler.fields import Fields
    from crawler.model import Final, Response
    from crawler.sinks import Output


class Outputs:
    """Everything a run writes, opened before the first fetch, and after `refuse_clashes`.

    Args:
        settings: the effective settings.
        engine: the name of the engine, for the records.
        environ: the environment.
        columns: names that input lines carry, where they are known in advance.
        marks: of an earlier `marks()`: outputs named in it are cut back to their mark and go on,
            whatever the settings say; others begin.
        goes_on: an earlier run of the same crawl has written a summary, which is replaced.

    Raises:
        SinkError: one of them cannot be written, exists and is not to be replaced, or is not what
            its mark is of.
        ConfigError: a field does not exist.
    """

    def __init__(
        self,
        settings: Settings,
        engine: str,
        environ: Mapping[str, str],
        *,
        columns: Sequence[str] = (),
        marks: Mapping[str, str] | None = None,
        goes_on: bool = False,
    ) -> None:
        self._stack = contextlib.ExitStack()
        self._prompt: list[Output] = []
        self._all: list[Output] = []
        self._named: dict[str, Output] = {}  # by what the settings say
        self._unmarked: Output | None = None
        self.summary: RecordFile | None = None
        mode = mode_of(settings, resumable=marks is not None)
        with self._stack as stack:
            directory = settings.text("save_dir")
            bodies = Bodies(directory) if directory else None
            if bodies is not None:
                stack.callback(bodies.close)
            selection = _selection(settings)
            if selection is not None:
                stack.callback(selection.close)
            try:
                describer = Describer(
                    engine=engine,
                    fields=options.words(settings.text("fields")),
                    keep=bodies.keep if bodies is not None else None,
                    selection=selection,
                    columns=columns,
                )
            except ValueError as error:
                raise settings.error("fields", str(error)) from error
            for target in settings.texts("output"):
                mark = marks.get(target, "") if marks is not None else ""
                output = sinks.open(
                    target,
                    describer,
                    mode="resume" if mark else mode,
                    mark=mark,
                    warc_size=settings.count("warc_size"),
                    proxied=bool(settings.text("proxy")),
                )
                self._add(output, sinks.choose(target)[0])
                self._named[target] = output
            folder = settings.text("mirror")
            if folder:
                from crawler.sinks.mirror import Mirror

                mirror = Mirror(folder, mode=mode)
                self._add(mirror, folder)
                self._unmarked = mirror
            if not any(sinks.choose(target)[0] == "-" for target in settings.texts("output")):
                self._screen(settings, describer, environ)
            name = settings.text("summary")
            if name:
                # That of a crawl that goes on replaces the one it had when it was stopped.
                self.summary = RecordFile(name, mode="overwrite" if marks or goes_on else mode)
                stack.callback(self.summary.close)
            self._stack = stack.pop_all()

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, *_: object) -> None:
        # Only after an error of ours is there anything left to lose here.
        with contextlib.suppress(SinkError):
            self._stack.close()

    def write(self, outcome: Final) -> None:
        """Write the outcome to every output. Raises SinkError."""
        for output in self._all:
            output.write(outcome)

    def passed(self, response: Response) -> None:
        """Write an answer that was no page's last, where all that was said is kept."""
        for target, output in self._named.items():
            if sinks.is_warc(target):
                output.write(response)

    def flush(self, *, everything: bool) -> None:
        """Write what readers of a pipe wait for, or everything gathered. Raises SinkError."""
        for output in self._all if everything else self._prompt:
            output.flush()

    def marks(self) -> dict[str, str]:
        """Flush; how much of each output is whole, by what the settings call it.

        Raises:
            SinkError: one of them cannot be written; there is no mark from then on.
        """
        if self._unmarked is not None:
            self._unmarked.flush()
        return {target: output.mark() for target, output in self._named.items()}

    def sync(self) -> None:
        """Wait until all outputs are on the disk. Raises SinkError."""
        for output in self._named.values():
            output.sync()
        if self._unmarked is not None:
            self._unmarked.sync()

    def close(self) -> SinkError | None:
        """Write and close all records; the error of the output that is worst off, if any."""
        worst: SinkError | None = None
        for output in self._all:
            try:
                output.close()
            except SinkError as error:
                if worst is None or isinstance(worst, OutputClosed):
                    worst = error
        return worst

    def _screen(self, settings: Settings, describer: Describer, environ: Mapping[str, str]) -> None:
        quiet = settings.count("quiet") > 1
        if settings.flag("json") or not is_terminal(1):
            if not (quiet and settings.texts("output")):
                self._add(sinks.open("-:jsonl", describer), "-")
        elif not quiet:
            self._add(Lines(RecordFile("-"), colour=wants_colour(environ)), "-")

    def _add(self, output: Output, path: str) -> None:
        self._all.append(output)
        self._stack.callback(output.close)
        if path == "-" and not is_regular(1) and not is_terminal(1):
            self._prompt.append(output)


def _selection(settings: Settings) -> Fields | None:
    """What is taken from pages besides. Raises ConfigError."""
    chosen, with_text = settings.texts("select"), settings.flag("text")
    if not chosen and not with_text:
        return None
    from crawler.fields import Fields

    return Fields(chosen, with_text=with_text)


def mode_of(settings: Settings, *, resumable: bool) -> str:
    """How an output is opened: see `sinks.open`. Raises ConfigError."""
    if settings.flag("overwrite") and settings.flag("append"):
        raise settings.error("append", "not together with --overwrite")
    if settings.flag("overwrite"):
        return "overwrite"
    if settings.flag("append"):
        return "append"
    return "resume" if resumable else "new"


def refuse_clashes(settings: Settings, inputs: Sequence[str]) -> None:
    """Raises SinkError when a file would be written twice, or is one that is read or the state.

    To be called before any of them is opened: with --overwrite that would be its end.
    """
    written = [sinks.choose(target)[0] for target in settings.texts("output")]
    besides = [settings.text(name) for name in ("summary", "manners", "log_file")]
    written += [name for name in besides if name not in {"", "-"}]
    _refuse_twice(written)
    read = (*inputs, *(settings.text(name) for name in ("load_cookies", "cacert")))
    for path in written:
        _refuse_read(path, read)
        _refuse_state(path, settings.text("state"))


def _refuse_twice(paths: Iterable[str]) -> None:
    taken: set[str] = set()
    for path in paths:
        place = path if path == "-" else _place(path)
        if place in taken and (path == "-" or not Path(path).exists() or Path(path).is_file()):
            raise SinkError(f"{path!r} is named twice: each output needs a place of its own")
        taken.add(place)


def _refuse_state(path: str, state: str) -> None:
    if state and path != "-" and _place(path) == _place(state):
        raise SinkError(f"{path!r} is the --state: an output needs a place of its own")


def _place(path: str) -> str:
    return str(Path(path).absolute().resolve())


def _refuse_read(path: str, inputs: Sequence[str]) -> None:
    for name in inputs:
        with contextlib.suppress(OSError, ValueError):
            if path != "-" and name != "-" and Path(path).samefile(name):
                raise SinkError(f"{path!r} is the input: it would be written over")
