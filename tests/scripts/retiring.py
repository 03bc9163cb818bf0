"""Descriptors run out in one worker while another is idle: which exchanges ended in what.

retiring.py ENGINE
"""

import asyncio
import json
import sys
import time

from crawler import engines
from crawler.engines._yielded_stream import sleep
from crawler.errors import LocalError
from crawler.model import Limits, Network, Request


class Short:
    """An exchange that waits a moment, finds no descriptor left, and has one the next time."""

    def __init__(self, nap):
        self.nap = nap
        self.tried = 0

    def end(self, request):
        self.tried += 1
        if self.tried == 1:
            raise LocalError("none left", code="local.too_many_files")
        return request

    def exchange(self, request, _limits):
        if "late" in request.url:
            self.nap(0.02)
            return self.end(request)
        return request

    def yielded(self, request):
        if "late" in request.url:
            yield from sleep(0.02)
            return self.end(request)
        return request

    async def awaited(self, request):
        if "late" in request.url:
            await asyncio.sleep(0.02)
            return self.end(request)
        return request

    def abort(self):
        pass

    def close(self):
        pass


def make_short(engine, name):
    if name == "generators":
        engine._exchanges.exchange = Short(None).yielded
    elif name == "asyncio":
        engine._exchanges.exchange = Short(None).awaited
    elif name == "greenlets":
        engine._through = Short(engine._hub.sleep)
    elif name == "gevent+socket":
        import gevent

        engine._through = Short(gevent.sleep)
    else:
        engine._through = Short(time.sleep)


if __name__ == "__main__":
    engine = engines.open(sys.argv[1], concurrency=2, limits=Limits(), network=Network())
    make_short(engine, sys.argv[1])
    engine.start(Request("http://127.0.0.1/late"))
    engine.start(Request("http://127.0.0.1/"))
    ENDED = []
    while len(ENDED) < 2:
        ENDED += [outcome.url for outcome in engine.wait(None)]
    engine.close()
    json.dump(ENDED, sys.stdout)
