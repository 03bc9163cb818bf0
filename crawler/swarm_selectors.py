"""A swarm in one thread: non-blocking sockets, and a selector that tells which may go on.

    start ─► CONNECTING ─writable─► talking ─readable─► hear ─► say ─► ... ─► close
             at most 50 at once     the kernel's buffer takes a message at once, or its rest waits

connect(2): a non-blocking connect is under way (EINPROGRESS) until the socket is writable, and
SO_ERROR then tells how it ended. A listening socket's queue is finite (listen(2)), so clients
connect in turns. All clients have the same timeout: a look at all of them four times a second
finds those that are late.
Read beside it: swarm_threads.py says the same in blocking calls.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time
from errno import EINPROGRESS
from typing import TYPE_CHECKING

from crawler.dialogue import CHUNK, CONNECTING, Dialogue, Heard, counted
from crawler.swarm_errors import is_exhausted, misfortune, too_many

if TYPE_CHECKING:
    from crawler.dialogue import Plan, Swarm

_LOOK = 0.25  # seconds between two looks for late clients


class _Client:
    """A dialogue and its socket."""

    __slots__ = ("deadline", "dialogue", "rest", "sock")

    def __init__(self, dialogue: Dialogue, sock: socket.socket, deadline: float) -> None:
        self.dialogue = dialogue
        self.sock = sock
        self.deadline = deadline
        self.rest = b""  # of the message that the kernel has not taken yet


def swarm(host: str, port: int, plan: Plan) -> Swarm:
    """Runs all clients to their end. Raises LocalError when descriptors run out."""
    dialogues = [Dialogue(number, plan) for number in range(1, plan.clients + 1)]
    with selectors.DefaultSelector() as selector:
        loop = _Swarm(selector, _address(host, port), plan)
        began = time.perf_counter()
        interrupted = False
        try:
            loop.connect(dialogues)
            began = loop.released or began
        except KeyboardInterrupt:
            interrupted = True
        except OSError as error:
            made = sum(one.connected for one in dialogues)
            raise too_many(plan.clients, made, error) from error
        finally:
            loop.close()
    wall = time.perf_counter() - began
    return counted(dialogues, plan, wall=wall, interrupted=interrupted)


def _address(host: str, port: int) -> tuple[int, tuple[object, ...]]:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return family, address


class _Swarm:
    def __init__(
        self,
        selector: selectors.BaseSelector,
        address: tuple[int, tuple[object, ...]],
        plan: Plan,
    ) -> None:
        self._selector = selector
        self._family, self._address = address
        self._plan = plan
        self._connecting: set[_Client] = set()
        self._open: set[_Client] = set()
        self.released = 0.0  # when those that were held began to talk; 0.0: nobody was held
        self._held = plan.hold > 0

    def connect(self, dialogues: list[Dialogue]) -> None:
        """Connects all, in turns, and talks until nobody has anything to say."""
        waiting = iter(dialogues)
        more = True
        release = 0.0
        looked = time.monotonic()
        while more or self._open:
            while more and len(self._connecting) < CONNECTING:
                dialogue = next(waiting, None)
                if dialogue is None:
                    more = False
                else:
                    self._start(dialogue)
            if not self._open and not more:
                return
            for key, events in self._selector.select(_LOOK):
                self._step(key.data, events)
            now = time.monotonic()
            if self._held and not more and not self._connecting:
                release = release or now + self._plan.hold
                if now >= release:
                    self._release()
            if now - looked >= _LOOK:
                looked = now
                self._expire(now)

    def close(self) -> None:
        """Closes what is open."""
        for client in list(self._open):
            self._end(client)

    def _start(self, dialogue: Dialogue) -> None:
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        client = _Client(dialogue, sock, time.monotonic() + self._plan.timeout)
        self._open.add(client)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(self._address)
        if code not in {0, EINPROGRESS}:
            self._failed(client, OSError(code, os.strerror(code)))
            return
        self._connecting.add(client)
        self._selector.register(sock, selectors.EVENT_WRITE, client)

    def _step(self, client: _Client, events: int) -> None:
        try:
            if client in self._connecting:
                self._connected(client)
            elif client.rest and events & selectors.EVENT_WRITE:
                self._send(client, client.rest)
            elif events & selectors.EVENT_READ:
                self._hear(client)
        except BlockingIOError:
            return
        except OSError as error:
            self._failed(client, error)

    def _connected(self, client: _Client) -> None:
        code = client.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        self._connecting.discard(client)
        client.dialogue.connected = True
        self._selector.modify(client.sock, selectors.EVENT_READ, client)
        if self._held:
            client.deadline = float("inf")
        else:
            self._say(client)

    def _say(self, client: _Client) -> None:
        client.deadline = time.monotonic() + self._plan.timeout
        self._send(client, client.dialogue.say(time.perf_counter()))

    def _send(self, client: _Client, data: bytes) -> None:
        try:
            sent = client.sock.send(data)
        except BlockingIOError:
            sent = 0
        before, client.rest = client.rest, data[sent:]
        if bool(before) != bool(client.rest):
            both = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.rest else 0)
            self._selector.modify(client.sock, both, client)

    def _hear(self, client: _Client) -> None:
        heard = client.dialogue.hear(client.sock.recv(CHUNK), time.perf_counter())
        if heard is Heard.WRONG or (heard is Heard.RIGHT and client.dialogue.finished):
            self._end(client)
        elif heard is Heard.RIGHT:
            self._say(client)

    def _release(self) -> None:
        self._held = False
        self.released = time.perf_counter()
        for client in list(self._open):
            try:
                self._say(client)
            except OSError as error:
                self._failed(client, error)

    def _expire(self, now: float) -> None:
        for client in [one for one in self._open if one.deadline <= now]:
            self._failed(client, TimeoutError())

    def _failed(self, client: _Client, error: OSError) -> None:
        self._end(client)
        if is_exhausted(error):
            raise error
        dialogue = client.dialogue
        dialogue.refused = not dialogue.connected
        dialogue.amiss = misfortune(error, connected=dialogue.connected)

    def _end(self, client: _Client) -> None:
        self._open.discard(client)
        self._connecting.discard(client)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client.sock)
        client.sock.close()
