"""What a row of the catalogue is made of: how the server plays it, what must come of it.

A connection is played step by step; when its steps are used up, it goes on as a good server that
answers each request by `Row.routes`. The first connection to a row plays `play[0]`, the second
`play[1]`; those beyond the end are good from the start: "reset twice, then serve" is two scripts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PAGE = b"<!doctype html><title>page</title><p>".ljust(240, b"x") + b"</p>\n"
assert len(PAGE) == 245  # the size that the catalogue's measurements used

AGAIN = b"again"  # what a good server answers to /again


@dataclass(frozen=True)
class Read:
    """Read one request; with `head` only its head."""

    head: bool = False


@dataclass(frozen=True)
class Hear:
    """Wait for bytes of any kind: a ClientHello."""


@dataclass(frozen=True)
class Send:
    """Send bytes; ``{base}`` and ``{other}`` become the URLs of this row's two servers."""

    data: bytes


@dataclass(frozen=True)
class Raw:
    """Send bytes below TLS, straight into the connection."""

    data: bytes


@dataclass(frozen=True)
class Sleep:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Drip:
    """Send byte by byte, each in its own segment, so many seconds apart."""

    data: bytes
    every: float


@dataclass(frozen=True)
class Flood:
    """Send the same bytes again and again until the peer leaves, `every` seconds apart."""

    data: bytes
    every: float = 0.0


@dataclass(frozen=True)
class Close:
    """Send FIN and close; under TLS only with `notify` after a close_notify."""

    notify: bool = False


@dataclass(frozen=True)
class Reset:
    """Close with RST."""


@dataclass(frozen=True)
class HalfClose:
    """Send FIN, keep reading."""


@dataclass(frozen=True)
class Hold:
    """Stay silent until the peer leaves."""


@dataclass(frozen=True)
class Handshake:
    """TLS, as a server, with the row's certificate."""


Step = (
    Read | Hear | Send | Raw | Sleep | Drip | Flood | Close | Reset | HalfClose | Hold | Handshake
)
Script = tuple[Step, ...]


@dataclass(frozen=True)
class Ask:
    """One request of a row. A `rest` is no request: it lets 60 ms pass."""

    target: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    rest: bool = False
    public_only: bool = False
    url: str = ""  # instead of the row's own server


REST = Ask(rest=True)


@dataclass(frozen=True)
class Row:
    """One behaviour of the catalogue and its outcome."""

    id: str
    play: tuple[Script, ...] = ()
    routes: Mapping[str, Script] = field(default_factory=dict)
    asks: tuple[Ask, ...] = (Ask(),)  # one after the other; the last one's outcome counts

    # The outcome. A Response has code "", a Failure one of the codes joined by "|".
    code: str = ""
    status: int = 200
    body: bytes = PAGE  # of the Response; of a Failure: what is kept, or begins what is kept
    kept: str = ""  # `truncated` of the Failure's partial; "raw" = undecoded; "full" = whole
    warnings: tuple[str, ...] = ()  # these at least; "warn" is any
    retry: str = "no"  # of the error; a POST is not sent again whatever the error allows: `seen`
    connection: str = ""  # "reuse" or "close": what the next request finds; "" is not looked at
    seen: int = 0  # requests the server must have read for the last ask; 0 is not looked at
    heads: tuple[bytes, ...] = ()  # how the requests seen began, in order
    fresh: tuple[str, ...] = ()  # targets that must come on another connection than the one before
    secret: bytes = b""  # must not reach the other server
    never: bytes = b""  # must not reach any server

    # How the server is reached.
    listen: str = "yes"  # "closed": the port refuses; "full": its backlog is full
    tls: str = ""  # name of the certificate; "raw": https in the URL, bytes by the script
    host: str = "127.0.0.1"
    addresses: tuple[str, ...] = ("127.0.0.1",)  # of a host that is a name
    blackholes: tuple[str, ...] = ()  # of these, the ones that never answer a SYN
    insecure_before: bool = False  # the same was asked for without looking at certificates
    proxied: bool = False  # the row's server is a proxy, the URLs are http(s)://host.test/
    retries: int = 0
    limits: Mapping[str, float] = field(default_factory=dict)  # other than the battery's


def head(*lines: str, status: str = "200 OK", version: str = "1.1") -> bytes:
    """A response head; the lines are latin-1."""
    return "\r\n".join((f"HTTP/{version} {status}", *lines, "", "")).encode("latin-1")


def whole(body: bytes = PAGE, *lines: str, status: str = "200 OK", version: str = "1.1") -> bytes:
    """A response with a Content-Length."""
    return head(*lines, f"Content-Length: {len(body)}", status=status, version=version) + body


def chunked(*chunks: bytes) -> bytes:
    """A response of these chunks, with the last one."""
    return head("Transfer-Encoding: chunked") + chunks_of(*chunks)


def chunks_of(*chunks: bytes) -> bytes:
    """A chunked body, with the last chunk."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def says(data: bytes, *then: Step) -> tuple[Script, ...]:
    """The common case: read the request, send this, then do that."""
    return ((Read(), Send(data), *then),)


def redirect(location: str, *lines: str, status: str = "302 Found") -> Script:
    """The answer of a route: a redirect without a body."""
    return (Send(whole(b"", f"Location: {location}", *lines, status=status)),)
