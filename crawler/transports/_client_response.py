"""What http.client is given of ours: how a connection is dialled, and how a response is read.

http.client lets both be replaced: `connect` makes the socket, `response_class` reads from it. With
these, requests and urllib keep their pools, openers and request bytes, and what is hard to get
right is the same in every transport.

Facts. http.client's own reader takes a 103 for the final answer (CPython #42550, urllib3 #3336), a
head cut short for an empty page, an unknown transfer coding for a page; none of the three libraries
has a deadline for the whole exchange. Read beside it: via_requests.py, via_urllib.py, _stream.py.
"""

from __future__ import annotations

import io
from http.client import HTTPMessage
from typing import TYPE_CHECKING, Any

from crawler import urls
from crawler.transports._stream import receive

if TYPE_CHECKING:
    from crawler.model import Response
    from crawler.transports._attempt import Attempt
    from crawler.transports._dial import Dialer
    from crawler.transports._stream import Stream


class ClientResponse(io.BytesIO):
    """Read by our parser, in the shape of http.client.HTTPResponse as far as the libraries look.

    It holds no body and no header fields: those are in `response`, and what the libraries would do
    with them (cookies, lengths, content decoding) is done elsewhere.
    """

    response: Response

    def __init__(self, sock: Stream, debuglevel: int = 0, method: str | None = None) -> None:
        super().__init__()
        self._stream = sock
        self.msg = self.headers = HTTPMessage()
        self.status = self.code = 0
        self.reason = ""
        self.version = 11
        self.will_close = True

    def begin(self) -> None:
        """Read the whole response."""
        stream = self._stream
        self.response, parser = receive(stream)
        self.status = self.code = parser.status
        self.reason = parser.reason
        self.version = 11 if parser.http_version == "1.1" else 10
        self.will_close = not stream.keep(parser)

    def isclosed(self) -> bool:
        """Whether the connection is free for the next request: always, the body has been read."""
        return True


class Dialling:
    """What our connections do otherwise than the library's: mixed in before its class.

    Attributes:
        dialer: makes the streams.
        attempt: the exchange the connection is used for now.
    """

    response_class: Any = ClientResponse
    dialer: Dialer
    attempt: Attempt
    sock: Any  # Stream | None; the libraries declare a socket

    def connect(self) -> None:
        """Dial as every transport does: the library's own host, timeout and TLS are not asked."""
        self.sock = self.dialer.dial(self.attempt)

    def close(self) -> None:
        """Close the stream, if there is one, then whatever the library closes."""
        stream = self.sock
        if stream is not None:
            stream.close()
            self.sock = None
        super().close()  # type: ignore[misc]  # the library's class comes after this one

    def putrequest(
        self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False
    ) -> None:
        """Begin the request with our target: the libraries respell it (``|`` as ``%7C``)."""
        attempt = self.attempt
        target = urls.target(attempt.request.url)
        if self.dialer.proxy is not None and attempt.origin.scheme == "http":
            target = attempt.request.url
        begin = super().putrequest  # type: ignore[misc]  # the library's
        begin(method, target, skip_host=skip_host, skip_accept_encoding=True)
