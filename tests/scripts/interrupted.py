"""Is interrupted by SIGINT while it waits for exchanges that will not end; prints how long it took.

interrupted.py ENGINE URL
"""

import sys

if __name__ == "__main__" and sys.argv[1] in {"gevent", "gevent+urllib"}:
    from gevent import monkey

    monkey.patch_all()

import json
import signal
import time

from crawler.fetching import fetch_all

if __name__ == "__main__":
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    began = time.monotonic()
    URLS = [f"{sys.argv[2]}&n={number}" for number in range(8)]
    try:
        SEEN = list(fetch_all(URLS, engine=sys.argv[1], concurrency=8))
    except KeyboardInterrupt:
        SEEN = "interrupted"
    json.dump([SEEN, time.monotonic() - began], sys.stdout)
