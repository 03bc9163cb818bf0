"""The sites of all rows that take a crawl: one server behind every name, at a public address.

It tells rows apart by the Host field, plays what they say, and hands out its log at ``/log`` of
another port. It needs a network of its own: tests/security/alone.py. Read beside it: origin.py,
whose steps it plays; resolver.py, which leads here.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterable

from hostile import resolver
from hostile.crawl_row import Asked, CrawlRow, Site
from hostile.origin import Connection, Gone
from hostile.resolver import PUBLIC
from hostile.row import Read, Script, Send, whole

PORTS = {80: "http", 8080: "http", 443: "https"}
LOG = (PUBLIC, 81)
_PATIENCE = 30.0  # seconds
_NOTHING: Script = (Send(whole(b"", status="404 Not Found")),)


def serve_forever(rows: Iterable[CrawlRow], context: ssl.SSLContext, ready: int) -> None:
    """Serve in this process until it is killed; a byte to `ready` says that all listen."""
    sites = _Sites(rows, context)
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((PUBLIC, 53))
    threading.Thread(target=resolver.serve, args=(names,), daemon=True).start()
    for port in PORTS:
        _listen((PUBLIC, port), sites.serve)
        _listen(("127.0.0.1", port), sites.trespass)
    _listen(LOG, sites.tell)
    os.write(ready, b".")
    signal.pause()


def _listen(address: tuple[str, int], serve: object) -> None:
    listener = socket.create_server(address, backlog=256)

    def accept() -> None:
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=serve, args=(sock, address[1]), daemon=True).start()  # type: ignore[arg-type]  # methods below

    threading.Thread(target=accept, daemon=True).start()


class _Sites:
    def __init__(self, rows: Iterable[CrawlRow], context: ssl.SSLContext) -> None:
        self._sites = {row.host: _replies(row) for row in rows}
        self._context = context
        self._lock = threading.Lock()
        self._connections = itertools.count(1)
        self._times: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()
        self._log: dict[str, list[tuple[float, int, int, str, str]]] = {}
        self._trespassers = 0

    def serve(self, sock: socket.socket, port: int) -> None:
        number = next(self._connections)
        sock.settimeout(_PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(Gone, OSError):
            if PORTS[port] == "https":
                sock = self._context.wrap_socket(sock, server_side=True)
            connection = Connection(sock, {}, None)
            while True:
                self._answer(connection, number, port)
        sock.close()

    def _answer(self, connection: Connection, number: int, port: int) -> None:
        head = connection.do(Read()).decode("latin-1")
        host, path = _field(head, "host"), head.split(" ")[1]
        name = ".".join(host.partition(":")[0].split(".")[-2:])
        url = f"{PORTS[port]}://{host}{path}"
        with self._lock:
            self._times[url] += 1
            self._under_way[name] += 1
            asked = Asked(url, path, self._times[url], self._under_way[name])
            entry = (time.monotonic(), number, asked.under_way, url, head)
            self._log.setdefault(name, []).append(entry)
        replies = self._sites.get(name, {})
        reply = replies.get(url) or replies.get("*", _NOTHING)
        try:
            for step in reply(asked) if callable(reply) else reply:
                connection.do(step)
        finally:
            with self._lock:
                self._under_way[name] -= 1

    def trespass(self, sock: socket.socket, _port: int) -> None:
        """Somebody came to a private address."""
        with self._lock:
            self._trespassers += 1
        sock.close()

    def tell(self, sock: socket.socket, _port: int) -> None:
        """The log, to whoever connects."""
        with self._lock, sock:
            told = {"log": self._log, "trespassers": self._trespassers}
            sock.sendall(json.dumps(told).encode())


def _replies(row: CrawlRow) -> Site:
    return {
        "*" if reference == "*" else row.url(reference): reply
        for reference, reply in row.site.items()
    }


def _field(head: str, name: str) -> str:
    for line in head.split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return ""


def read_log() -> dict[str, object]:
    """What the sites saw until now."""
    with socket.create_connection(LOG, timeout=5) as sock:
        pieces = iter(lambda: sock.recv(1 << 20), b"")
        told: dict[str, object] = json.loads(b"".join(pieces))
        return told
