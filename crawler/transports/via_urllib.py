"""One exchange by urllib.request: an opener that has only what opens http and https.

Left out are the handlers for file:, ftp: and data:, for proxies of the environment, redirects,
cookies and statuses. Replaced is how a connection is dialled and a response read
(_client_response.py). What stays is `OpenerDirector.open` and the request bytes.

Facts. urllib.request sends ``Connection: close`` whatever it is told, so each exchange has its own
connection. It keeps header fields in a dictionary: of two with one name the last is sent.
"""

from __future__ import annotations

import urllib.request
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from urllib.error import URLError

from crawler.errors import ProtocolError
from crawler.transports._attempt import Attempt
from crawler.transports._client_response import Dialling
from crawler.transports._dial import Dialer
from crawler.wire.encode import header_fields

if TYPE_CHECKING:
    from typing import Any

    from crawler.model import Limits, Network, Request, Response
    from crawler.transports._client_response import ClientResponse


class UrllibTransport:
    """urllib.request, a connection for each exchange."""

    def __init__(self, network: Network) -> None:
        self._dialer = Dialer(network)
        self._opener = urllib.request.OpenerDirector()
        self._opener.addheaders = []
        self._opener.add_handler(_Handler(self._dialer))

    def exchange(self, request: Request, limits: Limits, /) -> Response:
        attempt = Attempt(request, limits)
        try:
            answer: ClientResponse = self._opener.open(self._prepared(attempt))
        except (URLError, HTTPException) as error:
            # Dialling and reading raise our own errors, so this is a request it would not send.
            raise ProtocolError(f"urllib refuses {request.url}: {error}") from error
        return answer.response

    def _prepared(self, attempt: Attempt) -> _Attempted:
        request, proxy = attempt.request, self._dialer.proxy
        if proxy is not None and request.url.startswith("http:"):
            request = proxy.signed(request)
        prepared = _Attempted(
            request.url,
            data=request.body or None,
            headers=dict(header_fields(request)),
            method=request.method,
        )
        prepared.attempt = attempt
        return prepared

    def abort(self) -> None:
        """End every wait of every worker at once."""
        self._dialer.abort()

    def close(self) -> None:
        self._opener.close()
        self._dialer.close()


class _Attempted(urllib.request.Request):
    """The library's request, with the attempt it is made for."""

    attempt: Attempt


class _Handler(urllib.request.AbstractHTTPHandler):
    """Opens http and https alike: what differs is the dialler's."""

    def __init__(self, dialer: Dialer) -> None:
        super().__init__()
        self._dialer = dialer

    def http_open(self, request: _Attempted) -> Any:
        """Called by the opener for http; the response."""
        return self.do_open(partial(_Connection, self._dialer, request.attempt), request)

    https_open = http_open


class _Connection(Dialling, HTTPConnection):
    def __init__(self, dialer: Dialer, attempt: Attempt, *args: Any, **options: Any) -> None:
        self.dialer = dialer
        self.attempt = attempt
        super().__init__(*args, **options)
