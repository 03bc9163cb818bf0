"""Every error this package raises.

    CrawlerError
    ├── FetchError              an exchange without a usable response: .code .retry .partial
    │   ├── ResolveError        dns.*       the name gave no address
    │   ├── ConnectError        connect.*   no connection to any address
    │   ├── ConnectionLost      net.*       the peer ended the connection too early
    │   ├── TLSError            tls.*       no trustworthy channel
    │   ├── ProxyError          proxy.*     the proxy refused or failed
    │   ├── FetchTimeout        timeout.*   a limit of time; .phase says which
    │   ├── ProtocolError       proto.*     the bytes are not a sound HTTP/1.1 response
    │   ├── BodyTooLarge        body.too_large
    │   ├── DecodeError         body.*      the content coding is unknown or damaged
    │   ├── StatusError         http.*      a status that is no complete page
    │   ├── RedirectError       redirect.*  a Location that will not be followed
    │   │   └── TooManyRedirects            redirect.too_many, redirect.loop
    │   ├── AddressBlocked      policy.address_blocked
    │   └── LocalError          local.*     our own side ran out of something; nobody's page failed
    ├── SitemapError            a sitemap that is not read, or not to its end; .code says why
    ├── InvalidURL              text that is no http(s) URL
    ├── ConfigError             a setting is unknown or its value cannot be used
    ├── InputError              a list of URLs cannot be read
    ├── EngineUnavailable       this engine cannot run in this process or on this platform
    ├── FrontierError           the state of a crawl cannot be read or written
    └── SinkError               an output cannot be written

Codes are stable and the same in every engine: people filter and retry by them. Errors are built
from strings alone, so that they pickle and cross processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import ClassVar

    from crawler.model import Response

# What to do about a code. "backoff": twice more, waiting; "once": one more try; absent: never.
RETRY = {
    "connect.refused": "backoff",
    "connect.timeout": "backoff",
    "connect.reset": "backoff",
    "connect.unreachable": "backoff",
    "dns.servfail": "backoff",
    "dns.timeout": "backoff",
    "net.empty_reply": "backoff",
    "net.reset": "backoff",
    "net.incomplete_head": "backoff",
    "net.incomplete_body": "once",
    "timeout.connect": "backoff",
    "timeout.tls": "backoff",
    "timeout.first_byte": "backoff",
    "timeout.headers": "backoff",
    "timeout.idle": "backoff",
    "tls.reset": "backoff",
    "tls.eof": "backoff",
    "tls.truncated": "once",
    "tls.bad_record": "once",
    "proxy.refused": "backoff",
    "proxy.bad_gateway": "backoff",
    "body.decode_incomplete": "once",
    "local.worker_died": "once",
}


class CrawlerError(Exception):
    """The root: catch this to catch all that the package raises on purpose."""


class FetchError(CrawlerError):
    """An exchange failed. Raised by `fetch`, carried by `Failure`.

    Attributes:
        code: what happened, as a stable word: ``connect.refused``, ``proto.bad_chunk``, ...
        retry: ``"no"``, ``"once"`` (one more try) or ``"backoff"`` (two more, waiting before each).
        partial: what had arrived when it failed, as a Response with ``truncated`` set, or None.
        stale: the connection had been used before and not one byte came back, so the fault may
            be the connection's age: the same request may be sent again at once on a fresh one.
    """

    default: ClassVar[str] = "fetch"

    def __init__(self, message: str, *, code: str = "", retry: str = "") -> None:
        super().__init__(message)
        self.code = code or self.default
        self.retry = retry or RETRY.get(self.code, "no")
        self.partial: Response | None = None
        self.stale = False

    @property
    def retryable(self) -> bool:
        """Whether trying again may help."""
        return self.retry != "no"


class ResolveError(FetchError):
    """The host name gave no usable address."""

    default = "dns.nxdomain"


class ConnectError(FetchError):
    """No address of the host took the connection."""

    default = "connect.refused"


class ConnectionLost(FetchError):
    """The peer closed or reset the connection before the response was whole."""

    default = "net.reset"


class TLSError(FetchError):
    """No trustworthy channel: certificate, handshake or record layer."""

    default = "tls.alert"


class ProxyError(FetchError):
    """The proxy refused, asked for credentials or could not reach the host."""

    default = "proxy.refused"


class FetchTimeout(FetchError):
    """A limit of time was reached; `phase` says which."""

    default = "timeout.deadline"

    @property
    def phase(self) -> str:
        """``dns``, ``connect``, ``tls``, ``first_byte``, ``headers``, ``idle`` or ``deadline``."""
        family, _, rest = self.code.partition(".")
        return rest if family == "timeout" else family


class ProtocolError(FetchError):
    """The bytes are not a sound HTTP/1.1 response (RFC 9112)."""

    default = "proto.bad_header"


class BodyTooLarge(FetchError):
    """The body, on the wire or decoded, exceeds `Limits.max_bytes`."""

    default = "body.too_large"
    prefix = b""  # what had been decoded before


class DecodeError(FetchError):
    """The content coding is unknown, damaged, cut short or stacked too deep."""

    default = "body.decode"
    prefix = b""  # what had been decoded before


class StatusError(FetchError):
    """A status that cannot be a complete page: an unasked 206, a redirect without Location."""

    default = "http.partial"


class RedirectError(FetchError):
    """A Location that will not be followed."""

    default = "redirect.bad_location"


class TooManyRedirects(RedirectError):
    """More hops than allowed, or a hop seen before."""

    default = "redirect.too_many"


class AddressBlocked(FetchError):
    """A public page led to a private address."""

    default = "policy.address_blocked"


class LocalError(FetchError):
    """Our own side ran out of descriptors, memory, ports, or a worker died: no page's fault."""

    default = "local.too_many_files"


class SitemapError(CrawlerError):
    """A sitemap is not read, or not to its end."""

    def __init__(self, message: str, *, code: str = "parse.sitemap") -> None:
        super().__init__(message)
        self.code = code


class InvalidURL(CrawlerError, ValueError):
    """Text that is no http(s) URL."""


class ConfigError(CrawlerError):
    """A setting is unknown or its value cannot be used; the message says where it stands."""


class InputError(CrawlerError):
    """An input cannot be read; the message names it and the cause."""


class EngineUnavailable(CrawlerError):
    """The engine cannot run in this process or platform; the message says what would help."""


class FrontierError(CrawlerError):
    """The state of a crawl cannot be read or written."""


class SinkError(CrawlerError):
    """An output cannot be written; the message names it and the cause."""
