"""A fixed number of threads, each of which accepts for itself.

    thread 1:  accept ──► read, answer, ... ──► accept ──► ...
    thread 2:  accept ──► read, answer, ... ──► accept ──► ...
    the kernel's queue holds those who are not served yet

Facts.
* All threads block in accept on one socket, and the kernel wakes one of them for each connection
  (accept(2); before Linux 2.2 it woke all). No thread is made and none is ended while it serves.
* Load beyond the pool waits in the kernel's queue, in order, at no cost here: it cannot be run over
  by its clients. But a client that keeps its connection keeps a thread; so as soon as all are
  taken, a client that says nothing for `_PATIENCE` seconds has to make room.
* The right choice where the work of a request is known and its number must be bounded, as in
  front of a database.
Read next: gevent_server.py.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

from crawler.serving._blocking import Client, converse
from crawler.serving.models import GRACE, IDLE, PAUSE, SIZE

if TYPE_CHECKING:
    from crawler.serving._stop import Stop
    from crawler.serving.models import Plan

_PATIENCE = 0.5  # seconds


class Pool:
    """The threads, and who is served by them."""

    def __init__(self, listener: socket.socket, plan: Plan, stop: Stop) -> None:
        self._listener = listener
        self._plan = plan
        self._stop = stop
        self._lock = threading.Lock()
        self._clients: set[socket.socket] = set()
        self._threads = [
            threading.Thread(target=self._work, daemon=True) for _ in range(plan.connections)
        ]

    def run(self) -> None:
        """Serve until a signal."""
        started = 0
        with contextlib.suppress(RuntimeError):  # no more threads: these have to do
            for thread in self._threads:
                thread.start()
                started += 1
        del self._threads[started:]
        while not self._stop.asked:
            self._stop.wait()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # every accept ends
        with self._lock:
            clients = tuple(self._clients)
        for client in clients:
            _hurry(client)
        end = time.monotonic() + GRACE
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _work(self) -> None:
        while not self._stop.asked:
            try:
                client, _ = self._listener.accept()
            except OSError:
                time.sleep(PAUSE)  # out of descriptors: one will be given back
                continue
            with self._lock:
                self._clients.add(client)
            if self._stop.asked:
                _hurry(client)  # it came while the others were told
            try:
                converse(client, self._plan.talk(), time.sleep, self._received)
            finally:
                with self._lock:
                    self._clients.discard(client)

    def _received(self, client: Client) -> bytes:
        """What came; the end for one who is silent while others may wait for its thread."""
        end = time.monotonic() + IDLE
        client.settimeout(_PATIENCE)
        try:
            while True:
                try:
                    return client.recv(SIZE)
                except TimeoutError:
                    if time.monotonic() >= end or len(self._clients) >= len(self._threads):
                        return b""
        finally:
            client.settimeout(IDLE)


def _hurry(client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_RD)  # what is answered now is the last


def run(listener: socket.socket, plan: Plan, stop: Stop) -> None:
    """Serve until a signal."""
    Pool(listener, plan, stop).run()
