"""The options of `crawl serve` and `crawl swarm`: the other side, and its clients."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from crawler.errors import ConfigError
from crawler.stopping import unwind_on_signals


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="Port; 0 takes a free one.")] = 8080,
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
    if not 0 <= port <= 65535:
        raise ConfigError(f"--port: must be from 0 to 65535, not {port}")
    if connections < 0:
        raise ConfigError(f"--connections: must be 0 or more, not {connections}")
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


def swarm(
    where: Annotated[
        str, typer.Argument(metavar="HOST:PORT", help="An echo server; without it, our own.")
    ] = "",
    clients: Annotated[int, typer.Option(metavar="N", help="Connections at once.")] = 100,
    messages: Annotated[int, typer.Option(metavar="N", help="Lines each client says.")] = 10,
    size: Annotated[int, typer.Option(metavar="BYTES", help="Bytes of a line.")] = 64,
    by: Annotated[
        str, typer.Option(metavar="NAME", help="What runs the clients: selectors, threads.")
    ] = ("selectors"),
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Our own server's I/O model.")
    ] = "selectors",
    idle: Annotated[
        int, typer.Option(metavar="N", help="So many clients that are held, then say one line.")
    ] = 0,
    hold: Annotated[
        float, typer.Option(metavar="SECONDS", help="Seconds without a word, once connected.")
    ] = 0.0,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Seconds for a connect, and a reply.")
    ] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Talk to an echo server with many clients at once, and check every reply."""
    from crawler.dialogue import Plan
    from crawler.swarm_command import show

    if idle:
        clients, messages, hold = idle, 1, hold or 1.0
    plan = Plan(clients, messages, size, timeout, hold)
    unwind_on_signals()
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # what was counted is shown
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(show(where, plan, by=by, model=model, as_json=as_json))
