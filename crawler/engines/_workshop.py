"""Where worker processes come from: one that has imported everything, and forks when asked to.

    engine ──socket──► workshop:  settings, then a descriptor for each worker wanted
                          │ fork
                          ▼
    engine ◄──that descriptor──► worker: request, outcome, request, outcome, ...

Run as ``python -m crawler.engines._workshop DESCRIPTOR``. A fork of this process costs about a
millisecond and shares its memory until it is written to (fork(2)); a new interpreter with requests
in it takes a quarter of a second. It has no threads, which a fork would lose (pthread_atfork(3)).
When the engine ends, however that comes, its end of the socket is closed: then the workshop ends
its workers, whatever they are doing, waits until they are gone, and ends itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

from crawler.engines import _crossing
from crawler.engines._workers import perform, transport

if TYPE_CHECKING:
    from crawler.model import Limits, Network


def main() -> None:
    """Fork a worker for every descriptor that comes, until no more can come."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Ctrl-C goes to everyone at the terminal; what becomes of the run is the engine's to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are not waited for (wait(2), NOTES)
    with socket.socket(fileno=int(sys.argv[1])) as engine:
        settings = _message(engine)
        if settings is None:
            return
        name, limits, network = _crossing.settings_of(settings)
        _imported(name)
        while True:
            _, descriptors, _, _ = socket.recv_fds(engine, 1, 1)
            if not descriptors:
                break
            (descriptor,) = descriptors
            try:
                if os.fork() == 0:
                    engine.close()
                    _work(descriptor, name, limits, network)
            except OSError:
                pass  # no more processes: the engine sees its end of the pipe close
            os.close(descriptor)
    _end()


def _end() -> None:
    """End all workers, and come back when none is left."""
    if os.getpgrp() == os.getpid():  # the group is ours: it was started as a session of its own
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
    with contextlib.suppress(ChildProcessError):  # it tells when none is left, nothing before
        os.wait()


def _work(descriptor: int, name: str, limits: Limits, network: Network) -> NoReturn:
    """A worker: performs what comes and answers, and ends with the pipe."""
    try:
        through = transport(name, network, concurrency=1, calls=None)
        engine = socket.socket(fileno=descriptor)
        engine.sendall(_crossing.framed(os.getpid()))
        while (told := _message(engine)) is not None:
            try:
                outcome = perform(through, _crossing.request_of(told), limits)
                answer = _crossing.of_outcome(outcome)
            except Exception:  # noqa: BLE001 - the border of the process: `wait` raises it
                answer = _crossing.of_bug(traceback.format_exc())
            engine.sendall(answer)
    except OSError:
        pass  # the engine is gone
    finally:
        os._exit(0)  # no handlers, no flushes: they are the workshop's


def _message(engine: socket.socket) -> tuple[object, ...] | None:
    """The next message; None at the end."""
    head = _exactly(engine, _crossing.LENGTH.size)
    if head is None:
        return None
    body = _exactly(engine, _crossing.LENGTH.unpack(head)[0])
    if body is None:
        return None
    told: tuple[object, ...] = _crossing.unframed(body)
    return told


def _exactly(engine: socket.socket, size: int) -> bytearray | None:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        got = engine.recv_into(view)
        if not got:
            return None
        view = view[got:]
    return data


def _imported(name: str) -> None:
    """Import now what workers would each import for themselves."""
    from crawler.model import Network

    transport(name, Network(), concurrency=1, calls=None).close()


if __name__ == "__main__":
    main()
