"""DNS beside the loop: getaddrinfo blocks, so it runs in threads; the answer wakes the loop.

    loop thread    peek() ── known? ──► addresses          socket pair ──► answers()
                        └── ask() ──► queue ──► thread ──► getaddrinfo ──┘ (one byte)

Facts. A blocked getaddrinfo cannot be called off: its thread stays until the resolver gives up, so
one silent name must not be able to hold them all; hence `_THREADS`. Literals and pinned names never
come here: `peek` knows them. Read beside it: transports/resolve.py (cache, errors), _loop.py.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, TypeAlias

from crawler.errors import FetchError, ResolveError
from crawler.transports.resolve import AddressCache

if TYPE_CHECKING:
    from crawler.model import Network
    from crawler.transports.resolve import Address, GetAddrInfo

_THREADS = 64  # look-ups at once; each is a stack of mostly untouched pages
_JOIN = 0.1  # seconds given to all threads: some may be inside getaddrinfo

Answer: TypeAlias = "tuple[Address, ...] | BaseException"


class Resolver:
    """Addresses of names, for a loop that must not wait for them.

    Attributes:
        wake: becomes readable when there are answers.
    """

    def __init__(self, network: Network, *, getaddrinfo: GetAddrInfo | None = None) -> None:
        # The cache would start a thread for each name; here the pool's threads come in asking.
        self._cache = AddressCache(
            network, getaddrinfo=getaddrinfo, start=lambda function: function()
        )
        self.peek = self._cache.peek
        self._questions: queue.SimpleQueue[tuple[str, int] | None] = queue.SimpleQueue()
        self._answers: deque[tuple[tuple[str, int], Answer]] = deque()
        self._under_way: set[tuple[str, int]] = set()
        self._threads: list[threading.Thread] = []
        self.wake, self._waker = socket.socketpair()
        self.wake.setblocking(False)
        self._waker.setblocking(False)

    def ask(self, host: str, port: int) -> None:
        """Have the name looked up, once for all who ask while it is."""
        key = (host, port)
        if key in self._under_way:
            return
        self._under_way.add(key)
        self._questions.put(key)
        if len(self._threads) < min(len(self._under_way), _THREADS):
            name = f"crawler-dns-{len(self._threads) + 1}"
            # A daemon, because a resolver that hangs must not keep the program from ending.
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no further thread: those that are there do it
                if not self._threads:
                    self._refuse()
                return
            self._threads.append(thread)

    def answers(self) -> list[tuple[tuple[str, int], Answer]]:
        """What has been answered since the last call."""
        with contextlib.suppress(BlockingIOError):
            while len(self.wake.recv(4096)) == 4096:
                pass
        found = []
        while self._answers:
            key, answer = self._answers.popleft()
            self._under_way.discard(key)
            found.append((key, answer))
        return found

    def close(self) -> None:
        """Let the threads end; one that is inside getaddrinfo ends after it."""
        for _ in self._threads:
            self._questions.put(None)
        end = time.monotonic() + _JOIN
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        self.wake.close()
        self._waker.close()

    def _refuse(self) -> None:
        """Answer what was asked: nobody is there to look it up."""
        key = self._questions.get_nowait()
        assert key is not None
        message = f"no thread to look up {key[0]}: the system has no further one"
        self._answers.append((key, ResolveError(message, code="dns.servfail")))
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def _work(self) -> None:
        while (key := self._questions.get()) is not None:
            answer: Answer
            try:
                answer = self._cache.get(*key, timeout=0.0)
            except FetchError as error:
                answer = error
            except BaseException as error:  # noqa: BLE001 - a border: it comes out of wait()
                answer = error
            self._answers.append((key, answer))
            # Full: the loop will be woken anyway. Closed: nobody waits for it any more.
            with contextlib.suppress(OSError):
                self._waker.send(b"\0")
