"""A server that has nothing to do for an hour gets a signal by another thread of its process.

    stopped_in_its_wait.py MODEL

Its main thread is in the call that waits, or about to enter it, and no signal breaks that off:
only a descriptor can.
"""

from __future__ import annotations

import signal
import sys
import threading

from crawler.serving import models
from crawler.serving._events import EventServer


def _an_hour(_self: EventServer) -> float:
    return 3600.0


EventServer._nap = _an_hour


def ready(_host: str, _port: int) -> None:
    def send() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    timer = threading.Timer(0.05, send)
    timer.daemon = True
    timer.start()


models.serve(sys.argv[1], "127.0.0.1", 0, models.Plan("echo"), ready)
print("stopped")
