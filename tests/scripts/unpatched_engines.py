"""In a process that nobody patched: prints which engines refuse, and whether one patched it.

unpatched_engines.py URL
"""

import json
import socket
import sys
import threading

from crawler import engines
from crawler.errors import EngineUnavailable
from crawler.fetching import fetch_all

if __name__ == "__main__":
    TOLD = {"gevent": "gevent" in sys.modules, "refused": {}, "fetched": {}}
    for name in engines.names():
        try:
            outcomes = list(fetch_all([sys.argv[1]] * 3, engine=name, concurrency=2))
        except EngineUnavailable as error:
            TOLD["refused"][name] = str(error)
        else:
            TOLD["fetched"][name] = [outcome.status for outcome in outcomes]
    TOLD["patched"] = engines.is_patched()
    TOLD["modules"] = [socket.socket.__module__, threading.Thread.__module__]
    json.dump(TOLD, sys.stdout)
