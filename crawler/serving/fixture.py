"""The fixture site: one thread, one asyncio loop, HTTP/1.1 with keep-alive and pipelining.

It exists to be crawled: by the demonstration, the comparison and the tests. It answers thousands
of small pages a second, holds a thousand connections, writes no log, and counts for itself how
many requests were under way at once, because only the server knows what a crawler really did.
Read beside it: pages.py (what each path answers).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import struct
import threading
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, cast

from crawler.serving.pages import Reply, answer, echo, found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_HEAD = 64 * 1024  # bytes of one request head
_MAX_BODY = 16 * 1024 * 1024  # bytes of one request body, read and thrown away
_BACKLOG = 4096  # connections not yet accepted; Linux cuts it at net.core.somaxconn
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST


class _Gauge:
    """What the site has counted since it started or was last reset."""

    def __init__(self) -> None:
        self.under_way = 0
        self.connections: set[_Connection] = set()  # open now
        self.reset()

    def reset(self) -> None:
        self.peak = self.under_way
        self.requests = 0
        self.accepted = 0

    def begin(self) -> None:
        self.requests += 1
        self.under_way += 1
        self.peak = max(self.peak, self.under_way)

    def end(self) -> None:
        self.under_way -= 1

    def counts(self) -> dict[str, int]:
        return {
            "under_way": self.under_way,
            "peak": self.peak,
            "requests": self.requests,
            "connections": len(self.connections),
            "accepted": self.accepted,
        }


@lru_cache(maxsize=16384)
def _cached(target: str) -> bytes | None:
    """The whole answer where it is plain: one piece, at once, connection kept; else None."""
    reply = answer(target)
    if type(reply.body) is not tuple or reply.delay or reply.pause or reply.end != "keep":
        return None
    whole = b"".join((reply.before, reply.head, *reply.body))
    return whole if len(whole) <= 64 * 1024 else None


class _Connection(asyncio.Protocol):
    """One client: requests are answered one after the other, in the order they came."""

    def __init__(self, gauge: _Gauge, loop: asyncio.AbstractEventLoop) -> None:
        self._gauge = gauge
        self._loop = loop
        self._transport = cast("asyncio.Transport", None)
        self._buffer = b""
        self._skip = 0  # bytes of a request body still to come
        self._answering = False  # an answer is on its way; later requests wait in the buffer
        self._closing = False  # after this answer
        self._timer: asyncio.TimerHandle | None = None
        self._body: Iterator[bytes] = iter(())
        self._pause = 0.0
        self._end = "keep"
        self._writable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._gauge.connections.add(self)
        self._gauge.accepted += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._gauge.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._answering:
            self._answering = False
            self._gauge.end()

    def drop(self) -> None:
        """Close without a word: the site ends."""
        self._transport.abort()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        if self._answering and self._timer is None and self._end != "hang":
            self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._answering:
            self._take()
        elif len(self._buffer) > MAX_HEAD:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        # A client that has ended its side still gets the answers under way, if any will come.
        self._closing = True
        return self._answering and self._end != "hang"

    def _take(self) -> None:
        """Answers what is in the buffer, request by request."""
        while self._buffer and not self._answering and not self._transport.is_closing():
            if self._skip:
                skipped = min(self._skip, len(self._buffer))
                self._skip -= skipped
                self._buffer = self._buffer[skipped:]
                continue
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0 or end > MAX_HEAD:
                if len(self._buffer) > MAX_HEAD:
                    self._refuse(431)
                return
            head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
            self._one(head)

    def _one(self, head: bytes) -> None:
        first, _, lines = head.partition(b"\r\n")
        words = first.decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1]:
            self._refuse(400)
            return
        method, target, version = words
        self._gauge.begin()
        if method == "GET" and version == "HTTP/1.1":
            lowered = lines.lower()
            if b"connection:" not in lowered or b"close" not in lowered:
                whole = None if target.startswith(_LIVE) else _cached(target)
                if whole is not None:
                    self._transport.write(whole)
                    self._gauge.end()
                    return
        self._general(method, target, version, lines)

    def _general(self, method: str, target: str, version: str, lines: bytes) -> None:
        fields = [
            (name.strip(), value.strip())
            for name, _, value in (
                line.partition(":") for line in lines.decode("latin-1").split("\r\n") if line
            )
        ]
        known = {name.lower(): value for name, value in fields}
        length = known.get("content-length", "0")
        if "transfer-encoding" in known or not (length.isascii() and length.isdigit()):
            self._gauge.end()
            self._refuse(411)
            return
        self._skip = min(int(length[:12]), _MAX_BODY + 1)
        tokens = known.get("connection", "").lower()
        if (
            "close" in tokens
            or self._skip > _MAX_BODY
            or (version == "HTTP/1.0" and "keep-alive" not in tokens)
        ):
            self._closing = True
        self._start(self._reply(method, target, fields), method)

    def _reply(self, method: str, target: str, fields: list[tuple[str, str]]) -> Reply:
        if target.startswith("/gauge"):
            # The look at the gauge is not itself part of what it shows.
            self._gauge.under_way -= 1
            self._gauge.requests -= 1
            if target == "/gauge?reset":
                self._gauge.reset()
            reply = found(json.dumps(self._gauge.counts()).encode(), "application/json")
            self._gauge.under_way += 1
            return reply
        if target.startswith("/echo"):
            return echo(fields, method, target)
        return answer(target)

    def _start(self, reply: Reply, method: str) -> None:
        self._answering = True
        self._end = reply.end
        self._pause = reply.pause
        first = (reply.before + reply.head,) if reply.before or reply.head else ()
        self._body = chain(first, () if method == "HEAD" else reply.body)
        if reply.delay:
            self._timer = self._loop.call_later(reply.delay, self._timed)
        else:
            self._send()

    def _timed(self) -> None:
        self._timer = None
        self._send()

    def _send(self) -> None:
        """Writes pieces until the peer is slow, a pause is due, or there are no more."""
        while self._writable and not self._transport.is_closing():
            piece = next(self._body, None)
            if piece is None:
                self._finish()
                return
            self._transport.write(piece)
            if self._pause:
                self._timer = self._loop.call_later(self._pause, self._timed)
                return

    def _finish(self) -> None:
        if self._end == "hang":
            return
        self._answering = False
        self._gauge.end()
        if self._end == "reset":
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()
        elif self._end == "close" or self._closing:
            self._transport.close()
        elif self._buffer:
            self._transport.resume_reading()
            self._loop.call_soon(self._take)
        else:
            self._transport.resume_reading()

    def _refuse(self, status: int) -> None:
        reply = found(b"", status=status, extra="Connection: close\r\n")
        self._transport.write(reply.head)
        self._transport.close()


_LIVE = ("/gauge", "/echo")  # answers that differ from one request to the next


class Site:
    """The fixture site in a background thread, for as long as the ``with`` block lasts.

        with Site() as site:
            fetch(site.url + "/page/1")

    Port 0 takes a free one; `url` has no slash at its end.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failed: OSError | None = None
        self.url = ""

    def __enter__(self) -> Site:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def start(self) -> None:
        """Listens, and returns when it does. Raises OSError when the port cannot be had."""
        self._thread = threading.Thread(target=self._run, name="fixture site", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            self._thread.join()
            raise self._failed

    def close(self) -> None:
        """Stops listening and drops every connection. Does nothing the second time."""
        if self._thread is None or not self._thread.is_alive():
            return
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # it ended by itself in between
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        def ready(url: str) -> None:
            self.url = url
            self._ready.set()

        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
            await _listen(self._host, self._port, ready, self._stop)

        try:
            asyncio.run(main())
        except OSError as error:
            self._failed = error
        finally:
            self._ready.set()


def serve(host: str, port: int, ready: Callable[[str], None]) -> None:
    """Runs the site in the foreground until SIGINT or SIGTERM.

    `ready` is called once with the site's URL, when it listens. Raises OSError when the port cannot
    be had.
    """

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await _listen(host, port, ready, stop)

    asyncio.run(main())


async def _listen(host: str, port: int, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    gauge = _Gauge()
    server = await loop.create_server(
        lambda: _Connection(gauge, loop), host, port, backlog=_BACKLOG
    )
    address = server.sockets[0].getsockname()
    name = f"[{address[0]}]" if ":" in address[0] else address[0]
    ready(f"http://{name}:{address[1]}")
    try:
        await stop.wait()
    finally:
        server.close()
        for connection in tuple(gauge.connections):
            connection.drop()
        await asyncio.sleep(0)  # one turn of the loop closes what was dropped
