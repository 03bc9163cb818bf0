"""A fast server that does everything that makes a careless client give URL B the page of URL A.

/N answers with a body that begins with ``N:``. What else goes over the connection depends on N:
interim responses, together with the answer or ahead of it; bytes nobody asked for behind it; a
whole second response behind it; a close without a word. All of it is kept alive.
"""

from __future__ import annotations

import asyncio
import threading
from typing import cast

EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
_GAP = 0.0005  # seconds between an interim response and the answer
_UNASKED = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0:mixed up!"


def body_of(number: int) -> bytes:
    return b"%d:%s" % (number, b"." * (number % 900))


def answer(number: int) -> tuple[bytes, bytes]:
    """What goes out at once, and what follows after a moment."""
    body = body_of(number)
    if number % 3:
        whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    else:
        framed = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed
    match number % 10:
        case 1:
            return EARLY, whole
        case 2:
            return EARLY * 3 + whole, b""
        case 3:
            return whole + b"stray bytes", b""
        case 4:
            return whole + _UNASKED, b""
        case 5:
            return EARLY, EARLY + whole + _UNASKED
        case 6:
            return EARLY + whole[:9], whole[9:]
        case _:
            return whole, b""


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            number = int(head.split(b" ", 2)[1][1:])
            now, later = answer(number)
            self._transport.write(now)
            if later:
                asyncio.get_running_loop().call_later(_GAP, self._transport.write, later)
            elif number % 10 == 9:
                self._transport.close()


class StrayServer:
    """The server in a thread, from ``with`` to its end; `url` has no slash at its end."""

    def __enter__(self) -> StrayServer:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await self._loop.create_server(_Connection, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stop.wait()
        server.close()
