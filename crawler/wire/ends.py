"""How a response that is not whole ends: which error it is, and what is kept of the body.

The same silence or close means something else before the first byte, in the head, and in a body
framed by a length, by chunks or by the close: the code says where, `retry` whether another try can
help. Read beside it: parse.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.errors import ConnectionLost, FetchTimeout
from crawler.model import NO_TIMING

if TYPE_CHECKING:
    from datetime import datetime

    from crawler.errors import FetchError
    from crawler.model import Request, Timing
    from crawler.wire.parse import ResponseParser

_KEPT = {  # why the body is not whole; codes that are missing keep nothing
    "net.incomplete_body": "disconnect",
    "tls.truncated": "disconnect",
    "tls.bad_record": "disconnect",
    "proto.bad_chunk": "disconnect",
    "proto.trailers_too_large": "length",
    "proto.bad_transfer_coding": "unspecified",
    "body.too_large": "length",
}


def with_partial(
    error: FetchError,
    parser: ResponseParser,
    request: Request,
    *,
    started: datetime,
    elapsed: float,
    peer: str = "",
    timing: Timing = NO_TIMING,
    reused: bool = False,
) -> FetchError:
    """The error, with what had arrived as its `partial` where that can be of use."""
    code = error.code
    truncated = "time" if code.startswith("timeout.") else _KEPT.get(code, "")
    if not parser.head_done or not truncated or (code.startswith("proto.") and not parser.size):
        return error
    error.partial = parser.respond(
        request,
        started=started,
        elapsed=elapsed,
        peer=peer,
        timing=timing,
        reused=reused,
        truncated=truncated,
    )
    return error


def late(parser: ResponseParser, *, total: bool) -> FetchTimeout:
    """The error when nothing came in time, or (`total`) the exchange took too long."""
    where = f"after {parser.size} bytes of body" if parser.head_done else "in the head"
    if total:
        retry = "" if parser.head_done else "once"
        return FetchTimeout(f"the exchange took too long, {where}", retry=retry)
    if not parser.started:
        return FetchTimeout("no byte of a response in time", code="timeout.first_byte")
    if not parser.head_done:
        return FetchTimeout("the head stopped coming", code="timeout.headers")
    retry = "once" if parser.framing == "chunked" else ""
    return FetchTimeout(f"silence {where}", code="timeout.idle", retry=retry)


def broken(parser: ResponseParser, message: str, *, at_start: str) -> ConnectionLost:
    """The error when the connection ended; `at_start` is the code where no byte had come."""
    if not parser.started:
        return ConnectionLost(f"{message} before a reply", code=at_start)
    if not parser.head_done:
        return ConnectionLost(f"{message} in the head", code="net.incomplete_head")
    of = f" of {parser.length}" if parser.framing == "length" else ""
    message = f"{message} after {parser.size}{of} bytes of body"
    # More than is ever taken: another try would only get further into it.
    retry = "no" if parser.length > parser.limits.max_bytes else ""
    return ConnectionLost(message, code="net.incomplete_body", retry=retry)
