"""One exchange by the requests library: its adapter, its pool of connections, its request bytes.

Left out is what costs most and would be wrong here: the Session, with its look into the
environment, .netrc, cookies, hooks and redirects, and the preparing of each request from nothing.
Replaced is how a connection is dialled and a response read (_client_response.py). What stays is
`requests.adapters.HTTPAdapter.send` over `urllib3.PoolManager`.

Facts. urllib3 respells targets, so they are written by us. Its pool hands out whatever lies on top
and asks `is_connected`: the rules for kept connections hang there. Errors of ours pass through both
libraries, because neither catches what is no OSError and no error of its own.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from functools import lru_cache, partial
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest
from requests import Response as Answer
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from urllib3 import HTTPConnectionPool, HTTPHeaderDict, PoolManager
from urllib3._collections import RecentlyUsedContainer
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER

from crawler.errors import FetchError, ProtocolError
from crawler.model import Request
from crawler.transports._attempt import Attempt
from crawler.transports._client_response import Dialling
from crawler.transports._dial import Dialer
from crawler.wire.encode import header_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3.response import BaseHTTPResponse

    from crawler.model import Limits, Network, Response

LEAST_POOLS = 8  # origins that one worker keeps connections to: a redirect must not cost the last


class RequestsTransport:
    """requests over kept connections, which all workers of an engine share."""

    def __init__(self, network: Network, *, concurrency: int) -> None:
        self._dialer = Dialer(network)
        self._now = threading.local()  # the attempt each worker is at: the libraries hand on none
        self._adapter = _Adapter(self._dialer, self._now, concurrency)

    def exchange(self, request: Request, limits: Limits, /) -> Response:
        attempt = Attempt(request, limits)
        try:
            return self._try(attempt)
        except FetchError as error:
            if not error.stale:
                raise
        attempt.renew()
        return self._try(attempt)

    def _try(self, attempt: Attempt) -> Response:
        self._now.attempt = attempt
        try:
            answer = self._adapter.send(self._prepared(attempt.request), stream=True)
        except (RequestException, HTTPError, HTTPException) as error:
            # Dialling and reading raise our own errors, so this is a request they would not send.
            raise ProtocolError(f"requests refuses {attempt.request.url}: {error}") from error
        finally:
            del self._now.attempt
        answer.raw.release_conn()
        read: Any = answer.raw._original_response
        response: Response = read.response
        return response

    def _prepared(self, request: Request) -> PreparedRequest:
        proxy = self._dialer.proxy
        if proxy is not None and request.url.startswith("http:"):
            request = proxy.signed(request)
        prepared = PreparedRequest()
        prepared.method = request.method
        prepared.url = request.url
        prepared.body = request.body or None
        prepared.headers = _headers(request)  # type: ignore[assignment]  # any mapping will do
        return prepared

    def abort(self) -> None:
        """End every wait of every worker at once."""
        self._dialer.abort()

    def close(self) -> None:
        self._adapter.close()
        self._dialer.close()


class _Adapter(HTTPAdapter):
    """The library's adapter, with our connections in its pool."""

    def __init__(self, dialer: Dialer, now: threading.local, concurrency: int) -> None:
        self._dialer = dialer
        self._now = now
        pools = max(concurrency, LEAST_POOLS)
        super().__init__(pool_connections=pools, pool_maxsize=concurrency)

    def close(self) -> None:
        """Close the idle connections; what is under way goes on."""
        pools = self.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118  # it is no dictionary
            pool = pools.get(key)
            if pool is not None:
                _drain(pool)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: object
    ) -> None:
        """As the library's, but the pools are ours."""
        self.poolmanager = _Pools(self._dialer, self._now, connections, maxsize)

    def get_connection_with_tls_context(
        self, request: PreparedRequest, *args: object, **options: object
    ) -> HTTPConnectionPool:
        """The pool of the origin; TLS is the dialler's, so no part of the key."""
        scheme, host, port, _ = self._now.attempt.origin
        pool: HTTPConnectionPool = self.poolmanager.connection_from_host(host, port, scheme)
        return pool

    def cert_verify(self, *args: object, **options: object) -> None:
        """Certificates are the dialler's."""

    def request_url(self, request: PreparedRequest, proxies: object) -> str:
        """Whatever is given here, the connection writes our own target."""
        return "/"

    def build_response(self, request: PreparedRequest, answer: BaseHTTPResponse) -> Answer:
        """The answer itself: its headers and cookies are not read here."""
        made = Answer()
        made.raw = answer
        return made


class _Pools(PoolManager):
    """A pool of kept connections for each origin, at most `most` origins."""

    def __init__(self, dialer: Dialer, now: threading.local, most: int, maxsize: int) -> None:
        super().__init__(most, maxsize=maxsize)
        self.pools = RecentlyUsedContainer(most, dispose_func=_drain)
        self._made_by: dict[str, Any] = {
            "http": partial(_Connection, dialer, now),
            "https": partial(_TLSConnection, dialer, now),
        }

    def _new_pool(self, scheme: str, *args: Any, **options: Any) -> HTTPConnectionPool:
        pool = super()._new_pool(scheme, *args, **options)
        pool.ConnectionCls = self._made_by[scheme]
        return pool


def _drain(pool: HTTPConnectionPool) -> None:
    """Close the idle connections of a pool, which may still be in use."""
    idle = pool.pool
    kept = []
    with contextlib.suppress(queue.Empty):
        while idle is not None:
            kept.append(idle.get(block=False))
    for connection in kept:
        if connection is not None:
            connection.close()
        pool._put_conn(None)


class _Ours(Dialling):
    """When a kept connection may be used again, by our rules."""

    def __init__(self, dialer: Dialer, now: threading.local, *args: Any, **options: Any) -> None:
        self.dialer = dialer
        self._now = now
        super().__init__(*args, **options)

    @property
    def attempt(self) -> Attempt:  # type: ignore[override]  # nobody sets it
        """The attempt of the worker that has taken the connection."""
        attempt: Attempt = self._now.attempt
        return attempt

    @property
    def is_connected(self) -> bool:
        """Asked by the pool before it hands the connection out."""
        stream, attempt = self.sock, self.attempt
        if stream is None or not stream.may_serve(attempt):
            return False
        stream.begin(attempt)
        return True

    def connect(self) -> None:
        super().connect()
        self.is_verified = True  # as `Network.verify` says: the library would only warn


class _Connection(_Ours, HTTPConnection):
    pass


class _TLSConnection(_Ours, HTTPSConnection):
    pass


def _headers(request: Request) -> Mapping[str, str]:
    if request.method == "GET" and not request.body:
        return _plain(request.origin, request.headers)
    return _mapped(header_fields(request))


@lru_cache(maxsize=1024)
def _plain(origin: str, headers: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """The header fields of every bodiless request to that origin."""
    return _mapped(header_fields(Request(f"{origin}/", headers)))


def _mapped(fields: list[tuple[str, str]]) -> Mapping[str, str]:
    names = {name.lower() for name, _ in fields}
    if "user-agent" not in names:
        fields.append(("User-Agent", SKIP_HEADER))
    return dict(fields) if len(names) == len(fields) else HTTPHeaderDict(fields)
