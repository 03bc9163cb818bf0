"""In a patched process: prints which engines refuse, and what the gevent ones fetch.

patched_engines.py URL
"""

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import json
import sys

from crawler import engines
from crawler.errors import EngineUnavailable
from crawler.fetching import fetch_all

if __name__ == "__main__":
    TOLD = {"patched": engines.is_patched(), "refused": {}, "fetched": {}}
    for name in engines.names():
        try:
            outcomes = list(fetch_all([sys.argv[1]] * 3, engine=name, concurrency=2))
        except EngineUnavailable as error:
            TOLD["refused"][name] = str(error)
        else:
            TOLD["fetched"][name] = [outcome.status for outcome in outcomes]
    json.dump(TOLD, sys.stdout)
