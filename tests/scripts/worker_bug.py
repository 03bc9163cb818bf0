"""An engine whose exchange has a bug; prints what came out of wait(), and what close() left.

worker_bug.py ENGINE
"""

import json
import sys
import threading

from crawler import engines
from crawler.engines._crossing import Bug
from crawler.model import Limits, Network, Request


class Buggy:
    """Two good exchanges, then a bug."""

    def __init__(self):
        self.left = 2

    def exchange(self, request, _limits=None):
        self.left -= 1
        if self.left < 0:
            raise ZeroDivisionError("a bug")
        return request

    def yielded(self, request):
        return self.exchange(request)
        yield

    async def awaited(self, request):
        return self.exchange(request)

    def abort(self):
        pass

    def close(self):
        pass


def greenlets():
    if "greenlet" not in sys.modules:
        return 0
    import gc

    import greenlet

    kinds = (greenlet.greenlet,)
    if "gevent" in sys.modules:  # its hub is one, and stays
        import gevent

        kinds = (gevent.Greenlet,)
    current = greenlet.getcurrent()
    return sum(
        isinstance(one, kinds) and not one.dead and one is not current for one in gc.get_objects()
    )


def make_buggy(engine, name):
    """The requests that come to the bug."""
    if name.startswith("processes"):
        return [Request("http://127.0.0.1:1/")] * 2 + [Request(7)] * 3
    if name == "generators":
        engine._exchanges.exchange = Buggy().yielded
    elif name == "asyncio":
        engine._exchanges.exchange = Buggy().awaited
    else:
        engine._through = Buggy()
    return [Request(f"http://127.0.0.1/{number}") for number in range(5)]


if __name__ == "__main__":
    NAME = sys.argv[1]
    engine = engines.open(NAME, concurrency=2, limits=Limits(), network=Network())
    SEEN = []
    REQUESTS = make_buggy(engine, NAME)
    for request in REQUESTS[:2]:
        engine.start(request)
    if NAME.startswith("processes"):  # its workers do not take turns
        while len(SEEN) < 2:
            SEEN += [outcome.url for outcome in engine.wait(None)]
    for request in REQUESTS[2:]:
        engine.start(request)
    CAUGHT = []
    while len(CAUGHT) < 2:  # once met, it is raised by every further wait
        try:
            SEEN += [outcome.url for outcome in engine.wait(None)]
        except (ZeroDivisionError, Bug) as error:
            CAUGHT.append(str(error).strip().splitlines()[-1])
    engine.close()
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("crawler")]
    json.dump(
        {"seen": len(SEEN), "caught": CAUGHT, "threads": left, "greenlets": greenlets()}, sys.stdout
    )
