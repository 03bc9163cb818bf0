"""The engines by name, and whether they can run in this process.

    open("gevent+socket", concurrency=50, limits=Limits(), network=Network())

A name is an engine, or an engine and a transport: ``gevent`` is ``gevent+requests``. An engine that
would silently be another one refuses: in a process patched by gevent, threads are greenlets and
selectors are gevent's loop. Each module here has `open(transport, *, concurrency, limits, network)`
and one I/O model; this one imports none of them before it is asked for.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.errors import EngineUnavailable

if TYPE_CHECKING:
    from crawler.contracts import Engine
    from crawler.model import Limits, Network


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of an engine before it is imported."""

    name: str
    module: str
    model: str  # the I/O model it shows, in one line
    transports: tuple[str, ...] = ()  # the first is the default; none: it has its own exchange
    needs_patch: frozenset[str] = frozenset()  # transports that only a patched process lets switch
    refuses_patch: bool = False  # in a patched process it would be another engine
    asks: str = ""  # the module whose `refusal` says why the kernel does not take it
    needs: str = ""  # what the platform must have, as "module.name"; "" for nothing special


TABLE = {
    entry.name: entry
    for entry in (
        Entry(
            "sequential",
            "crawler.engines.sequential",
            "blocking I/O, one after the other: the line all others are measured against",
            ("requests", "urllib", "socket"),
        ),
        Entry(
            "threads",
            "crawler.engines.threads",
            "blocking I/O, one OS thread for each exchange under way",
            ("requests", "urllib", "socket"),
            refuses_patch=True,
        ),
        Entry(
            "processes",
            "crawler.engines.processes",
            "blocking I/O, one OS process for each exchange under way; outcomes cross a pipe",
            ("requests", "urllib", "socket"),
            refuses_patch=True,
            needs="os.fork",
        ),
        Entry(
            "generators",
            "crawler.engines.generators",
            "coroutines by `yield`, sent on by a small scheduler: async and await, to be read",
            refuses_patch=True,
        ),
        Entry(
            "greenlets",
            "crawler.engines.greenlets",
            "greenlets switched by hand over a selector: what gevent does, to be read",
            ("socket",),
            refuses_patch=True,
        ),
        Entry(
            "gevent",
            "crawler.engines.gevent_pool",
            "greenlets in a gevent pool, switched automatically wherever I/O would block",
            ("requests", "urllib", "socket"),
            needs_patch=frozenset({"requests", "urllib"}),
        ),
        Entry(
            "asyncio",
            "crawler.engines.asyncio_loop",
            "coroutines by async and await, over the standard library's event loop",
            refuses_patch=True,
        ),
        Entry(
            "nonblocking",
            "crawler.engines.nonblocking_loop",
            "non-blocking sockets asked over and over: never waits, so it takes a whole processor",
            refuses_patch=True,
            needs="socket.TCP_INFO",
        ),
        Entry(
            "select",
            "crawler.engines.select_loop",
            "multiplexing by select(2): sets of at most 1024 descriptors, searched on every call",
            refuses_patch=True,
        ),
        Entry(
            "poll",
            "crawler.engines.poll_loop",
            "multiplexing by poll(2): a list handed over and scanned on every call",
            refuses_patch=True,
            needs="select.poll",
        ),
        Entry(
            "epoll",
            "crawler.engines.epoll_loop",
            "multiplexing by epoll(7): the kernel keeps the set and tells what is ready",
            refuses_patch=True,
            needs="select.epoll",
        ),
        Entry(
            "selectors",
            "crawler.engines.selectors_loop",
            "one thread, non-blocking sockets, the platform's best readiness call",
            refuses_patch=True,
        ),
        Entry(
            "sigio",
            "crawler.engines.sigio_loop",
            "signal-driven I/O: a queued signal names the socket that something happened to",
            refuses_patch=True,
            needs="fcntl.F_SETSIG",
        ),
        Entry(
            "uring",
            "crawler.engines.uring_loop",
            "asynchronous I/O by io_uring(7): the kernel reads, and tells of what it has read",
            refuses_patch=True,
            asks="crawler.engines._ring",
        ),
    )
}


def names() -> list[str]:
    """Every name `open` takes, engines in the table's order, each one's default transport first."""
    found = []
    for entry in TABLE.values():
        found.append(entry.name)
        found.extend(f"{entry.name}+{transport}" for transport in entry.transports[1:])
    return found


def open(name: str, *, concurrency: int, limits: Limits, network: Network) -> Engine:
    """The engine of that name, ready to start `concurrency` exchanges at once.

    Raises:
        EngineUnavailable: there is none of that name, or it cannot run in this process.
        ValueError: the proxy is no URL of one.
    """
    from importlib import import_module

    reason = unavailable(name)
    if reason:
        raise EngineUnavailable(reason)
    if network.proxy:  # before anything is opened that would have to be closed
        from crawler.transports._proxy import Proxy

        Proxy.parse(network.proxy)
    entry, transport = _split(name)
    try:
        engine: Engine = import_module(entry.module).open(
            transport, concurrency=concurrency, limits=limits, network=network
        )
    except OSError as error:
        raise EngineUnavailable(
            f"engine {name!r} cannot be opened: {error.strerror or error}; it needs a few files,"
            " sockets and threads of its own"
        ) from error
    return engine


def unavailable(name: str, *, patched: bool | None = None) -> str:
    """Why the engine cannot run, and what would help; "" when it can.

    That is in this process; or, where `patched` is given, in one that is, or is not.
    """
    try:
        entry, transport = _split(name)
    except EngineUnavailable as error:
        return str(error)
    if patched is None:
        patched = is_patched()
    if patched and entry.refuses_patch:
        return (
            f"engine '{name}' needs an unpatched process: gevent has replaced threads and selectors"
            " in this one; run it in a process of its own, or use a gevent engine"
        )
    if entry.needs and not _has(entry.needs):
        return f"engine '{name}' needs {entry.needs}, which {sys.platform} does not have"
    if entry.asks:
        from importlib import import_module

        refusal: str = import_module(entry.asks).refusal()
        return refusal
    if entry.name == "gevent":
        from importlib.util import find_spec

        if find_spec("gevent") is None:
            return f"engine '{name}' needs the package gevent (pip install gevent)"
        if transport in entry.needs_patch and not patched:
            return (
                f"engine '{name}' needs a patched process: put these two lines first in the"
                " program\n    from gevent import monkey\n    monkey.patch_all()\n"
                "or use 'gevent+socket', which needs no patch"
            )
    return ""


def needs_patch(name: str) -> bool:
    """Whether the engine can only run in a patched process. Raises EngineUnavailable if unknown."""
    entry, transport = _split(name)
    return transport in entry.needs_patch


def is_patched() -> bool:
    """Whether gevent has replaced the blocking standard library in this process."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("socket"))


def _has(needed: str) -> bool:
    """Whether the platform's module has the name."""
    from importlib import import_module

    module, _, attribute = needed.partition(".")
    return hasattr(import_module(module), attribute)


def _split(name: str) -> tuple[Entry, str]:
    """The engine and the transport that `name` means."""
    first, plus, transport = name.partition("+")
    entry = TABLE.get(first)
    if entry is not None:
        if not plus:
            return entry, entry.transports[0] if entry.transports else ""
        if transport in entry.transports:
            return entry, transport
    from difflib import get_close_matches

    if entry is not None:  # it is the transport that is wrong
        known = [f"{first}+{one}" for one in entry.transports] or [first]
        near = known if len(known) == 1 else get_close_matches(name, known, n=1, cutoff=0.8)
    else:
        known = names()
        whole = [f"{e.name}+{e.transports[0]}" for e in TABLE.values() if e.transports]
        near = get_close_matches(name, [*known, *whole], n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
    raise EngineUnavailable(f"there is no engine '{name}'; {hint}")
