"""What the exchanges of one engine have in common, whatever text they are written in.

Connections that are kept, bodies that are counted, the proxy, TLS sessions to resume; nothing here
waits. Read beside it: _yielded.py and _awaited.py, the texts.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from crawler.errors import FetchError
from crawler.model import most_idle
from crawler.transports import tls
from crawler.transports._bodies import Bodies
from crawler.transports._dial import connect_error
from crawler.transports._proxy import Proxy
from crawler.transports.resolve import check_name
from crawler.transports.via_socket import Kept
from crawler.wire.encode import encode

if TYPE_CHECKING:
    from ssl import SSLContext
    from typing import Protocol

    from crawler.model import Network, Request
    from crawler.transports._attempt import Attempt
    from crawler.transports.resolve import Address

    class Peek(Protocol):
        """`AddressCache.peek`."""

        def __call__(
            self, host: str, port: int, *, public_only: bool = False
        ) -> tuple[Address, ...] | FetchError | None:
            """What is known of the name without asking."""
            ...


class Ground:
    """What the exchanges of one engine share.

    Attributes:
        kept: idle connections.
        bodies: counts what is under way; who has to wait is told by `has_room`.
        proxy: what everything goes through, or None.
    """

    def __init__(self, network: Network, *, concurrency: int) -> None:
        self.kept = Kept(most_idle(concurrency))
        self.bodies = Bodies(time.sleep)
        self.proxy = Proxy.parse(network.proxy) if network.proxy else None
        self._network = network
        self._sessions = tls.Sessions()
        self._context: SSLContext | None = None

    def encoded(self, request: Request) -> bytes:
        """The request as it goes to the host, or to the proxy."""
        if self.proxy is None or request.url.startswith("https:"):
            return encode(request)
        return encode(self.proxy.signed(request), proxy_form=True)

    def wanted(self, attempt: Attempt) -> tuple[str, int, bool]:
        """The name and port to connect to, and whether its addresses have to be public.

        Raises:
            AddressBlocked: the proxy is to be asked for a host that says that it is private.
        """
        origin, public_only = attempt.origin, attempt.request.public_only
        if self.proxy is None:
            return origin.host, origin.port, public_only
        if public_only:
            check_name(origin.host)
        return self.proxy.host, self.proxy.port, False

    def pipe(self, attempt: Attempt) -> tls.Pipe:
        """TLS to the attempt's host. Raises FetchError, and OSError for want of descriptors."""
        if self._context is None:
            self._context = tls.context(self._network)
        return tls.Pipe(self._context, attempt.origin.host, attempt.origin.port, self._sessions)


def made(address: Address) -> socket.socket:
    """A non-blocking socket for the address. Raises FetchError."""
    try:
        sock = socket.socket(address.family, socket.SOCK_STREAM)
    except OSError as error:
        raise connect_error(error, address) from error
    sock.setblocking(False)
    # One small write per request: Nagle's algorithm could only delay it (RFC 9293 3.7.4).
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
