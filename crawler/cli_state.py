"""The options of `crawl status`, `resume`, `retry` and `export`: what is done with a --state."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from crawler.flags import with_settings

_State = Annotated[Path, typer.Argument(metavar="STATE", help="The file given as --state.")]
_REMEMBERED = frozenset({"state"})


def status(
    state: _State,
    *,
    hosts: Annotated[int, typer.Option(metavar="N", min=0, help="So many hosts are shown.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Show how a crawl stands: counts, pace, hosts; also while it goes on."""
    from crawler import state_commands

    if as_json:
        print(json.dumps(state_commands.status_record(state, hosts=hosts)))
        return
    now = state_commands.unix_time()
    print(state_commands.status(state, hosts=hosts, now=now), end="")


@with_settings(without=_REMEMBERED)
def resume(*, state: _State, given: dict[str, object], config_file: str, no_config: bool) -> None:
    """Go on with a crawl: its options are remembered, and what is given here wins."""
    _go_on(state, given)


@with_settings(without=_REMEMBERED)
def retry(
    *,
    state: _State,
    failed: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE",
            help="Only what failed with this code or family: timeout, http.503, connect.refused.",
            show_default=False,
        ),
    ] = None,
    given: dict[str, object],
    config_file: str,
    no_config: bool,
) -> None:
    """Try again what has failed; then go on as `resume`."""
    from crawler.state_commands import queue_failed

    number = queue_failed(state, failed or [])
    sys.stderr.write(f"crawl: {number:,} failed pages are tried again\n")
    _go_on(state, given)


def export(
    state: _State,
    *,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help=".jsonl or .csv; - is stdout.")
    ] = "-",
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATE",
            help="Only pages that are queued, done, failed, skipped or reached; A,B for several.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Write what a state knows of every page."""
    from crawler import state_commands
    from crawler.ending import Ended, leave
    from crawler.sinks import OutputClosed

    mode = "overwrite" if overwrite else "new"
    try:
        state_commands.export(state, output, states=only or (), mode=mode)
    except OutputClosed:  # the reader has what it wanted
        leave(Ended(0, at_once=True))


def _go_on(state: Path, given: dict[str, object]) -> None:
    from crawler.ending import leave
    from crawler.run_command import run
    from crawler.state_commands import remembered

    settings = remembered(state, given)
    leave(run(settings, arguments=sys.argv[1:], environ=os.environ))
