"""From an origin to a connected stream: addresses, TCP, tunnel, TLS.

    names ──cache──► addresses ──race──► socket ──(CONNECT)──► (handshake) ──► Stream

The address policy sits here, at the one place where every connection of every transport is made:
all addresses are looked at before the first is tried, and the peer that answered once more.

Facts. A blocking connect that times out goes on in the kernel; SO_ERROR and getpeername tell how it
ended (connect(2)). So addresses race without threads (RFC 8305): each gets its head start, then all
that are still open are asked in turn. What blocks is handed in as `Calls`, because threads and
greenlets block by different functions.
Read beside it: resolve.py, _stream.py, via_socket.py.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from weakref import WeakSet

from crawler.addresses import is_public
from crawler.errors import AddressBlocked, ConnectError, FetchError, FetchTimeout, LocalError
from crawler.transports import tls
from crawler.transports._bodies import Bodies
from crawler.transports._proxy import Proxy, open_tunnel
from crawler.transports._stream import Stream, TLSStream
from crawler.transports.resolve import AddressCache, Event, check_name

if TYPE_CHECKING:
    from ssl import SSLContext

    from crawler.model import Network
    from crawler.transports._attempt import Attempt
    from crawler.transports.resolve import Address, GetAddrInfo

LOOK = 0.01  # seconds between two looks at connections under way, once several are
_OURS = {
    errno.EMFILE: "local.too_many_files",
    errno.ENFILE: "local.too_many_files",
    errno.EADDRNOTAVAIL: "local.no_ports",
    errno.ENOBUFS: "local.memory",
    errno.ENOMEM: "local.memory",
}
_RESET = {errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE}


class Sockets(Protocol):
    """The part of the module socket that is used here."""

    @property
    def socket(self) -> Callable[[int, int], Any]:
        """Makes a socket of a family and a kind."""
        ...

    @property
    def getaddrinfo(self) -> GetAddrInfo:
        """Looks a name up."""
        ...


class Calls(NamedTuple):
    """What blocks, in the edition for threads or for greenlets."""

    socket: Sockets  # the module socket, or what has its socket and getaddrinfo
    sleep: Callable[[float], object]
    start: Callable[[Callable[[], None]], object] | None  # runs beside the caller; None: a thread
    event: Callable[[], Event]


THREADS = Calls(socket, time.sleep, None, threading.Event)


class Dialer:
    """Makes the connections of one engine, and knows all that are open.

    Attributes:
        proxy: what the connections go through, if anything.
    """

    def __init__(self, network: Network, calls: Calls = THREADS) -> None:
        self.proxy = Proxy.parse(network.proxy) if network.proxy else None
        self._network = network
        self._calls = calls
        self._addresses = AddressCache(
            network,
            getaddrinfo=calls.socket.getaddrinfo,
            start=calls.start,
            event=calls.event,
        )
        self._bodies = Bodies(calls.sleep)
        self._sessions = tls.Sessions()
        self._context: SSLContext | None = None
        self._making = threading.Lock()  # sessions are resumed with the context they began with
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._aborted = False

    def dial(self, attempt: Attempt) -> Stream:
        """A stream to the attempt's origin, ready for the request.

        Raises:
            FetchError: there is no way to it, or none that is trusted or allowed.
        """
        origin, limits = attempt.origin, attempt.limits
        begun = time.monotonic()
        addresses = self._resolved(attempt)
        attempt.dns = time.monotonic() - begun
        begun = time.monotonic()
        try:
            sock, address = self._connected(addresses[: limits.addresses], attempt)
        except ConnectError as error:
            if self.proxy is None:
                raise
            raise self.proxy.refused(error) from error
        stream = Stream(sock, address, attempt, self._bodies)
        attempt.peer = stream.peer
        attempt.connect = time.monotonic() - begun
        try:
            if attempt.request.public_only and self.proxy is None:
                check_peer(sock, origin.host)
            if self.proxy is not None and origin.scheme == "https":
                open_tunnel(stream, self.proxy, attempt)
            elif self.proxy is not None:
                stream.proxied = True
            if origin.scheme == "https":
                stream = self._secured(stream, attempt, limits.connect - attempt.connect)
        except BaseException:
            stream.close()
            raise
        return stream

    def abort(self) -> None:
        """End every wait of every thread that uses a connection made here, at once."""
        self._aborted = True
        self._addresses.abandon()
        for sock in tuple(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close what is still open, once it was aborted; before that it belongs to exchanges."""
        if self._aborted:
            for sock in tuple(self._sockets):
                sock.close()

    def _resolved(self, attempt: Attempt) -> tuple[Address, ...]:
        origin, limits, proxy = attempt.origin, attempt.limits, self.proxy
        public_only = attempt.request.public_only
        if proxy is not None:
            # The user named the proxy, so its address is allowed.
            if public_only:
                check_name(origin.host)
            host, port, public_only = proxy.host, proxy.port, False
        else:
            host, port = origin.host, origin.port
        wait = attempt.left(limits.dns)
        try:
            return self._addresses.get(host, port, public_only=public_only, timeout=wait)
        except FetchTimeout as error:
            raise attempt.timed_out(str(error), "dns.timeout") from error

    def _connected(
        self, addresses: tuple[Address, ...], attempt: Attempt
    ) -> tuple[socket.socket, Address]:
        """The first of the addresses that takes a connection. Each has `Limits.connect`."""
        if len(addresses) > 1:
            return self._raced(addresses, attempt)
        (address,) = addresses
        limit = attempt.left(attempt.limits.connect)
        sock = self._made(address)
        try:
            sock.settimeout(limit)
            sock.connect(address[1:])
        except TimeoutError as error:
            sock.close()
            raise too_late(address, limit, attempt) from error
        except OSError as error:
            sock.close()
            raise connect_error(error, address) from error
        except BaseException:
            sock.close()
            raise
        return sock, address

    def _raced(
        self, addresses: tuple[Address, ...], attempt: Attempt
    ) -> tuple[socket.socket, Address]:
        limits = attempt.limits
        waiting = list(reversed(addresses))
        racing: list[Racer] = []
        start_next = 0.0
        failed: FetchError | None = None
        try:
            while waiting or racing:
                if waiting and (not racing or time.monotonic() >= start_next):
                    start_next = time.monotonic() + limits.stagger
                    address = waiting.pop()
                    racer = Racer(self._made(address), address, attempt)
                    racing.append(racer)
                    # Alone, it may block for its head start; beside others it is only asked.
                    racer.begin(attempt.left(limits.stagger) if len(racing) == 1 else 0.0)
                for racer in tuple(racing):
                    if racer.is_connected():
                        racing.remove(racer)
                        return racer.sock, racer.address
                    if racer.error is not None:
                        racing.remove(racer)
                        racer.sock.close()
                        failed = racer.error
                if racing:
                    self._calls.sleep(LOOK)
        finally:
            for racer in racing:
                racer.sock.close()
        assert failed is not None
        raise failed

    def _made(self, address: Address) -> socket.socket:
        try:
            sock: socket.socket = self._calls.socket.socket(address.family, socket.SOCK_STREAM)
        except OSError as error:
            raise connect_error(error, address) from error
        self._sockets.add(sock)
        if self._aborted:
            sock.close()
            raise ConnectError("the engine is being closed", code="connect.reset")
        # One small write per request: Nagle's algorithm could only delay it (RFC 9293 3.7.4).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def _secured(self, plain: Stream, attempt: Attempt, limit: float) -> TLSStream:
        begun = time.monotonic()
        if self._context is None:
            with self._making:
                if self._context is None:
                    self._context = tls.context(self._network)
        host, port = attempt.origin.host, attempt.origin.port
        stream = TLSStream(plain, tls.Pipe(self._context, host, port, self._sessions))
        stream.handshake(host, limit)
        attempt.tls = time.monotonic() - begun
        return stream


class Racer:
    """A connect under way; `error` is set once it has failed."""

    def __init__(self, sock: socket.socket, address: Address, attempt: Attempt) -> None:
        self.sock = sock
        self.address = address
        self.error: FetchError | None = None
        self._attempt = attempt
        self._end = time.monotonic() + attempt.limits.connect

    def begin(self, seconds: float) -> None:
        """Begin to connect, and wait for it that long."""
        self.sock.settimeout(seconds)
        try:
            self.sock.connect(self.address[1:])
        except (TimeoutError, BlockingIOError):
            pass
        except OSError as error:
            self.error = connect_error(error, self.address)

    def is_connected(self) -> bool:
        """Whether it has succeeded by now."""
        if self.error is not None:
            return False
        number = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self.error = connect_error(OSError(number, os.strerror(number)), self.address)
            return False
        try:
            self.sock.getpeername()
        except OSError:
            if time.monotonic() >= self._end or self._attempt.is_over():
                self.error = too_late(self.address, self._attempt.limits.connect, self._attempt)
            return False
        return True


def _shown(address: Address) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"


def connect_error(error: OSError, address: Address) -> FetchError:
    """What the failure of a connect means."""
    # asyncio has words of its own where strerror(3) stands elsewhere.
    said = os.strerror(error.errno) if error.errno else str(error)
    code = _OURS.get(error.errno or 0)
    if error.errno == errno.EADDRNOTAVAIL and address.family == socket.AF_INET6:
        code = "connect.unreachable"  # a machine without IPv6 has no address to connect from
    elif code is not None:
        return LocalError(f"no socket for {_shown(address)}: {said}", code=code)
    elif error.errno == errno.ECONNREFUSED:
        code = "connect.refused"
    elif error.errno == errno.ETIMEDOUT:
        code = "connect.timeout"
    else:
        code = "connect.reset" if error.errno in _RESET else "connect.unreachable"
    return ConnectError(f"cannot connect to {_shown(address)}: {said}", code=code)


def too_late(address: Address, limit: float, attempt: Attempt) -> FetchTimeout:
    """The error for an address that has taken no connection in time."""
    message = f"{_shown(address)} took no connection in {limit:.3g} s"
    return attempt.timed_out(message, "connect.timeout")


def check_peer(sock: socket.socket, host: str) -> None:
    """Raise AddressBlocked when the peer that answered is private, whatever DNS had said."""
    peer = str(sock.getpeername()[0])
    if not is_public(peer):
        raise AddressBlocked(
            f"{host} was reached at the private address {peer}", code="policy.address_blocked"
        )
