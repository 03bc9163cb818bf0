"""HTTP proxies: what the user typed, and CONNECT.

For http the proxy gets the absolute URL in the request line (RFC 9112 3.2.2); for https it is asked
for a tunnel, and TLS goes through to the host itself (RFC 9110 9.3.6). Credentials go to the proxy
that they were typed for, and never further.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

import can_ada

from crawler import urls
from crawler.errors import ConnectionLost, FetchError, ProtocolError, ProxyError
from crawler.wire.encode import USER_AGENT
from crawler.wire.parse import ResponseParser

if TYPE_CHECKING:
    from crawler.model import Request
    from crawler.transports._attempt import Attempt
    from crawler.transports._stream import Stream


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
        return ProxyError(f"proxy {self.host} {self.port}: {error}", code="proxy.refused")


def open_tunnel(stream: Stream, proxy: Proxy, attempt: Attempt) -> None:
    """Have the proxy connect `stream` to the attempt's origin.

    Raises:
        FetchError: ``proxy.*``, ``timeout.connect``, ``proto.*``.
    """
    host, port = attempt.origin.host, attempt.origin.port
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", f"User-Agent: {USER_AGENT}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    stream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
    attempt.wrote = b""  # that was said to the proxy alone
    parser = ResponseParser("HEAD", attempt.limits)  # an answer to CONNECT has no body either
    stream.settimeout(attempt.limits.connect)
    try:
        surplus = _read(stream, parser)
    except TimeoutError as error:
        message = f"proxy {proxy.host} {proxy.port} did not answer CONNECT {target}"
        raise attempt.timed_out(message, "timeout.connect") from error
    except (OSError, ConnectionLost) as error:
        message = f"proxy {proxy.host} {proxy.port} closed after CONNECT {target}"
        raise ProxyError(message, code="proxy.bad_gateway") from error
    if parser.status == 407:
        raise ProxyError(f"proxy {proxy.host} asks for credentials", code="proxy.auth")
    if not 200 <= parser.status < 300:
        message = f"proxy {proxy.host} answered {parser.status} to CONNECT {target}"
        raise ProxyError(message, code="proxy.bad_gateway")
    announced = parser.headers.get("content-length", "0") != "0"
    if surplus or announced or "transfer-encoding" in parser.headers:
        # A tunnel has no body (RFC 9110 9.3.6): what comes would be taken for the host's bytes.
        message = f"proxy {proxy.host} answered CONNECT {target} with a body"
        raise ProtocolError(message, code="proto.desync")


def _read(stream: Stream, parser: ResponseParser) -> int:
    """Feed the parser to the end of the head; the number of bytes that came after it."""
    while True:
        data = stream.recv()
        if not data:
            parser.end()
            return 0
        for position in range(len(data)):
            # Byte by byte: what lies behind the head must not be taken for a part of it.
            if parser.feed(data[position : position + 1]):
                return len(data) - position - 1
