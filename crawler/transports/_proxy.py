"""HTTP proxies: what the user typed, and CONNECT.

For http the proxy gets the absolute URL in the request line (RFC 9112 3.2.2); for https it is asked
for a tunnel, and TLS goes through to the host itself (RFC 9110 9.3.6). Credentials go to the proxy
that they were typed for, and never further.
"""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

import can_ada

from crawler import urls
from crawler.errors import FetchTimeout, ProtocolError, ProxyError
from crawler.wire.encode import USER_AGENT
from crawler.wire.parse import ResponseParser

if TYPE_CHECKING:
    from crawler.errors import FetchError
    from crawler.model import Limits, Request
    from crawler.transports._attempt import Attempt
    from crawler.transports._stream import Stream
    from crawler.urls import Origin

MOST_HEAD = 16 * 1024  # bytes of an answer to CONNECT, interim ones included: curl's limit, too
_SHORTEST = 0.001  # seconds of a wait: 0.0 would mean none


class Proxy(NamedTuple):
    """Where a proxy is, and what it wants to see."""

    host: str
    port: int
    authorization: str  # the value of Proxy-Authorization, "" where there is none

    @classmethod
    def parse(cls, text: str) -> Proxy:
        """From ``http://[user:password@]host:port``. Raises ValueError when it is none."""
        try:
            parsed = can_ada.parse(text if "://" in text else f"http://{text}")
        except (ValueError, TypeError) as error:  # of a lone surrogate
            shown = urls.without_user(text, is_url=False)
            raise ValueError(f"not the URL of a proxy: {shown!r}") from error
        if parsed.protocol != "http:" or not parsed.hostname:
            shown = urls.without_user(text, is_url=False)
            raise ValueError(f"a proxy is http://host:port, not {shown!r}")
        authorization = ""
        if parsed.has_credentials():
            pair = unquote_to_bytes(parsed.username) + b":" + unquote_to_bytes(parsed.password)
            authorization = "Basic " + base64.b64encode(pair).decode("ascii")
        return cls(parsed.hostname.strip("[]"), int(parsed.port or 80), authorization)

    def signed(self, request: Request) -> Request:
        """A request as the proxy wants it: with its credentials, if it has any."""
        if not self.authorization:
            return request
        field = ("Proxy-Authorization", self.authorization)
        return replace(request, headers=(*request.headers, field))

    def refused(self, error: FetchError) -> ProxyError:
        """What a failed connection to the proxy means."""
        return ProxyError(f"by the proxy {self.host}:{self.port}: {error}", code="proxy.refused")


class Tunnel:
    """CONNECT to a proxy, without I/O: send `request`, feed what comes."""

    def __init__(self, proxy: Proxy, origin: Origin, limits: Limits) -> None:
        self._proxy = proxy
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        self._target = f"{host}:{origin.port}"
        # An answer to CONNECT has no body that anyone wants, as one to HEAD.
        self._parser = ResponseParser("HEAD", limits)
        self._size = 0
        lines = [f"CONNECT {self._target} HTTP/1.1", f"Host: {self._target}"]
        lines.append(f"User-Agent: {USER_AGENT}")
        if proxy.authorization:
            lines.append(f"Proxy-Authorization: {proxy.authorization}")
        self.request = ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")

    def feed(self, data: bytes) -> bool:
        """True once the tunnel is there.

        Nothing behind the head is anybody's: until we have said something, a host says nothing.

        Raises:
            FetchError: ``proxy.*`` or ``proto.*``.
        """
        if not data:
            raise self.broken("closed")
        done = self._parser.feed(data)
        self._size += len(data)
        if self._size - self._parser.excess > MOST_HEAD:
            message = (
                f"proxy {self._proxy.host} answered CONNECT {self._target} with more than"
                f" {MOST_HEAD} bytes of head"
            )
            raise ProtocolError(message, code="proto.headers_too_large")
        if done:
            self._judge()
        return done

    def broken(self, what: str) -> ProxyError:
        """The error for a proxy that ended the connection."""
        message = f"proxy {self._proxy.host} {what} after CONNECT {self._target}"
        return ProxyError(message, code="proxy.bad_gateway")

    def late(self) -> FetchTimeout:
        """The error for a proxy that does not answer."""
        message = f"proxy {self._proxy.host} did not answer CONNECT {self._target}"
        return FetchTimeout(message, code="timeout.connect")

    def _judge(self) -> None:
        status, host = self._parser.status, self._proxy.host
        if status == 407:
            raise ProxyError(f"proxy {host} asks for credentials", code="proxy.auth")
        if not 200 <= status < 300:
            raise self.broken(f"answered {status}")
        headers = self._parser.headers
        announced = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if self._parser.excess or announced:
            # A tunnel has no body (RFC 9110 9.3.6): what comes would be taken for the host's bytes.
            message = f"proxy {host} answered CONNECT {self._target} with a body"
            raise ProtocolError(message, code="proto.desync")


def open_tunnel(stream: Stream, proxy: Proxy, attempt: Attempt) -> None:
    """Have the proxy connect `stream` to the attempt's origin, in what is left of `connect`.

    Raises:
        FetchError: ``proxy.*``, ``timeout.connect``, ``proto.*``.
    """
    tunnel = Tunnel(proxy, attempt.origin, attempt.limits)
    end = time.monotonic() + attempt.limits.connect - attempt.connect
    try:
        stream.sendall(tunnel.request)
        attempt.wrote = b""  # that was said to the proxy alone
        done = False
        while not done:
            stream.settimeout(max(_SHORTEST, end - time.monotonic()))
            done = tunnel.feed(stream.recv())
    except TimeoutError as error:
        raise attempt.timed_out(str(tunnel.late()), "timeout.connect") from error
    except OSError as error:
        raise tunnel.broken("closed") from error
