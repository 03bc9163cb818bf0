"""The page that most are, read the short way: 200, whole in one piece, nothing unusual about it.

    HTTP/1.1 200 OK
    Content-Length: 1024            as many bytes as follow
    Connection: keep-alive          or no such field; no other that decides about the body
    ...

What this accepts the parser accepts with the same result; it only takes fewer steps, because one
look decides. Everything else is the parser's. Read beside it: parse.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crawler.model import Headers, Response, ResponseDraft
from crawler.wire.framing import DECIDING
from crawler.wire.head import match_clean

if TYPE_CHECKING:
    from datetime import datetime
    from typing import TypeAlias

    from crawler.model import Limits, Request, Timing

    Page: TypeAlias = tuple[str, bytes, bytes, bytes]  # reason, block, block in lower case, body

_LENGTH = b"content-length"
_KEEPS = {b"connection": b"keep-alive"}
_DIGITS = 15  # in a Content-Length; a longer one is no plain page
_new_headers = Headers.__new__


def plain(data: bytes, limits: Limits) -> Page | None:
    """The page that `data`, the first bytes of an answer to GET, are; None for all others."""
    found = match_clean(data, limits)
    if found is None:
        return None
    minor, status, reason, block = found.groups()
    if status != b"200" or minor != b"1":
        return None
    low = block.lower()
    several = DECIDING.findall(low)
    fields = dict(several)
    length = fields.pop(_LENGTH, b"")
    if (fields and fields != _KEEPS) or len(several) != len(fields) + 1:
        return None
    end = found.end()
    size = len(data) - end
    if not 0 < size <= limits.max_bytes or not length.isdigit() or len(length) > _DIGITS:
        return None
    if int(length) != size:
        return None
    text = "OK" if reason == b"OK" else (reason or b"").decode("latin-1")
    return text, block, low, data[end:]


def page_response(
    request: Request,
    page: Page,
    peer: str,
    started: datetime,
    elapsed: float,
    timing: Timing,
    reused: bool,
) -> Response:
    """The page as a Response."""
    draft: Any = ResponseDraft()
    draft.reason, block, low, body = page
    headers = _new_headers(Headers)
    headers._fields = headers._first = None
    headers._block = block
    headers._low = low
    draft.request = request
    draft.status = 200
    draft.headers = headers
    draft.body = draft.raw = body
    draft.http_version = "1.1"
    draft.peer = peer
    draft.started = started
    draft.elapsed = elapsed
    draft.timing = timing
    draft.reused = reused
    draft.truncated = ""
    draft.warnings = ()
    draft.sent = draft.wire = b""
    draft.findings = None
    draft.__class__ = Response
    made: Response = draft
    return made
