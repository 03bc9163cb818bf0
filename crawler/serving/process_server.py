"""A process for each connection: the first server of the tutorial, and of the Internet.

    accept ──► fork ──► child: read, answer, read, answer ... exit
      ▲          └────► parent: closes its copy
      └───────────────────┘

Facts.
* fork(2) gives the child a copy of everything, the connected socket included; both have to close
  their copies before the peer sees an end. This is how inetd and the first httpd served.
* The kernel isolates: a conversation that crashes or leaks takes nothing with it. It costs a
  process, some milliseconds to begin and some megabytes to have, for every connection.
* The dead have to be waited for, or they stay in the table as zombies (wait(2)): SIGCHLD wakes the
  parent, which asks who has ended; equal signals may be merged, so it asks until nobody has.
* For a moment after fork the child has the parent's handlers. Signals are held back over it, so
  that one that comes then is heard by handlers that know whose they are (pthread_sigmask(3)).
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

from crawler.serving._blocking import accepted, converse
from crawler.serving._stop import SIGNALS
from crawler.serving.models import GRACE, PAUSE

if TYPE_CHECKING:
    from crawler.serving._stop import Stop
    from crawler.serving.models import Plan


def run(listener: socket.socket, plan: Plan, stop: Stop) -> None:
    """Serve until a signal."""
    children: set[int] = set()
    listener.setblocking(False)
    stop.farewell = lambda: _tell(children, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # an end rings the bell
    while not stop.asked:
        _reap(children)
        if len(children) >= plan.connections:
            stop.wait()  # the kernel's queue holds those who come
            continue
        client = accepted(listener, stop)
        if client is None:
            continue
        with client:
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            try:
                child = os.fork()
                if child == 0:
                    _serve(listener, client, plan)
                children.add(child)
            except OSError:
                pass  # no more processes: this client is turned away
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    listener.close()  # those who come now are refused
    _end(children, stop)


def _serve(listener: socket.socket, client: socket.socket, plan: Plan) -> None:
    """The child: one conversation, and out."""

    def asked(_number: int, _frame: object) -> None:
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RD)  # what is answered now is the last

    try:
        signal.set_wakeup_fd(-1)  # the parent's
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, too: it tells us
        signal.signal(signal.SIGTERM, asked)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        listener.close()
        converse(client, plan.talk(), time.sleep)
    finally:
        os._exit(0)


def _reap(children: set[int]) -> None:
    """Take note of those that ended."""
    while children:
        child, _ = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        children.discard(child)


def _end(children: set[int], stop: Stop) -> None:
    """Let the conversations under way end, then end them."""
    end = time.monotonic() + GRACE
    while children and time.monotonic() < end:
        # More than once: a signal that comes just before a call that waits is slept over.
        _tell(children, signal.SIGTERM)
        stop.wait(seconds=PAUSE)
        _reap(children)
    _tell(children, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)


def _tell(children: set[int], number: int) -> None:
    for child in tuple(children):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)
