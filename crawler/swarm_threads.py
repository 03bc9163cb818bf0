"""A swarm whose every client is a thread: blocking calls, one after the other, as one would say it.

    connect ─► sendall ─► recv ─► ... ─► close        a stack for each client; the kernel switches

A socket's timeout bounds one call, not a reply: bytes that drip would start it anew each time. So
the time left is set again before each recv. `shutdown` from another thread wakes a recv that waits
(shutdown(2): further receptions are disallowed), which is how Ctrl-C ends them.
Read beside it: swarm_selectors.py does the same in one thread.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

from crawler.dialogue import CHUNK, CONNECTING, Dialogue, Heard, counted
from crawler.swarm_errors import is_exhausted, misfortune, too_many

if TYPE_CHECKING:
    from crawler.dialogue import Plan, Swarm


def swarm(host: str, port: int, plan: Plan) -> Swarm:
    """Runs all clients to their end. Raises LocalError when descriptors or threads run out."""
    return _Swarm(host, port, plan).run()


class _Swarm:
    def __init__(self, host: str, port: int, plan: Plan) -> None:
        self._address = (host, port)
        self._plan = plan
        self._turn = threading.Semaphore(CONNECTING)
        self._tried = threading.Semaphore(0)  # once for each client that is connected or is not
        self._go = threading.Event()
        self._sockets: dict[int, socket.socket] = {}
        self._stopped = False
        self._began = 0.0
        self._exhausted: OSError | None = None

    def run(self) -> Swarm:
        dialogues = [Dialogue(number, self._plan) for number in range(1, self._plan.clients + 1)]
        threads: list[threading.Thread] = []
        self._began = time.perf_counter()
        try:
            self._talk(dialogues, threads)
        except KeyboardInterrupt:
            self._stop()
        except RuntimeError as error:  # the system has no further thread
            raise too_many(self._plan.clients, len(threads), error) from error
        finally:
            if sys.exc_info()[0] is not None:  # SIGTERM and SIGHUP come as SystemExit
                self._stop()
            for thread in threads:
                thread.join()
        if self._exhausted is not None:
            made = sum(one.connected for one in dialogues)
            raise too_many(self._plan.clients, made, self._exhausted) from self._exhausted
        wall = time.perf_counter() - self._began
        return counted(dialogues, self._plan, wall=wall, interrupted=self._stopped)

    def _talk(self, dialogues: list[Dialogue], threads: list[threading.Thread]) -> None:
        if not self._plan.hold:
            self._go.set()
        for dialogue in dialogues:
            thread = threading.Thread(target=self._client, args=(dialogue,), daemon=True)
            thread.start()
            threads.append(thread)
        if self._plan.hold:
            for _ in threads:
                self._tried.acquire()
            time.sleep(self._plan.hold)
            self._began = time.perf_counter()
            self._go.set()
        for thread in threads:
            thread.join()

    def _client(self, dialogue: Dialogue) -> None:
        sock: socket.socket | None = None
        try:
            try:
                with self._turn:
                    if self._stopped:
                        return
                    sock = socket.create_connection(self._address, self._plan.timeout)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                dialogue.connected = True
                self._sockets[dialogue.number] = sock
            finally:
                self._tried.release()
            self._go.wait()
            while not self._stopped and not dialogue.finished:
                if not self._exchange(sock, dialogue):
                    return
        except OSError as error:
            if is_exhausted(error):
                self._exhausted = error
                self._stop()
            elif not self._stopped:
                dialogue.refused = not dialogue.connected
                dialogue.amiss = misfortune(error, connected=dialogue.connected)
        finally:
            self._sockets.pop(dialogue.number, None)
            if sock is not None:
                sock.close()

    def _exchange(self, sock: socket.socket, dialogue: Dialogue) -> bool:
        deadline = time.monotonic() + self._plan.timeout
        sock.settimeout(self._plan.timeout)
        sock.sendall(dialogue.say(time.perf_counter()))
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock.settimeout(left)
            heard = dialogue.hear(sock.recv(CHUNK), time.perf_counter())
            if heard is not Heard.MORE:
                return heard is Heard.RIGHT

    def _stop(self) -> None:
        self._stopped = True
        self._go.set()
        for sock in list(self._sockets.values()):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
