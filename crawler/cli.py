"""The command line: words in, small values and an exit code out.

    crawl urls.txt --concurrency 50        the same as `crawl run urls.txt --concurrency 50`
    crawl compare urls.txt gevent selectors
    crawl engines | serve | config | demo

Options are made from the table in settings.py, so that the command line, the environment and TOML
cannot drift apart. Read beside it: config.py (which value wins), run_command.py (what `run` does).
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

import crawler
from crawler import config
from crawler.errors import ConfigError, CrawlerError
from crawler.flags import with_settings
from crawler.settings import Section

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter

    from crawler.config import Settings

_COMPARED = frozenset({"engine", "rate", "per_host", "delay", "retry_on"})  # not in `compare`


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
    settings = _resolve(given, config_file, no_config=no_config)
    if show_limits:
        print(_limits(settings), end="")
        return
    leave(run(settings, arguments=sys.argv[1:], environ=os.environ))


@app.command("compare")
@with_settings(
    sections=(Section.INPUT, Section.FETCH, Section.REQUEST, Section.LIMITS, Section.NETWORK),
    without=_COMPARED,
)
def _compare(
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
    protocol: Annotated[str, typer.Option(help="With --servers: echo or http.")] = "echo",
    given: dict[str, object],
    config_file: str,
    no_config: bool,
) -> None:
    """Fetch the same URLs with several engines and show what each cost."""
    from crawler import compare_command, options

    if servers:
        from crawler import server_comparing

        _unwind_on_signals()
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
    settings = _resolve(given, config_file, no_config=no_config)
    _unwind_on_signals()
    sys.exit(compare_command.show(settings, asked))


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


@app.command("serve")
def _serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8080,
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Serve by this model; the fixture site when not given.",
            show_default=False,
        ),
    ] = "",
    protocol: Annotated[
        str, typer.Option(metavar="http|echo", help="Pages, or every line back; with --model.")
    ] = "http",
    connections: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Connections at once; with --model.  [default: by model]",
            show_default=False,
        ),
    ] = 0,
) -> None:
    """Serve the fixture site, or a server of one model, in the foreground."""
    from crawler.serving import fixture, models
    from crawler.serving.talks import TALKS

    if protocol not in TALKS:
        raise ConfigError(f"--protocol: http or echo, not {protocol!r}")
    if connections < 0 or not 0 <= port <= 65535:
        raise ConfigError("--connections and --port are numbers from 0, ports up to 65535")
    if not model and (connections or protocol != "http"):
        raise ConfigError("--protocol and --connections are for a --model")

    def ready(address: str, number: int) -> None:
        name = f"[{address}]" if ":" in address else address
        where = f"http://{name}:{number}/" if protocol == "http" else f"echo {name}:{number}"
        print(f"{where}  (Ctrl-C ends it)", flush=True)

    try:
        if model:
            plan = models.Plan(protocol, connections)
            models.serve(model, host, port, plan, ready)
        else:
            fixture.serve(host, port, lambda url: print(f"{url}/  (Ctrl-C ends it)", flush=True))
    except OSError as error:
        print(f"crawl: cannot listen on {host}:{port}: {error.strerror}", file=sys.stderr)
        sys.exit(3)


@app.command("swarm")
def _swarm(
    where: Annotated[
        str, typer.Argument(metavar="HOST:PORT", help="An echo server; without it, our own.")
    ] = "",
    clients: Annotated[int, typer.Option(help="Connections at once.")] = 100,
    messages: Annotated[int, typer.Option(help="Lines each client says.")] = 10,
    size: Annotated[int, typer.Option(help="Bytes of a line.")] = 64,
    by: Annotated[str, typer.Option(help="What runs the clients: selectors, threads.")] = (
        "selectors"
    ),
    model: Annotated[str, typer.Option(help="Our own server's I/O model.")] = "selectors",
    idle: Annotated[
        int, typer.Option(help="So many clients that are held, then say one line.")
    ] = 0,
    hold: Annotated[float, typer.Option(help="Seconds without a word, once connected.")] = 0.0,
    timeout: Annotated[float, typer.Option(help="Seconds for a connect, and a reply.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Talk to an echo server with many clients at once, and check every reply."""
    from crawler.dialogue import Plan
    from crawler.swarm_command import show

    if idle:
        clients, messages, hold = idle, 1, hold or 1.0
    plan = Plan(clients, messages, size, timeout, hold)
    _unwind_on_signals()
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # what was counted is shown
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(show(where, plan, by=by, model=model, as_json=as_json))


@app.command("config")
@with_settings()
def _config(*, given: dict[str, object], config_file: str, no_config: bool) -> None:
    """Show the effective settings as TOML, and where each comes from."""
    print(config.as_toml(_resolve(given, config_file, no_config=no_config)), end="")


@app.command("demo")
def _demo() -> None:
    """Crawl a site on this machine and compare the engines."""
    from crawler.demo import main as demo

    _unwind_on_signals()
    sys.exit(demo())


def _resolve(given: dict[str, object], config_file: str, *, no_config: bool) -> Settings:
    files = config.found_files(os.environ, explicit=config_file, search=not no_config)
    settings = config.resolve(given, os.environ, files)
    if not settings.count("quiet"):
        for sentence in config.unknown_names(os.environ):
            print(f"crawl: {sentence}", file=sys.stderr)
        for path in files:
            if not path.is_absolute() and str(path) != config_file:
                print(f"crawl: settings from ./{path}", file=sys.stderr)
    return settings


def _bytes(size: str) -> int:
    from crawler import options

    try:
        return options.size(size) if size else 64
    except ValueError as error:
        raise ConfigError(f"--size: {error}") from error


def _limits(settings: Settings) -> str:
    from dataclasses import fields

    limits = config.limits(settings)
    named = {field.name: getattr(limits, field.name) for field in fields(limits)}
    lines = [f"{name:<16} {value:g} s" if isinstance(value, float) else f"{name:<16} {value}"
             for name, value in named.items()]  # fmt: skip
    return "\n".join(lines) + "\n"


def _unwind_on_signals() -> None:
    """Have a signal leave through the code that ends children and servers."""
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_, code=code: sys.exit(code))


def _is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return True
