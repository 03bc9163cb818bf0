"""The server: one listening port for each row, one thread for each connection, steps as data.

What a row's server saw is kept in `Origin.log`: which request came on which connection. That is
the only witness of reuse, of retries and of leaked headers that cannot be talked into anything.
Read beside it: row.py (the steps), certificates.py (TLS).
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hostile.row import (
    AGAIN,
    Close,
    Drip,
    Flood,
    HalfClose,
    Handshake,
    Hear,
    Hold,
    Raw,
    Read,
    Reset,
    Row,
    Script,
    Send,
    Sleep,
    Step,
    whole,
)

_PATIENCE = 6.0  # seconds: no connection outlives the test that forgot it
_RESET = struct.pack("ii", 1, 0)
OTHER = "other"  # the log's name for a row's second server


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    connection: int  # 1 is the row's first
    target: str
    head: bytes
    server: str = ""  # "" the row's own, OTHER the second one


class Gone(Exception):
    """The peer left: the play is over."""


class Origin:
    """Servers for all rows, from ``with`` to its end."""

    def __init__(self, rows: Iterable[Row], contexts: Mapping[str, ssl.SSLContext]) -> None:
        self._rows = {row.id: row for row in rows}
        self._contexts = contexts
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._ports: dict[tuple[str, str], int] = {}
        self._counts: dict[str, int] = {}
        self._stopped = False
        self.log: dict[str, list[Seen]] = {name: [] for name in self._rows}

    def __enter__(self) -> Origin:
        for row in self._rows.values():
            self._listen(row)
        self._wake, waker = socket.socketpair()
        self._sockets += [self._wake, waker]
        self._selector.register(waker, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._accept, name="hostile origin", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stopped = True
        self._wake.send(b".")
        self._thread.join()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for sock in self._sockets:
            sock.close()
        self._selector.close()

    def port(self, row: Row, server: str = "") -> int:
        return self._ports[row.id, server]

    def url(self, row: Row, target: str = "/") -> str:
        scheme = "https" if row.tls else "http"
        return f"{scheme}://{row.host}:{self.port(row)}{target}"

    def _listen(self, row: Row) -> None:
        server = self._bound("127.0.0.1", 0)
        self._ports[row.id, ""] = server.getsockname()[1]
        if row.listen == "full":
            self._fill(server)
        elif row.listen == "yes":
            server.listen(64)
            self._selector.register(server, selectors.EVENT_READ, (row, ""))
        other = self._bound("127.0.0.1", 0)
        self._ports[row.id, OTHER] = other.getsockname()[1]
        other.listen(16)
        self._selector.register(other, selectors.EVENT_READ, (row, OTHER))
        for address in row.blackholes:
            self._fill(self._bound(address, self.port(row)))

    def _bound(self, address: str, port: int) -> socket.socket:
        server = socket.socket()
        self._sockets.append(server)
        server.bind((address, port))
        return server

    def _fill(self, server: socket.socket) -> None:
        """Leaves no room in the backlog: Linux then drops every further SYN."""
        server.listen(0)
        for _ in range(2):
            client = socket.socket()
            self._sockets.append(client)
            client.setblocking(False)
            client.connect_ex(server.getsockname())

    def _accept(self) -> None:
        while not self._stopped:
            for key, _ in self._selector.select():
                if key.data is None:
                    continue
                row, server = key.data
                sock, _ = key.fileobj.accept()  # type: ignore[union-attr]  # only sockets are in it
                number = self._counts[row.id] = self._counts.get(row.id, 0) + 1
                threading.Thread(
                    target=self._serve, args=(sock, row, server, number), daemon=True
                ).start()

    def _serve(self, sock: socket.socket, row: Row, server: str, number: int) -> None:
        sock.settimeout(_PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        names = {
            b"{base}": self.url(row, "").encode(),
            b"{port}": str(self.port(row)).encode(),
            b"{other}": b"http://127.0.0.1:%d" % self.port(row, OTHER),
            b"{other-port}": str(self.port(row, OTHER)).encode(),
        }
        with self._lock:
            self._open.add(sock)
        connection = Connection(sock, names, self._contexts.get(row.tls))
        try:
            with contextlib.suppress(Gone, OSError):
                self._converse(connection, row, server, number)
        finally:
            with self._lock:
                self._open.discard(sock)
            connection.close()

    def _converse(self, connection: Connection, row: Row, server: str, number: int) -> None:
        log = self.log[row.id]
        script: Script = () if server or number > len(row.play) else row.play[number - 1]
        if row.tls not in {"", "raw"} and not server and Handshake() not in script:
            connection.do(Handshake())
        for step in script:
            head = connection.do(step)
            if head:
                log.append(Seen(number, _target(head), head, server))
        while True:
            head = connection.do(Read())
            target = _target(head)
            log.append(Seen(number, target, head, server))
            for step in row.routes.get(target, _GOOD.get(target, _PAGE)):
                connection.do(step)


class Connection:
    """One accepted connection and the steps it can do."""

    def __init__(
        self, sock: socket.socket, names: dict[bytes, bytes], context: ssl.SSLContext | None
    ) -> None:
        self._below = sock
        self._sock = sock
        self._names = names
        self._context = context
        self._buffer = b""

    def do(self, step: Step) -> bytes:
        """Does one step; a Read gives the request's head."""
        if isinstance(step, Read):
            return self._read(only_head=step.head)
        if isinstance(step, Handshake):
            self._handshake()
        elif isinstance(step, Send | Raw | Drip | Flood):
            self._speak(step)
        elif isinstance(step, Sleep):
            time.sleep(step.seconds)
        elif isinstance(step, Hear):
            self._sock.recv(65536)
        else:
            self._leave(step)
        return b""

    def close(self) -> None:
        for sock in (self._sock, self._below):
            with contextlib.suppress(OSError):
                sock.close()

    def _named(self, data: bytes) -> bytes:
        if b"{" in data:
            for name, value in self._names.items():
                data = data.replace(name, value)
        return data

    def _read(self, *, only_head: bool) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            data = self._sock.recv(65536)
            if not data:
                raise Gone
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        if not only_head:
            left = _length(head) - len(self._buffer)
            self._buffer = self._buffer[_length(head) :]
            while left > 0:
                data = self._sock.recv(65536)
                if not data:
                    raise Gone
                left -= len(data)
        return head

    def _speak(self, step: Send | Raw | Drip | Flood) -> None:
        match step:
            case Send(data):
                self._sock.sendall(self._named(data))
            case Raw(data):
                self._raw(data)
            case Drip(data, every):
                for number in range(len(data)):
                    self._sock.sendall(data[number : number + 1])
                    if every:
                        time.sleep(every)
            case Flood(data, every):
                self._flood(data, every)

    def _leave(self, step: Close | Reset | HalfClose | Hold) -> None:
        match step:
            case Close(notify):
                self._end(notify=notify)
            case HalfClose():
                self._below.shutdown(socket.SHUT_WR)
            case Reset():
                self._below.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self.close()
                raise Gone
            case Hold():
                while self._below.recv(65536):
                    pass
                raise Gone

    def _flood(self, data: bytes, every: float) -> None:
        ends = time.monotonic() + _PATIENCE
        while time.monotonic() < ends:
            self._sock.sendall(data)
            time.sleep(every)

    def _handshake(self) -> None:
        assert self._context is not None
        sock = self._context.wrap_socket(
            self._below, server_side=True, do_handshake_on_connect=False
        )
        # wrap_socket took the descriptor over.
        self._sock = self._below = sock
        try:
            sock.do_handshake()
        except ssl.SSLError:
            # The alert is on its way: closing over unread bytes would overtake it with an RST.
            self._end(notify=False)

    def _raw(self, data: bytes) -> None:
        below = socket.socket(fileno=self._below.fileno())
        try:
            below.sendall(data)
        finally:
            below.detach()

    def _end(self, *, notify: bool) -> None:
        """FIN, and no RST as long as nothing that the peer sent lies unread."""
        if notify and isinstance(self._sock, ssl.SSLSocket):
            self._sock.settimeout(0.0)
            with contextlib.suppress(OSError, ValueError):
                self._sock.unwrap()
        below = socket.socket(fileno=self._below.fileno())
        try:
            below.shutdown(socket.SHUT_WR)
            # Under TLS the peer may still have records to send: let it close first.
            below.settimeout(_PATIENCE if self._context is not None else 0.0)
            while below.recv(65536):
                pass
        finally:
            below.detach()
        raise Gone


def _target(head: bytes) -> str:
    words = head.split(b"\r\n", 1)[0].split(b" ")
    return words[1].decode("latin-1") if len(words) > 1 else ""


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


_PAGE: Script = (Send(whole()),)
_GOOD: dict[str, Script] = {
    "/again": (Send(whole(AGAIN)),),
    "/rest": (Sleep(0.06), Send(whole(b"rested"))),
}
