"""The command line: words in, small values and an exit code out.

    crawl urls.txt --concurrency 50        the same as `crawl run urls.txt --concurrency 50`
    crawl compare urls.txt gevent selectors
    crawl plan urls.txt | explain URL
    crawl status | resume | retry | export crawl.db
    crawl engines | serve | config | demo

Options are made from the table in settings.py, so that the command line, the environment and TOML
cannot drift apart. Read beside it: config.py (which value wins), run_command.py (what `run` does).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

import crawler
from crawler import cli_asking, cli_compare, cli_serving, cli_state, config
from crawler.errors import CrawlerError
from crawler.flags import effective, with_settings
from crawler.stopping import unwind_on_signals

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter

    from crawler.config import Settings


class DefaultRun(TyperGroup):
    """`crawl urls.txt` is `crawl run urls.txt`."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        own = {name for p in self.get_params(ctx) for name in (*p.opts, *p.secondary_opts)}
        if not args and not _is_terminal(0):
            args = ["run"]
        elif args and args[0] not in self.commands and args[0] not in own:
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: Context, formatter: HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "URLS_FILE [OPTIONS]  |  COMMAND [ARGS]...")


app = typer.Typer(
    cls=DefaultRun,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Fetch many URLs at once, by the I/O model you choose, and see what each costs.\n\n"
    "`crawl urls.txt --concurrency 50` is `crawl run ...`; `crawl run --help` has its options.",
)


def main() -> None:
    """Run the command the arguments name, and end the process with its exit code."""
    try:
        app(prog_name="crawl")
    except CrawlerError as error:
        from crawler.run_command import complain

        sys.exit(complain(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        from crawler.run_command import Ended, leave

        leave(Ended(0, at_once=True))


def _version(*, value: bool) -> None:
    if value:
        print(f"crawl {crawler.__version__}")
        raise typer.Exit


@app.callback()
def _group(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


_Inputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE|URL|-", help="Files of URLs, URLs, or - for stdin."),
]


@app.command("run")
@with_settings()
def _run(
    *,
    inputs: _Inputs = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and exit: see `crawl plan`.")
    ] = False,
    show_limits: Annotated[
        bool, typer.Option("--show-limits", help="Show every limit and exit.")
    ] = False,
    given: dict[str, object],
    config_file: str,
    no_config: bool,
) -> None:
    """Fetch a list of URLs: the default command."""
    from crawler.run_command import leave, run

    if inputs or given["input"]:
        named = given["input"]
        given["input"] = [*(inputs or ()), *(named if isinstance(named, list) else ())]
    settings = effective(given, config_file, no_config=no_config)
    if show_limits:
        print(_limits(settings), end="")
        return
    if dry_run:
        from crawler.plan_command import plan

        for line in plan(settings):
            print(line)
        return
    leave(run(settings, arguments=sys.argv[1:], environ=os.environ))


app.command("status")(cli_state.status)
app.command("resume")(cli_state.resume)
app.command("retry")(cli_state.retry)
app.command("export")(cli_state.export)
app.command("compare")(cli_compare.compare)
app.command("explain")(cli_asking.explain)
app.command("plan")(cli_asking.plan)


@app.command("engines")
def _engines(
    explain: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Say how that engine waits, and what it costs.", show_default=False
        ),
    ] = "",
) -> None:
    """List the engines, the I/O model of each, and what can run here."""
    from crawler import engines, explained

    if explain:
        print(explained.section(explain), end="")
        return
    for name in engines.names():
        entry = engines.TABLE[name.partition("+")[0]]
        model = entry.model if name == entry.name else f"  the same, over {name.partition('+')[2]}"
        reason = engines.unavailable(name)
        if reason and engines.needs_patch(name) and not engines.unavailable("gevent+socket"):
            reason = ""  # the command line starts the patched process it needs
        print(f"{name:<18} {model}")
        if reason:
            print(f"{'':<18}   cannot run here: {reason.splitlines()[0]}")


app.command("serve")(cli_serving.serve)
app.command("swarm")(cli_serving.swarm)


@app.command("config")
@with_settings()
def _config(*, given: dict[str, object], config_file: str, no_config: bool) -> None:
    """Show the effective settings as TOML, and where each comes from."""
    print(config.as_toml(effective(given, config_file, no_config=no_config)), end="")


@app.command("demo")
def _demo() -> None:
    """Crawl a site on this machine and compare the engines."""
    from crawler.demo import main as demo

    unwind_on_signals()
    sys.exit(demo())


def _limits(settings: Settings) -> str:
    from dataclasses import fields

    limits = config.limits(settings)
    named = {field.name: getattr(limits, field.name) for field in fields(limits)}
    lines = [f"{name:<16} {value:g} s" if isinstance(value, float) else f"{name:<16} {value}"
             for name, value in named.items()]  # fmt: skip
    return "\n".join(lines) + "\n"


def _is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return True
