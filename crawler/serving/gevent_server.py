"""A greenlet for each connection, all in one thread: a hundred clients and no second thread.

    accept ──► greenlet: read, answer, read, answer ... ends
                 └ a read that would block switches to the hub, which runs who is ready

Facts.
* The text is thread_server.py's; what blocks is gevent's socket, and it blocks a greenlet. Nothing
  has to be patched when the sockets are gevent's from the beginning (gevent's documentation,
  gevent.socket).
* gevent.server.StreamServer has the loop below, too, but writes a traceback for every accept that
  fails; without descriptors that is one for each client that waits.
* A greenlet costs some kilobytes and a switch below a microsecond, so ten thousand clients fit; one
  that computes holds up all.
* The right choice for many clients and text that looks blocking.
Read next: select_server.py, which does by hand what the hub does here.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

from crawler.serving._blocking import converse
from crawler.serving.models import GRACE, PAUSE

if TYPE_CHECKING:
    from crawler.serving._stop import Stop
    from crawler.serving.models import Plan


def run(listener: socket.socket, plan: Plan, stop: Stop) -> None:
    """Serve until a signal."""
    import gevent
    import gevent.event
    import gevent.pool
    import gevent.socket

    ours = gevent.socket.socket(fileno=listener.detach())
    clients: set[Any] = set()
    pool = gevent.pool.Pool(plan.connections)

    def accept() -> None:
        while True:
            pool.wait_available()  # the kernel's queue holds those who come
            try:
                client, _ = ours.accept()
            except OSError:
                gevent.sleep(PAUSE)  # out of descriptors: one will be given back
                continue
            clients.add(client)
            pool.spawn(serve, client)
            gevent.sleep(0)  # an accept that finds a client does not switch

    def serve(client: Any) -> None:
        try:
            converse(client, plan.talk(), gevent.sleep)
        finally:
            clients.discard(client)

    def rung() -> None:
        if stop.hear():
            asked.set()

    asked = gevent.event.Event()
    bell = gevent.get_hub().loop.io(stop.bell.fileno(), 1)  # 1: can be read
    bell.start(rung)
    with ours:
        accepting = gevent.spawn(accept)
        asked.wait()
        accepting.kill()
    for client in tuple(clients):
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RD)  # what is answered now is the last
    pool.join(timeout=GRACE)
    pool.kill(timeout=1.0)
    bell.close()
