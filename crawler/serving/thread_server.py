"""A thread for each connection: blocking text, one process.

    accept ──► thread: read, answer, read, answer ... ends
      ▲
      └── at once

Facts.
* A thread shares memory with all others; to begin costs some ten microseconds and a stack, of which
  only the pages that are used exist (pthread_create(3)).
* The kernel switches between threads wherever one blocks. Python runs one at a time besides, so
  more threads answer no faster, but they wait together.
* What many share has to be locked; here they share nothing but the list of who is there.
* The right choice for some hundred conversations, next to code that blocks.
Read next: pool_server.py, where threads are not made for each client.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

from crawler.serving._blocking import accepted, converse
from crawler.serving.models import GRACE, PAUSE

if TYPE_CHECKING:
    from crawler.serving._stop import Stop
    from crawler.serving.models import Plan


def run(listener: socket.socket, plan: Plan, stop: Stop) -> None:
    """Serve until a signal."""
    clients: dict[socket.socket, threading.Thread] = {}
    lock = threading.Lock()
    room = threading.BoundedSemaphore(plan.connections)
    listener.setblocking(False)

    def serve(client: socket.socket) -> None:
        try:
            converse(client, plan.talk(), time.sleep)
        finally:
            with lock:
                del clients[client]
            room.release()

    while not stop.asked:
        if not room.acquire(timeout=PAUSE):  # the kernel's queue holds those who come
            continue
        client = accepted(listener, stop)
        if client is None:
            room.release()
            continue
        thread = threading.Thread(target=serve, args=(client,), daemon=True)
        with lock:
            clients[client] = thread
        try:
            thread.start()
        except RuntimeError:  # no more threads: this client is turned away
            with lock:
                del clients[client]
            client.close()
            room.release()
    listener.close()  # those who come now are refused
    _end(clients, lock)


def _end(clients: dict[socket.socket, threading.Thread], lock: threading.Lock) -> None:
    """Let the conversations under way end; what does not is ended with the process."""
    with lock:
        left = dict(clients)
    for client in left:
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RD)  # what is answered now is the last
    end = time.monotonic() + GRACE
    for thread in left.values():
        thread.join(max(0.0, end - time.monotonic()))
