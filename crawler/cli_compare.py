"""The options of `crawl compare`, and what they mean together."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from crawler.errors import ConfigError
from crawler.flags import effective, with_settings
from crawler.settings import Section
from crawler.stopping import unwind_on_signals

# What is compared, or would make it a comparison of something else.
_COMPARED = frozenset({"engine", "rate", "per_host", "delay", "retry_on", "processes"})


@with_settings(
    sections=(Section.INPUT, Section.FETCH, Section.REQUEST, Section.LIMITS, Section.NETWORK),
    without=_COMPARED,
)
def compare(
    *,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE|URL|-] [ENGINE]...",
            help="The URLs to fetch and the engines to compare; `all` is every engine. "
            "Without URLs a site on this machine is fetched.",
        ),
    ] = None,
    repeat: Annotated[int, typer.Option(metavar="N", help="Runs of each engine.")] = 5,
    count: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Pages of the site on this machine.  [default: 200]",
            show_default=False,
        ),
    ] = 0,
    latency: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Before each of them answers.  [default: 100ms]",
            show_default=False,
        ),
    ] = "",
    size: Annotated[
        str,
        typer.Option(
            metavar="SIZE",
            help="Of each of them; small HTML pages when not given.",
            show_default=False,
        ),
    ] = "",
    sweep: Annotated[
        str,
        typer.Option(
            metavar="concurrency=A,B,...",
            show_default=False,
            help="Each engine at each of these concurrencies.",
        ),
    ] = "",
    export: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="Also write .json, .md, .csv or .html.", show_default=False
        ),
    ] = None,
    report: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Also write an HTML page with plots; counts system calls, too.",
            show_default=False,
        ),
    ] = "",
    load: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="Show an exported .json again; fetch nothing.", show_default=False
        ),
    ] = "",
    syscalls: Annotated[
        bool | None,
        typer.Option(
            "--syscalls/--no-syscalls",
            show_default=False,
            help="Count system calls by strace, in a run apart.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the order of the runs.")] = 0,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before other hosts are fetched.")
    ] = False,
    servers: Annotated[
        bool, typer.Option("--servers", help="Compare server models: the words name them.")
    ] = False,
    clients: Annotated[
        str, typer.Option(metavar="A,B,...", help="With --servers: connections at once.")
    ] = "100,1000",
    messages: Annotated[
        int, typer.Option(metavar="N", help="With --servers: of each connection.")
    ] = 10,
    protocol: Annotated[
        str, typer.Option(metavar="NAME", help="With --servers: echo or http.")
    ] = "echo",
    given: dict[str, object],
    config_file: str,
    no_config: bool,
) -> None:
    """Fetch the same URLs with several engines and show what each cost."""
    from crawler import compare_command, options

    if servers:
        from crawler import server_comparing

        unwind_on_signals()
        sys.exit(
            server_comparing.show(
                words or (),
                server_comparing.Load(
                    server_comparing.numbers(clients), messages, _bytes(size), protocol
                ),
                repeat=repeat,
                export=export or (),
                seed=seed,
            )
        )
    sources, engines = compare_command.sort_words(words or ())
    named = given["input"]
    given["input"] = [*sources, *(named if isinstance(named, list) else ())]
    if load and (words or named or count or latency or size or sweep):
        raise ConfigError("--load shows what was measured: name no URLs, engines or sizes")
    try:
        asked = compare_command.Asked(
            engines=engines,
            repeat=repeat,
            sweep=compare_command.sweep_of(sweep) if sweep else (),
            count=count,
            latency=options.seconds(latency) if latency else None,
            size=options.size(size) if size else 0,
            yes=yes,
            load=load,
            export=(*(export or ()), *([report] if report else ())),
            syscalls=bool(report) if syscalls is None else syscalls,
            seed=seed,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error
    if report and not report.endswith((".html", ".htm")):
        raise ConfigError(f"--report: the page is a .html file, not {report!r}")
    settings = effective(given, config_file, no_config=no_config)
    unwind_on_signals()
    sys.exit(compare_command.show(settings, asked))


def _bytes(size: str) -> int:
    from crawler import options

    try:
        return options.size(size) if size else 64
    except ValueError as error:
        raise ConfigError(f"--size: {error}") from error
