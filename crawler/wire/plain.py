"""The page that most are, read the short way: 200, whole in one piece, nothing unusual about it.

    HTTP/1.1 200 OK
    Content-Length: 1024            as many bytes as follow
    Connection: keep-alive          or no such field; no other that decides about the body
    ...

What this accepts the parser accepts with the same result; it only takes fewer steps, because one
look decides. Everything else is the parser's. Read beside it: parse.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.drafts import response
from crawler.model import Headers
from crawler.wire.framing import DECIDING

if TYPE_CHECKING:
    import re
    from datetime import datetime
    from typing import TypeAlias

    from crawler.model import Limits, Request, Response, Timing

    Page: TypeAlias = tuple[str, bytes, bytes, bytes]  # reason, block, block in lower case, body

_KEPT = (b"connection", b"keep-alive")  # says what is so anyway


def plain(found: re.Match[bytes], data: bytes, limits: Limits) -> Page | None:
    """The page that `data` is, an answer to GET; None for all that is no plain page.

    Args:
        found: the head that `data` begins with, by `head.match_clean`.
        data: the first bytes of the answer.
        limits: of the exchange.
    """
    minor, status, reason, block = found.groups()
    if status != b"200" or minor != b"1":
        return None
    low = block.lower()
    fields = DECIDING.findall(low)
    if _KEPT in fields:
        fields.remove(_KEPT)
    end = found.end()
    size = len(data) - end
    if fields != [(b"content-length", b"%d" % size)] or not 0 < size <= limits.max_bytes:
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
    reason, block, low, body = page
    return response(
        request,
        200,
        reason,
        Headers.of_block(block, low),
        body,
        body,
        "1.1",
        peer,
        started,
        elapsed,
        timing,
        reused,
        "",
        (),
        b"",
        b"",
    )
