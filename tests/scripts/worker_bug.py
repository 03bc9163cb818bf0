"""An engine whose transport has a bug; prints what came out of wait(), and what close() left.

worker_bug.py ENGINE        ENGINE is threads, gevent+socket or sequential
"""

import json
import sys
import threading

from crawler import engines
from crawler.model import Limits, Network, Request


class Buggy:
    """Two good exchanges, then a bug."""

    def __init__(self):
        self.left = 2

    def exchange(self, request, limits):
        self.left -= 1
        if self.left < 0:
            raise ZeroDivisionError("a bug")
        return request

    def abort(self):
        pass

    def close(self):
        pass


def greenlets():
    if "gevent" not in sys.modules:
        return 0
    import gc

    import gevent

    return sum(isinstance(one, gevent.Greenlet) and not one.dead for one in gc.get_objects())


if __name__ == "__main__":
    NAME = sys.argv[1]
    engine = engines.open(NAME, concurrency=2, limits=Limits(), network=Network())
    engine._through = Buggy()
    SEEN = []
    for number in range(5):
        engine.start(Request(f"http://127.0.0.1/{number}"))
    try:
        while True:
            SEEN += [outcome.url for outcome in engine.wait(None)]
    except ZeroDivisionError as error:
        CAUGHT = str(error)
    engine.close()
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("crawler")]
    json.dump(
        {"seen": len(SEEN), "caught": CAUGHT, "threads": left, "greenlets": greenlets()}, sys.stdout
    )
