"""The servers by name: one for each way of serving many clients, each in a file of its own.

    serve("epoll", Plan("echo"), ready)

Every module has `run(listener, plan, stop)`, which serves until a signal: then it takes no more
connections, lets the answers under way end for `GRACE` seconds and returns. A second signal ends
the process at once (_stop.py). Read them in the order of the table.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.errors import EngineUnavailable
from crawler.serving._stop import Stop
from crawler.serving.talks import TALKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.serving.talks import Talk

BACKLOG = 4096  # connections not yet accepted; Linux cuts it at net.core.somaxconn
GRACE = 5.0  # seconds for the answers under way
IDLE = 60.0  # seconds a client may say nothing, or take nothing
SIZE = 64 * 1024  # bytes read at once
PAUSE = 0.05  # seconds without accepting when descriptors have run out


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a server before it is imported."""

    module: str
    model: str  # in one line
    needs: str = ""  # what the platform must have, as "module.name"
    connections: int = 10_000  # at once, where nothing else is asked for


TABLE = {
    "process": Entry(
        "crawler.serving.process_server", "a process for each connection", "os.fork", 512
    ),
    "thread": Entry("crawler.serving.thread_server", "a thread for each connection", "", 2_000),
    "pool": Entry("crawler.serving.pool_server", "a fixed number of threads", "", 128),
    "gevent": Entry("crawler.serving.gevent_server", "a greenlet for each connection, one thread"),
    "select": Entry(
        "crawler.serving.select_server", "one thread, select(2): descriptors below 1024", "", 1_000
    ),
    "poll": Entry("crawler.serving.poll_server", "one thread, poll(2)", "select.poll"),
    "epoll": Entry("crawler.serving.epoll_server", "one thread, epoll(7)", "select.epoll"),
    "selectors": Entry(
        "crawler.serving.selectors_server", "one thread, the platform's best readiness call"
    ),
    "asyncio": Entry("crawler.serving.asyncio_server", "one thread, coroutines in an event loop"),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How to serve."""

    protocol: str = "http"
    connections: int = 0  # at once; 0 = as the table says

    def talk(self) -> Talk:
        """A conversation with a client that has just come."""
        return TALKS[self.protocol]()


def unavailable(model: str) -> str:
    """Why that server cannot run here; "" when it can. Raises EngineUnavailable if unknown."""
    entry = TABLE.get(model)
    if entry is None:
        raise EngineUnavailable(f"there is no server {model!r}; there are {', '.join(TABLE)}")
    module, _, name = entry.needs.partition(".")
    if name:
        from importlib import import_module

        if not hasattr(import_module(module), name):
            return f"server {model!r} needs {entry.needs}, which {sys.platform} does not have"
    if model == "gevent":
        from importlib.util import find_spec

        if find_spec("gevent") is None:
            return "server 'gevent' needs the package gevent (pip install gevent)"
    return ""


def serve(model: str, host: str, port: int, plan: Plan, ready: Callable[[str, int], None]) -> None:
    """Serve in the foreground until SIGINT or SIGTERM.

    Args:
        model: a name of the table.
        host: the address to listen on.
        port: 0 takes a free one.
        plan: how to serve.
        ready: called once with address and port, when it listens.

    Raises:
        EngineUnavailable: the model cannot run here.
        OSError: the address cannot be had.
    """
    from dataclasses import replace
    from importlib import import_module

    reason = unavailable(model)
    if reason:
        raise EngineUnavailable(reason)
    entry = TABLE[model]
    plan = replace(plan, connections=plan.connections or entry.connections)
    _allow_descriptors(plan.connections)
    server = import_module(entry.module)
    with (
        socket.create_server((host, port), family=_family(host), backlog=BACKLOG) as listener,
        Stop() as stop,  # before anyone can know that it listens
    ):
        address = listener.getsockname()
        ready(str(address[0]), int(address[1]))
        server.run(listener, plan, stop)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _allow_descriptors(connections: int) -> None:
    """Raise the soft limit of open files as far as that many connections need it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + 64
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
