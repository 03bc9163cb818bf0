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

from crawler.serving._blocking import converse
from crawler.serving.models import GRACE, PAUSE, on_signals

if TYPE_CHECKING:
    from crawler.serving.models import Plan


def run(listener: socket.socket, plan: Plan) -> None:
    """Serve until a signal."""
    clients: dict[socket.socket, threading.Thread] = {}
    lock = threading.Lock()
    room = threading.BoundedSemaphore(plan.connections)
    stopped = threading.Event()

    def serve(client: socket.socket) -> None:
        try:
            converse(client, plan.talk(), time.sleep)
        finally:
            with lock:
                del clients[client]
            room.release()

    def stop() -> None:
        stopped.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # accept ends

    on_signals(stop)
    while not stopped.is_set():
        if not room.acquire(timeout=PAUSE):  # the kernel's queue holds those who come
            continue
        try:
            client, _ = listener.accept()
        except OSError:
            room.release()
            if not stopped.is_set():
                time.sleep(PAUSE)  # out of descriptors: one will be given back
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
