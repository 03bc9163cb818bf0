"""The loop that nonblocking to uring share: one thread, many transfers.

    start ──► a kept connection, or addresses ──► connect         ended ──► wait
                                 ▲                                  ▲
    turn:   _ready() ──► step what is ready ──► expire what is late ──► begin what had to wait

A subclass says how readiness is learned (_readiness.py). The rest is here: who is under way, which
connections lie idle, what happens when descriptors or memory for bodies run out.
Read beside it: _transfer.py (one exchange), _connection.py, selectors_loop.py.

Facts.
* Limits are instants on the transfers, looked at when the nearest may have come. Nearly all
  exchanges end long before, so nothing is sorted for them.
* Bytes on an idle connection belong to nobody. So before a kept connection is used again, the loop
  looks once for all of them, unless it has just done so (`_FRESH`).
* Thousands of SYNs at once overflow the peer's backlog, and a lost SYN costs a second (RFC 6298):
  `_CONNECTS` a turn.
"""

from __future__ import annotations

import math
import socket
import time
from collections import deque
from typing import TYPE_CHECKING

from crawler.engines._approach import State
from crawler.engines._budget import Budget
from crawler.engines._connect import STARVED
from crawler.engines._connection import READ, Connection
from crawler.engines._kept import Kept
from crawler.engines._lookups import Lookups
from crawler.engines._readiness import Bell, Readiness
from crawler.engines._resolve import Resolver
from crawler.engines._starved import RETRY, Starved
from crawler.engines._transfer import Transfer
from crawler.errors import FetchError
from crawler.model import most_idle
from crawler.transports import tls
from crawler.transports._proxy import Proxy
from crawler.wire.encode import encode

if TYPE_CHECKING:
    import ssl

    from crawler.engines._lookups import Found
    from crawler.model import Limits, Network, Outcome, Request
    from crawler.transports.resolve import Address
    from crawler.wire.framing import Promise

MOST_EVENTS = 1024  # taken in one turn; more only allocates (epoll_wait fills an array)
_CONNECTS = 256  # begun in one turn
_FRESH = 0.001  # seconds for which a look at the idle connections is good
_SWEEP = 5.0  # seconds between two looks for idle connections that are too old
_GAP = 0.002  # seconds between two looks at the limits, at least
_GAP_EACH = 2e-6  # the same for each transfer under way: a look costs a tenth of that

_now = time.monotonic


class Loop(Readiness):
    """An engine of one thread. Subclasses add how readiness is learned.

    Attributes:
        limits: of each exchange.
        proxy: what everything goes through, or None.
        sessions: TLS sessions to resume.
        budget: memory for the bodies under way.
        look_at: monotonic instant at which the limits of the transfers are to be looked at.
    """

    def __init__(
        self,
        *,
        concurrency: int,
        limits: Limits,
        network: Network,
        resolver: Resolver | None = None,
    ) -> None:
        self.limits = limits
        self.proxy = Proxy.parse(network.proxy) if network.proxy else None
        self.sessions = tls.Sessions()
        self.budget = Budget(limits.bodies)
        self.look_at = math.inf
        self._network = network
        self._context: ssl.SSLContext | None = None
        self._most_kept = most_idle(concurrency)
        self._under_way: dict[Transfer, None] = {}
        self._ended: list[Outcome] = []
        self._kept = Kept()
        self._queued: deque[Transfer] = deque()  # too many connects in this turn
        self._starved = Starved(limits.timeout)
        self._open = 0  # connections
        self._closed = False
        self._connects = self._postponed = 0
        self._looked = self._sweep_at = 0.0
        self._lookups = Lookups(resolver or Resolver(network), self.proxy)
        self._register(self._lookups.wake, READ, Bell(self._answered))

    # -- the contract ----------------------------------------------------------------------------

    def start(self, request: Request, /) -> None:
        now = _now()
        if self._kept and now - self._looked > _FRESH:
            self._turn(0.0)
            now = self._looked
        url = request.url
        if self.proxy is None or url.startswith("https:"):
            end = url.find("/", 8)
            key = url[:end] if end > 0 else url
            payload = encode(request)
        else:
            key = ""
            payload = encode(self.proxy.signed(request), proxy_form=True)
        transfer = Transfer(self, request, payload, key, now)
        self._under_way[transfer] = None
        if request.public_only and self.proxy is not None:
            refused = self._lookups.refused(request)
            if refused is not None:
                transfer.fail(refused)
                return
        connection = self._take(transfer) if key in self._kept.by_key else None
        if connection is not None:
            transfer.send(connection, now)
        else:
            self._connect(transfer)

    def wait(self, timeout: float | None, /) -> list[Outcome]:
        give_up = math.inf if timeout is None else _now() + timeout
        while self._under_way or self._ended or timeout is not None:
            now = _now()
            if not self._ended:
                nap = min(self.look_at, give_up) - now
                if self._queued or nap < 0.0:
                    nap = 0.0
                self._turn(None if nap == math.inf else nap)
            elif now - self._looked > _FRESH:
                self._turn(0.0)
            if self._ended:
                ended = self._ended
                self._ended = []
                return ended
            if _now() >= give_up:
                break
        return []

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for transfer in self._under_way:
            transfer.abandon()
        self._under_way.clear()
        for connection in self._kept.all():
            self.discard(connection)
        self._forget(self._lookups.wake)
        self._lookups.close()

    # -- a turn ----------------------------------------------------------------------------------

    def _turn(self, timeout: float | None) -> None:
        """Step what is ready, then expire what is late, then begin what had to wait."""
        events = self._ready(timeout)
        if timeout and not events:
            # Who was stopped in that call (SIGSTOP) is told that the time is over, not what came.
            events = self._ready(0.0)
        self._connects = 0
        for told, mask in events:
            told.on_ready(mask)
        now = self._looked = _now()
        if now >= self.look_at:
            if len(events) >= MOST_EVENTS and self._postponed < len(self._under_way) // MOST_EVENTS:
                self._postponed += 1  # there may be more that is ready
            else:
                self._postponed = 0
                self._expire(now)
        while self._queued and self._connects < _CONNECTS:
            transfer = self._queued.popleft()
            transfer.restart(now)
            self.begin(transfer)
        if self._starved.line:
            self._feed(now)

    def _expire(self, now: float) -> None:
        self.look_at = nearest = math.inf
        for transfer in tuple(self._under_way):
            late_at = transfer.late_at
            if late_at <= now:
                if transfer.state is State.WAITING:
                    self._expel(transfer, now)
                elif transfer.state is not State.ENDED:
                    transfer.late(now)
            elif late_at < nearest:
                nearest = late_at
        if self._kept and now >= self._sweep_at:
            self._sweep_at = now + _SWEEP
            for connection in self._kept.older(now):
                self.discard(connection)
        if self._kept and self._under_way:
            nearest = min(nearest, self._sweep_at)
        gap = max(_GAP, len(self._under_way) * _GAP_EACH)
        self.look_at = max(min(self.look_at, nearest), now + gap)

    # -- beginning and ending exchanges ----------------------------------------------------------

    def begin(self, transfer: Transfer) -> None:
        """Give the transfer a connection, or have one made."""
        if not transfer.fresh:
            connection = self._take(transfer)
            if connection is not None:
                transfer.send(connection, _now())
                return
        self._connect(transfer)

    def _connect(self, transfer: Transfer) -> None:
        """Have a connection made for it, now or when it is its turn."""
        if self._starved.line:
            self.starve(transfer)
        elif self._connects >= _CONNECTS:
            transfer.wait()
            self._queued.append(transfer)
        else:
            self._dial(transfer)

    def end(self, transfer: Transfer, outcome: Outcome) -> None:
        """The transfer has its outcome."""
        del self._under_way[transfer]
        self._ended.append(outcome)
        if transfer.held:
            self.budget.release(transfer)

    def release(self, connection: Connection, promise: Promise | None, now: float) -> None:
        """An exchange is over: keep its connection, or close it; without a promise it closes."""
        if not connection.may_stay(promise, self.limits, now):
            self.close_connection(connection)
            return
        connection.on_ready = connection.disturbed
        if self._kept.put(connection) > self._most_kept:
            self.discard(self._kept.oldest())

    def discard(self, connection: Connection) -> None:
        """Close an idle connection."""
        self._kept.remove(connection)
        self.close_connection(connection)

    def _take(self, transfer: Transfer) -> Connection | None:
        """An idle connection for the transfer: the last used, the likeliest to be open still."""
        while (connection := self._kept.take(transfer.key)) is not None:
            if connection.until > self._looked and (
                not transfer.request.public_only or self.proxy or not connection.is_private
            ):
                return connection
            self.close_connection(connection)
        return None

    def _dial(self, transfer: Transfer) -> None:
        found = self._lookups.find(transfer)
        if found is None:
            transfer.resolve()
        else:
            self._resolved(transfer, found)

    def _answered(self, _mask: int) -> None:
        for transfer, found in self._lookups.answered():
            if transfer.state is State.RESOLVING:
                self._resolved(transfer, found)

    def _resolved(self, transfer: Transfer, found: Found) -> None:
        """Its addresses are known, or why there are none."""
        if isinstance(found, FetchError):
            transfer.fail(found)
            return
        if transfer.request.url.startswith("https:") and self._context is None:
            try:
                self.tls_context()
            except OSError as error:
                if error.errno not in STARVED:
                    raise
                self.starve(transfer)
                return
        transfer.dial(found)

    def tls_context(self) -> ssl.SSLContext:
        """The TLS settings, made when they are first needed. Raises OSError."""
        if self._context is None:
            self._context = tls.context(self._network)
        return self._context

    # -- descriptors -----------------------------------------------------------------------------

    def open_connection(self, address: Address, *, key: str) -> Connection:
        """A connection yet to be connected; idle ones make room for it. Raises OSError."""
        try:
            sock = socket.socket(address.family, socket.SOCK_STREAM)
        except OSError as error:
            if error.errno not in STARVED or not self._kept:
                raise
            self.discard(self._kept.oldest())
            return self.open_connection(address, key=key)
        # One small write per request: Nagle's algorithm could only delay it (RFC 9293 3.7.4).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open += 1
        self._connects += 1
        return self.connection(sock, address, key=key)

    def connection(self, sock: socket.socket, address: Address, *, key: str) -> Connection:
        """The socket, yet to be connected; completion has a kind of its own."""
        return Connection(self, sock, address, key=key, limits=self.limits)

    def close_connection(self, connection: Connection) -> None:
        """Close a connection made here."""
        connection.close()
        self._open -= 1
        self._starved.freed = True

    def watch(self, connection: Connection, old: int, new: int) -> None:
        """Change what a connection is told of."""
        if not old:
            self._register(connection.sock, new, connection)
        elif not new:
            self._forget(connection.sock)
        else:
            self._change(connection.sock, new, connection)

    def starve(self, transfer: Transfer) -> None:
        """There is no descriptor for it: it waits until one of ours is given back."""
        self._starved.add(transfer, self._open)
        self.look_at = min(self.look_at, _now() + RETRY)

    def _feed(self, now: float) -> None:
        """Try again for those without a descriptor, oldest first."""
        starved = self._starved
        alone = len(self._under_way) == len(starved.line)
        if starved.hopeless(now, alone=alone):
            for transfer in tuple(starved.line):
                self._expel(transfer, now)
            return
        for transfer in starved.fed(self._kept, alone=alone):
            transfer.restart(now)
            self.begin(transfer)
        if alone:
            self.look_at = min(self.look_at, now + RETRY)

    def _expel(self, transfer: Transfer, now: float) -> None:
        """A transfer that waits for its turn or a descriptor has waited too long."""
        for line in (self._queued, self._starved.line):
            if transfer in line:
                line.remove(transfer)
        transfer.late(now)
