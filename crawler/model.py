"""The values that travel: requests in, outcomes out, and the limits between them.

Everything here is frozen and holds no resources, so it can be kept, compared, pickled and sent to
another process. Durations are float seconds, sizes int bytes, instants aware UTC datetimes.
Read beside it: contracts.py (who hands these to whom), errors.py.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from crawler.headers import Headers as Headers  # noqa: PLC0414 - a value like the others here
from crawler.safety import safe_text

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from bs4 import BeautifulSoup

    from crawler.errors import FetchError
    from crawler.findings import Findings

_MOST_SPARE = 512  # idle connections beyond the concurrency


class Purpose(enum.Enum):
    """Why a request is made."""

    PAGE = "page"
    ROBOTS = "robots"
    SITEMAP = "sitemap"


@dataclass(frozen=True, slots=True)
class Request:
    """One request to make. `url` is absolute and canonical: build it with `urls.canonical`."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()  # they replace wire.encode's defaults by name
    depth: int = 0  # links followed from a seed; redirects do not count
    parent: str | None = None  # URL of the page the link was found on
    via: tuple[str, ...] = ()  # URLs that redirected to this one, oldest first
    purpose: Purpose = Purpose.PAGE
    method: str = "GET"
    body: bytes = b""
    number: int = 0  # line or position in the input, from 1; 0 where there was none
    attempt: int = 1  # 1 is the first try
    since: float = 0.0  # monotonic instant the first request of the chain was taken from the input
    deadline: float = 0.0  # monotonic instant its redirects and retries end at; 0 before the first
    public_only: bool = False  # a hop from a public page: private addresses are refused at connect
    row: int = 0  # of its frontier; hops and retries keep it
    text: str = ""  # what the input said, without a password
    carried: str = ""  # a JSON object: what the input line said beside the URL

    @property
    def origin(self) -> str:
        """Scheme, host and port, as in ``https://example.org:8080``: the unit of politeness."""
        end = self.url.find("/", 8)
        return self.url if end < 0 else self.url[:end]


class Timing(NamedTuple):
    """Where the time of one exchange went: durations in seconds, 0 where there was none."""

    queue: float = 0.0  # from the input to the start of the exchange
    dns: float = 0.0
    connect: float = 0.0
    tls: float = 0.0
    first_byte: float = 0.0  # request sent to first byte of the response
    total: float = 0.0  # start of the exchange to its end, without the queue


NO_TIMING = Timing()


@dataclass(frozen=True, slots=True)
class Response:
    """What an exchange brought back, whatever the status."""

    request: Request
    status: int
    reason: str
    headers: Headers
    body: bytes = field(repr=False)  # content decoded
    raw: bytes = field(repr=False)  # the body as sent, before content decoding
    http_version: str  # "1.0" or "1.1"
    peer: str  # "address port" that answered; "" where unknown
    started: datetime
    elapsed: float  # seconds from the start of the exchange to the last body byte
    timing: Timing = NO_TIMING
    reused: bool = False  # the connection had served another request before
    truncated: str = ""  # "" whole; else "disconnect", "time", "length", "unspecified"
    warnings: tuple[str, ...] = ()  # odd but tolerated: "warn.cl_te", "warn.bad_header", ...
    # With Limits.capture: the request, byte for byte; and the response, its head and transfer
    # coding included.
    sent: bytes = field(default=b"", repr=False)
    wire: bytes = field(default=b"", repr=False)
    # What another process found on it already; None: nobody looked.
    findings: Findings | None = field(default=None, compare=False, repr=False)

    @property
    def url(self) -> str:
        """The URL that answered, after redirects."""
        return self.request.url

    @property
    def ok(self) -> bool:
        """A whole response with a status from 200 to 399."""
        return 200 <= self.status < 400 and not self.truncated

    @property
    def text(self) -> str:
        """The body as text, by the HTML standard's encoding rules; never raises."""
        from crawler.charset import decode

        return decode(self.body, self.headers.get("content-type", ""))

    def __str__(self) -> str:
        """One line for people: ``https://example.org/a: 404 Not Found, 154 bytes``."""
        short = f" ({self.truncated}: cut short)" if self.truncated else ""
        said = f"{self.status} {self.reason}".rstrip()
        return safe_text(f"{self.url}: {said}, {len(self.body):,} bytes{short}")

    def soup(self) -> BeautifulSoup:
        """The body as BeautifulSoup's tree, parsed by lxml: ``response.soup().select("h1")``."""
        from crawler.marks import soup

        return soup(self.text, with_lists=True)


@dataclass(frozen=True, slots=True)
class Failure:
    """An exchange that brought no usable response."""

    request: Request
    error: FetchError
    started: datetime
    elapsed: float  # seconds, of the last attempt
    attempts: int = 1
    timing: Timing = NO_TIMING

    @property
    def url(self) -> str:
        """The URL that failed, after redirects."""
        return self.request.url

    @property
    def ok(self) -> Literal[False]:
        """Always False: lets a loop over outcomes ask one question."""
        return False

    @property
    def code(self) -> str:
        """The error's stable word."""
        return self.error.code

    def __str__(self) -> str:
        """One line for people: ``https://example.org/a: timeout.idle: nothing came for 15 s``."""
        return safe_text(f"{self.url}: {self.code}: {self.error}")


@dataclass(frozen=True, slots=True)
class Skip:
    """A request that was never made, because policy refused it: robots, scope, a limit."""

    request: Request
    code: str  # the stable word: ``robots.disallowed``, ``policy.trap``, ...
    reason: str = ""  # for people: the line of robots.txt, the rule

    def __str__(self) -> str:
        """One line for people: ``https://example.org/a: robots.disallowed: Disallow: /a``."""
        return safe_text(f"{self.url}: {self.code}{': ' * bool(self.reason)}{self.reason}")

    @property
    def url(self) -> str:
        """The URL that was not fetched."""
        return self.request.url

    @property
    def ok(self) -> Literal[False]:
        """Always False: lets a loop over outcomes ask one question."""
        return False


Outcome: TypeAlias = Response | Failure  # of an exchange
Final: TypeAlias = Response | Failure | Skip  # of a request


@dataclass(frozen=True, slots=True)
class Pause:
    """There is work, but not for so many seconds."""

    seconds: float


class _Shown:
    """A dataclass whose repr names what differs from the defaults: ``Limits(timeout=10)``."""

    __slots__ = ()

    def __repr__(self) -> str:
        told: Any = self
        differing = [
            f"{each.name}={value!r}"
            for each in fields(told)
            if (value := getattr(self, each.name)) != each.default
        ]
        return f"{type(self).__name__}({', '.join(differing)})"


@dataclass(frozen=True, slots=True, repr=False)
class Limits(_Shown):
    """What one exchange may cost. Beyond a limit the exchange fails with the code of that limit."""

    timeout: float = 60.0  # seconds, one attempt from start to last byte
    connect: float = 10.0  # seconds for one address, TLS handshake included
    stagger: float = 0.25  # seconds before the next address is tried beside it (RFC 8305)
    addresses: int = 8  # tried at most
    first_byte: float = 30.0  # seconds from the request sent to the first byte
    idle: float = 15.0  # seconds between two reads
    dns: float = 5.0  # seconds for one name
    total: float = 300.0  # seconds for one URL: redirects, retries and waits together
    min_rate: int = 256  # bytes per second of body, over rate_window
    rate_window: float = 20.0  # seconds
    max_bytes: int = 10 * 1024 * 1024  # of body, on the wire and again after decoding
    status_line: int = 8 * 1024
    header_line: int = 64 * 1024
    head: int = 256 * 1024
    header_fields: int = 500
    interim: int = 16  # 1xx responses before the final one
    chunk_line: int = 4 * 1024
    trailers: int = 64 * 1024
    encodings: int = 5  # content codings stacked on one body
    zstd_window: int = 8 * 1024 * 1024
    redirect_bytes: int = 64 * 1024  # of a redirect's own body; the rest is not read
    redirect_time: float = 1.0  # seconds spent on a redirect's own body
    retries: int = 2  # further attempts where an error's retry is "backoff"; 0 = none at all
    keep_idle: float = 30.0  # seconds a connection may lie unused and still be used again
    keep_life: float = 300.0  # seconds from connect to last use
    keep_requests: int = 1000  # on one connection
    bodies: int = 256 * 1024 * 1024  # bytes of bodies under way, all exchanges together
    capture: bool = False  # keep the bytes of both messages beside what is made of them


def most_idle(concurrency: int) -> int:
    """Connections that may lie idle: more hosts than fit take turns, and none shall cost another's.

    Were it `concurrency`, 50 exchanges over 20 hosts would connect anew for every tenth page.
    """
    return concurrency + min(3 * concurrency, _MOST_SPARE)


@dataclass(frozen=True, slots=True, repr=False)
class Network(_Shown):
    """How connections are made."""

    proxy: str = ""  # "http://[user:password@]host:port"; https is tunnelled with CONNECT
    verify: bool = True  # certificates are checked
    ca_file: Path | None = None  # trusted certificates in PEM; None = certifi's
    resolve: tuple[tuple[str, int, str], ...] = ()  # (host, port, address) instead of asking DNS
    family: int = 0  # 4 or 6: only addresses of that family; 0 = both
