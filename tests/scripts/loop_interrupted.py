"""Ctrl-C while an engine waits; the exchange goes on afterwards.

loop_interrupted.py ENGINE URL
"""

import os
import signal
import sys
import threading

from crawler import engines
from crawler.model import Limits, Network, Request

if __name__ == "__main__":
    engine = engines.open(sys.argv[1], concurrency=1, limits=Limits(), network=Network())
    engine.start(Request(sys.argv[2]))
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        engine.wait(None)
    except KeyboardInterrupt:
        print("interrupted")
    (outcome,) = engine.wait(None)
    print(outcome.status)
    engine.close()
