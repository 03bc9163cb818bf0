"""A process for each connection: the first server of the tutorial, and of the Internet.

    accept ──► fork ──► child: read, answer, read, answer ... exit
      ▲          └────► parent: closes its copy
      └───────────────────┘

Facts.
* fork(2) gives the child a copy of everything, the connected socket included; both have to close
  their copies before the peer sees an end. This is how inetd and the first httpd served.
* The kernel isolates: a conversation that crashes or leaks takes nothing with it. It costs a
  process, some milliseconds to begin and some megabytes to have, for every connection.
* The dead have to be waited for, or they stay in the table as zombies (wait(2)): this one asks
  before every accept who has ended.
* The right choice for few, long conversations that must not harm each other, as with databases.
Read next: thread_server.py, the same without copies.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from typing import TYPE_CHECKING

from crawler.serving._blocking import converse
from crawler.serving.models import GRACE, PAUSE, on_signals

if TYPE_CHECKING:
    from crawler.serving.models import Plan

_LOOK = 0.02  # seconds between two looks for children that ended


def run(listener: socket.socket, plan: Plan) -> None:
    """Serve until a signal."""
    children: set[int] = set()
    is_stopped = False

    def stop() -> None:
        nonlocal is_stopped
        is_stopped = True
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # accept ends

    on_signals(stop)
    while not is_stopped:
        _reap(children)
        if len(children) >= plan.connections:
            time.sleep(_LOOK)  # the kernel's queue holds those who come
            continue
        try:
            client, _ = listener.accept()
        except OSError:
            if not is_stopped:
                time.sleep(PAUSE)  # out of descriptors: one will be given back
            continue
        with client:
            try:
                child = os.fork()
            except OSError:
                continue  # no more processes: this client is turned away
            if child == 0:
                _serve(listener, client, plan)
            children.add(child)
    _end(children)


def _serve(listener: socket.socket, client: socket.socket, plan: Plan) -> None:
    """The child: one conversation, and out."""
    try:
        listener.close()

        def stop(_number: int, _frame: object) -> None:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RD)  # what is answered now is the last

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent tells us
        converse(client, plan.talk(), time.sleep)
    finally:
        os._exit(0)


def _reap(children: set[int]) -> None:
    """Take note of those that ended."""
    while children:
        try:
            child, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            children.clear()
            return
        if not child:
            return
        children.discard(child)


def _end(children: set[int]) -> None:
    """Let the conversations under way end, then end them."""
    _tell(children, signal.SIGTERM)
    end = time.monotonic() + GRACE
    while children and time.monotonic() < end:
        _reap(children)
        time.sleep(_LOOK)
    _tell(children, signal.SIGKILL)
    for child in children:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)


def _tell(children: set[int], number: int) -> None:
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)
