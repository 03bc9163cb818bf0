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

import difflib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

import crawler
from crawler import cli_asking, cli_compare, cli_serving, cli_state, config
from crawler.errors import CrawlerError, InputError
from crawler.flags import effective, with_settings
from crawler.helping import Helped, show_examples
from crawler.stopping import unwind_on_signals
from crawler.typed import as_they_are

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter
    from typer._click.shell_completion import CompletionItem

    from crawler.config import Settings


_MEANT = {"help": ["--help"], "version": ["--version"], "bench": ["compare"], "fetch": ["run"]}


class DefaultRun(TyperGroup):
    """`crawl urls.txt` is `crawl run urls.txt`."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        own = {name for p in self.get_params(ctx) for name in (*p.opts, *p.secondary_opts)}
        if not args and not ctx.resilient_parsing and not _is_terminal(0):
            args = ["run"]
        elif args and args[0] not in self.commands and args[0] not in own:
            if not ctx.resilient_parsing:
                self._refuse_slip(args[0])
            args = ["run", *args]
        as_they_are(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def _refuse_slip(self, word: str) -> None:
        """Raises InputError when `word` is no file, and nearly a command."""
        close = _MEANT.get(word) or difflib.get_close_matches(word, self.commands, 1, cutoff=0.75)
        if close and word[0] != "-" and not Path(word).exists():
            raise InputError(
                f"{word!r} is no file and no command: did you mean `crawl {close[0]}`?"
            )

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        """The commands, and the options of `run`: none of both needs the word `run` before it."""
        found = {item.value: item for item in super().shell_complete(ctx, incomplete)}
        run = self.commands["run"]
        with run.make_context("run", [], parent=ctx, resilient_parsing=True) as within:
            found |= {item.value: item for item in run.shell_complete(within, incomplete)}
        return list(found.values())

    def format_epilog(self, _: Context, formatter: HelpFormatter) -> None:
        show_examples("crawl", formatter)

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
    except (CrawlerError, MemoryError) as error:
        from crawler.ending import complain

        sys.exit(complain(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        from crawler.ending import Ended, leave

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


@app.command("run", cls=Helped, short_help="Fetch a list of URLs: the default command.")
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
    from crawler.ending import leave
    from crawler.run_command import run

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


app.command("status", cls=Helped, short_help="How a crawl stands, also while it goes on.")(
    cli_state.status
)
app.command("resume", cls=Helped, short_help="Go on with a crawl, by the options it began with.")(
    cli_state.resume
)
app.command("retry", cls=Helped, short_help="Try again what has failed.")(cli_state.retry)
app.command("export", cls=Helped, short_help="Write what a state knows of every page.")(
    cli_state.export
)
app.command(
    "compare", cls=Helped, short_help="Fetch the same by several engines: what each costs."
)(cli_compare.compare)
app.command("explain", cls=Helped, short_help="What a crawl makes of one URL.")(cli_asking.explain)
app.command("plan", cls=Helped, short_help="What a list will take, without fetching it.")(
    cli_asking.plan
)


@app.command("engines", cls=Helped, short_help="The engines, and what can run here.")
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


app.command(
    "serve", cls=Helped, short_help="A site to try things against, or a server by a model."
)(cli_serving.serve)
app.command("swarm", cls=Helped, short_help="Many clients at once against an echo server.")(
    cli_serving.swarm
)


@app.command("config", cls=Helped, short_help="What is in force, and from where.")
@with_settings()
def _config(*, given: dict[str, object], config_file: str, no_config: bool) -> None:
    """Show the effective settings as TOML, and where each comes from."""
    print(config.as_toml(effective(given, config_file, no_config=no_config)), end="")


@app.command("demo", cls=Helped)
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
