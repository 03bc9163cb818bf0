"""A greenlet for each connection, all in one thread: a hundred clients and no second thread.

    accept ──► greenlet: read, answer, read, answer ... ends
                 └ a read that would block switches to the hub, which runs who is ready

Facts.
* The text is thread_server.py's; what blocks is gevent's socket, and it blocks a greenlet. Nothing
  has to be patched when the sockets are gevent's from the beginning (gevent's documentation,
  gevent.server).
* A greenlet costs some kilobytes and a switch below a microsecond, so ten thousand clients fit; one
  that computes holds up all.
* The right choice for many clients and text that looks blocking.
Read next: select_server.py, which does by hand what the hub does here.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from crawler.serving._blocking import converse
from crawler.serving.models import GRACE

if TYPE_CHECKING:
    from crawler.serving.models import Plan


def run(listener: socket.socket, plan: Plan) -> None:
    """Serve until a signal."""
    import gevent.event
    import gevent.pool
    import gevent.server
    import gevent.signal
    import gevent.socket

    stopped = gevent.event.Event()
    clients: set[Any] = set()

    def serve(client: Any, _address: object) -> None:
        clients.add(client)
        try:
            converse(client, plan.talk(), gevent.sleep)
        finally:
            clients.discard(client)

    ours = gevent.socket.socket(fileno=listener.detach())
    pool = gevent.pool.Pool(plan.connections)
    server = gevent.server.StreamServer(ours, serve, spawn=pool)
    _on_signals(stopped)
    server.start()
    stopped.wait()
    server.close()
    for client in tuple(clients):
        try:
            client.shutdown(socket.SHUT_RD)  # what is answered now is the last
        except OSError:
            continue
    pool.join(timeout=GRACE)
    pool.kill(timeout=1.0)


def _on_signals(stopped: Any) -> None:
    """As models.on_signals; the hub hears signals by its own loop."""
    import os
    import signal

    import gevent

    def asked(number: int) -> None:
        if stopped.is_set():
            os._exit(128 + number)
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, asked, number)
