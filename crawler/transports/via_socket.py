"""One exchange, in the order it happens: connect, send, receive. Read this transport first.

    exchange(request)
        stream = a kept connection to the origin, or a new one
        stream.sendall(the request as bytes)
        response = receive(stream)                  wire.parse decides when it is whole
        keep the stream, or close it

The text blocks wherever it waits. Under threads that costs a thread for each exchange; under
gevent, where `calls` has gevent's functions, the greenlet is switched away instead and the text
stays as it is. Read beside it: _dial.py, _stream.py, engines/threads.py, engines/gevent_pool.py.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from crawler.errors import FetchError
from crawler.model import most_idle
from crawler.transports._attempt import Attempt
from crawler.transports._dial import THREADS, Dialer
from crawler.transports._stream import receive
from crawler.wire.encode import encode

if TYPE_CHECKING:
    from crawler.model import Limits, Network, Request, Response
    from crawler.transports._dial import Calls
    from crawler.transports._stream import Stream


class SocketTransport:
    """Our own exchange over kept connections, which all workers of an engine share."""

    def __init__(self, network: Network, *, concurrency: int, calls: Calls = THREADS) -> None:
        self._dialer = Dialer(network, calls)
        self._kept = Kept(most=most_idle(concurrency))

    def exchange(self, request: Request, limits: Limits, /) -> Response:
        attempt = Attempt(request, limits)
        try:
            return self._try(attempt)
        except FetchError as error:
            if not error.stale:
                raise
        # The kept connection had died of age. The request has not been answered, nor counted.
        attempt.renew()
        return self._try(attempt)

    def _try(self, attempt: Attempt) -> Response:
        request = attempt.request
        stream = self._kept.take(attempt) or self._dialer.dial(attempt)
        try:
            stream.sendall(self._encoded(request))
            response, parser = receive(stream)
        except BaseException:
            stream.close()
            raise
        if stream.keep(parser):
            self._kept.put(stream)
        else:
            stream.close()
        return response

    def _encoded(self, request: Request) -> bytes:
        proxy = self._dialer.proxy
        if proxy is None or request.url.startswith("https:"):
            return encode(request)
        return encode(proxy.signed(request), proxy_form=True)

    def abort(self) -> None:
        """End every wait of every worker at once."""
        self._dialer.abort()

    def close(self) -> None:
        self._kept.clear()
        self._dialer.close()


class Kept:
    """Idle connections by origin, the last used first: it is the likeliest to be open still."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._origins: dict[str, deque[Stream]] = {}
        self._lock = threading.Lock()  # for a few dictionary operations, never across a wait

    def take(self, attempt: Attempt) -> Stream | None:
        """A connection that may serve the attempt, given to it; None where there is none."""
        while True:
            with self._lock:
                streams = self._origins.get(attempt.request.origin)
                if not streams:
                    return None
                stream = streams.pop()
                self._count -= 1
            if stream.may_serve(attempt):
                stream.begin(attempt)
                return stream
            stream.close()

    def put(self, stream: Stream) -> None:
        """Keep a connection; the one of the origin that waited longest makes room."""
        surplus: Stream | None = None
        origin = stream.attempt.request.origin
        with self._lock:
            # Taken out and put back in: the first origin is the one used least recently.
            streams = self._origins.pop(origin, None) or deque()
            streams.append(stream)
            self._origins[origin] = streams
            self._count += 1
            if self._count > self._most:
                surplus = self._oldest()
        if surplus is not None:
            surplus.close()

    def clear(self) -> None:
        """Close them all."""
        with self._lock:
            streams = [stream for streams in self._origins.values() for stream in streams]
            self._origins.clear()
            self._count = 0
        for stream in streams:
            stream.close()

    def _oldest(self) -> Stream:
        while True:
            origin = next(iter(self._origins))
            streams = self._origins[origin]
            if streams:
                self._count -= 1
                return streams.popleft()
            del self._origins[origin]
