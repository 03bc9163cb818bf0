"""The bytes of one response, in any pieces, as a Response.

    parser = ResponseParser("GET", limits)
    while not parser.feed(receive()): ...        # or parser.end() once the peer has closed
    response = parser.respond(request, started=..., elapsed=...)

              feed                  feed                      feed, end, cut
    nothing ───────► head under way ────► body under way ───────────────────► complete
                       ▲        │ 1xx
                       └────────┘

However the bytes are split, the result is the same. Nothing is allocated because a header says so,
and the work is linear in the bytes. All doubt ends with `reusable` False: the connection then
carries no other request, because its next bytes may belong to this one. Read beside it: ends.py,
what a response that is not whole comes to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.drafts import response
from crawler.errors import BodyTooLarge, ProtocolError, TLSError
from crawler.model import NO_TIMING, Headers
from crawler.wire import framing
from crawler.wire.chunked import ChunkedBody
from crawler.wire.ends import broken, late, with_partial
from crawler.wire.framing import NO_PROMISE
from crawler.wire.head import (
    Head,
    bad_status,
    check_size,
    clean_head,
    find_end,
    match_clean,
    read_head,
    read_status,
)
from crawler.wire.plain import plain

if TYPE_CHECKING:
    from datetime import datetime

    from crawler.errors import FetchError, FetchTimeout
    from crawler.model import Limits, Request, Response, Timing
    from crawler.wire.framing import Promise
    from crawler.wire.plain import Page

__all__ = ["ResponseParser", "with_partial"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BODILESS = frozenset({204, 304})
_START = b"HTTP/"
_SMALL = 4096  # bytes; shorter pieces are gathered, so that 1-byte chunks cost no object each
_GATHERED = 64 * 1024  # bytes gathered in one place


class ResponseParser:
    """Reads one response to a request of the given method.

    Attributes:
        complete: the message is whole; every further byte would belong to something else.
        started: a byte has come.
        head_done: status and headers of the final response are known.
        limits: what the response may cost.
        size: body bytes so far, undecoded.
        framing: what ends the body: ``"none"``, ``"length"``, ``"chunked"`` or ``"close"``.
        reusable: the connection may carry another request once this one is complete.
        is_redirect: at most `Limits.redirect_bytes` of the body are read.
        length: what Content-Length says, -1 where it says nothing.
        keep_alive: idle seconds and further requests the server promised; None where it did not.
        excess: bytes that came with the end of the message and do not belong to it.
        sent, wire: the bytes of both messages; only capture.py has any.
    """

    # Defaults live on the class: an instance costs only what its response makes different.
    complete = False
    started = False
    head_done = False
    status = 0
    reason = ""
    http_version = ""
    size = 0
    framing = "none"
    reusable = False
    is_redirect = False
    keep_alive: Promise = NO_PROMISE
    warnings: tuple[str, ...] = ()
    excess = 0
    sent = b""
    wire = b""
    _block = b"\n"
    _low = b"\n"
    _headers: Headers | None = None
    _held: bytearray | None = None  # a head whose end has not come
    _interim = 0  # 1xx responses so far
    _skipped = False  # the empty line that some servers send after a 1xx
    _lines = 0  # of the head under way
    _whole = b""  # the body, when it came in one piece
    _parts: list[bytes | bytearray] | None = None  # the body, when it did not
    length = -1
    _cap = 0
    _chunks: ChunkedBody | None = None
    _verdict: ProtocolError | None = None  # raised when the body is there
    _short = True  # plain pages may be taken the short way; nobody has looked yet

    def __init__(self, method: str, limits: Limits) -> None:
        self._method = method
        self.limits = limits

    def go_long(self) -> None:
        """What comes first is known to be no plain page."""
        self._short = False

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; True once the message is complete.

        Raises:
            FetchError: ProtocolError or BodyTooLarge; the parser is of no further use.
        """
        if self.head_done:
            return self._feed_body(data, 0)
        if not data:
            return False
        self.started = True
        held = self._held
        if held is None:
            found = match_clean(data, self.limits)
            if found is not None:
                if self._short and self._method == "GET" and not self._interim:
                    page = plain(found, data, self.limits)
                    if page is not None:
                        return self._take_plain(page)
                return self._take_head(clean_head(found), data, found.end())
            self._held = held = bytearray()
            self._lines = 0
        before = len(held)
        held += data
        return self._feed_head(held, before)

    def _take_plain(self, page: Page) -> bool:
        """Take a page that came whole."""
        self.reason, self._block, self._low, body = page
        self.status = 200
        self.http_version = "1.1"
        self.framing = "length"
        self.length = self.size = len(body)
        self._whole = body
        self.head_done = self.reusable = self.complete = True
        return True

    def _feed_head(self, held: bytearray, before: int) -> bool:
        """Look on for the end of a head that comes in pieces, of which `before` bytes are known."""
        if held[0] in b"\r\n" and self._interim and not self._skipped:
            return self._skip_empty_line(held)
        if not held.startswith(_START) and not _START.startswith(held):
            raise bad_status(bytes(held[:80]))
        end = find_end(held, max(0, before - 2))
        if end > 0:
            self._held = None
            data = bytes(held)
            return self._take_head(read_head(data, end, self.limits), data, end)
        limits = self.limits
        newline = held.find(b"\n", 0, limits.status_line + 2)
        if newline >= before:
            read_status(bytes(held[:newline]).removesuffix(b"\r"), limits)
        elif newline < 0 and len(held) > limits.status_line + 1:
            raise bad_status(bytes(held[: limits.status_line + 1]))
        self._lines += held.count(b"\n", before)
        check_size(held, before, self._lines - 1, limits)
        return False

    def _skip_empty_line(self, held: bytearray) -> bool:
        """Leave out one empty line after an interim response, as aiohttp's 100 has it.

        Never before the first head: there it is left over from another response.
        """
        if held == b"\r":
            return False
        if not held.startswith((b"\r\n", b"\n")):
            raise bad_status(bytes(held[:80]))
        self._skipped = True
        self._held = None
        return self.feed(bytes(held[held.index(b"\n") + 1 :]))

    def _take_head(self, head: Head, data: bytes, end: int) -> bool:
        """Take the head that is ``data[:end]``, and what follows it."""
        self.http_version, status, self.reason, self._block, warnings, sound = head
        if status < 200:
            return self._take_interim(status, data[end:])
        self.head_done = True
        self.status = status
        if warnings:
            self.warnings = warnings
        self._frame(status, sound)
        if end == len(data) and self.framing != "none":
            return self.complete
        return self._feed_body(data, end)

    def _take_interim(self, status: int, rest: bytes) -> bool:
        if status == 101:
            message = "101 Switching Protocols although no other protocol was asked for"
            raise ProtocolError(message, code="proto.unexpected_101")
        self._interim += 1
        if self._interim > self.limits.interim:
            message = f"more than {self.limits.interim} interim (1xx) responses"
            raise ProtocolError(message, code="proto.too_many_1xx")
        return self.feed(rest) if rest else False

    def _frame(self, status: int, sound: bool) -> None:
        """Decide how the body ends, and whether the connection outlives it (6.3, 9.3)."""
        self._low = low = self._block.lower()
        fields = framing.deciding(low)
        self._cap = self.limits.max_bytes
        length = -1
        if b"content-length" in fields:
            self.length = length = framing.content_length(fields[b"content-length"])
        self.reusable = (
            sound
            and not self._skipped
            and framing.persists(fields.get(b"connection", b""), self.http_version)
        )
        if b"keep-alive" in fields:
            self.keep_alive = framing.keep_alive(fields[b"keep-alive"])
        if status in _REDIRECTS and b"location" in fields:
            self.is_redirect = True
            self._cap = min(self.limits.redirect_bytes, self.limits.max_bytes)
        if status in _BODILESS or (self._method != "GET" and self._has_no_body()):
            self.complete = True
            if status == 204 and length > 0:
                self.reusable = False
        elif b"transfer-encoding" in fields and self._frame_chunks(
            fields[b"transfer-encoding"], length
        ):
            self.framing = "chunked"
        elif length >= 0:
            self.framing = "length"
            self.complete = not length
        else:
            self.framing = "close"
            self.reusable = False

    def _has_no_body(self) -> bool:
        return self._method == "HEAD" or (self._method == "CONNECT" and 200 <= self.status < 300)

    def _frame_chunks(self, value: bytes, length: int) -> bool:
        is_chunked, self._verdict = framing.chunked(value)
        if not is_chunked:
            return False
        self._chunks = ChunkedBody(self._take, self.limits)
        if length >= 0:
            # The other reader of these bytes may have believed the length: CL.TE smuggling.
            self.warnings += ("warn.cl_te",)
            self.reusable = False
        if self.http_version == "1.0":
            self.warnings += ("warn.chunked_in_1_0",)
            self.reusable = False
        return True

    def _feed_body(self, data: bytes, at: int) -> bool:
        if self.complete:
            if at < len(data):
                self.reusable = False
                self.excess = len(data) - at
            return True
        if self.framing == "length":
            self._feed_length(data, at)
        elif self._chunks is not None:
            end = self._chunks.feed(data, at)
            if end >= 0 and not self.complete:
                self._end_chunks(len(data) - end)
        else:
            self._take(data[at:] if at else data)
        return self.complete

    def _feed_length(self, data: bytes, at: int) -> None:
        needed = self.length - self.size
        here = len(data) - at
        if here == needed and not self.size and needed <= self._cap:
            self._whole = data[at:]
            self.size = needed
            self.complete = True
            return
        if here > needed:
            self.reusable = False
            self.excess = here - needed
            data = data[at : at + needed]
        elif at:
            data = data[at:]
        self._take(data)
        if self.size == self.length:
            self.complete = True
        elif self.size >= self._cap and not self.complete:
            self._overflow()

    def _end_chunks(self, excess: int) -> None:
        self.complete = True
        if excess:
            self.reusable = False
            self.excess = excess
        if self._verdict is not None:
            raise self._verdict

    def _take(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        if self.complete:
            return
        room = self._cap - self.size
        over = len(piece) > room
        if over:
            piece = piece[:room]
        self.size += len(piece)
        parts = self._parts
        if parts is None:
            self._parts = parts = []
        if len(piece) >= _SMALL:
            parts.append(piece)
        elif parts and isinstance(parts[-1], bytearray) and len(parts[-1]) < _GATHERED:
            parts[-1] += piece
        else:
            parts.append(bytearray(piece))
        if over:
            self._overflow()

    def _overflow(self) -> None:
        if self.is_redirect:
            self.cut()
            return
        announced = f" of {self.length}" if 0 <= self.length < framing.HUGE else ""
        message = f"the body{announced} exceeds {self._cap} bytes"
        raise BodyTooLarge(message)

    def cut(self) -> None:
        """End the body here: complete, but the connection is lost for others."""
        self.complete = True
        self.reusable = False

    def end(self, *, clean: bool = True) -> None:
        """The peer has closed; `clean` is False when TLS ended without close_notify.

        Raises:
            ConnectionLost: the message is not whole.
            TLSError: only the close would have ended the body, and anyone could have forged it.
        """
        self.reusable = False
        if self.complete:
            return
        if self.framing == "close" and self.head_done:
            if not clean:
                message = f"TLS ended without close_notify after {self.size} bytes of body"
                raise TLSError(message, code="tls.truncated")
            self.complete = True
            return
        raise broken(self, "the peer closed the connection", at_start="net.empty_reply")

    def lost(self, message: str) -> FetchError:
        """The error for a connection that the peer reset."""
        self.reusable = False
        return broken(self, message, at_start="net.reset")

    def late(self, *, total: bool) -> FetchTimeout:
        """The error when nothing came in time, or (`total`) the exchange took too long."""
        self.reusable = False
        return late(self, total=total)

    @property
    def headers(self) -> Headers:
        """The header fields of the final response; trailers are not among them."""
        if self._headers is None:
            self._headers = Headers.of_block(self._block, self._low)
        return self._headers

    @property
    def body(self) -> bytes:
        """The body so far, undecoded."""
        if self._parts:
            self._whole += b"".join(self._parts)
            self._parts.clear()
        return self._whole

    @property
    def expected(self) -> int:
        """Bytes the body still needs, as far as known: for sizing reads, never for allocating."""
        if self.complete:
            return 0
        if self._chunks is not None:
            return self._chunks.left
        return self.length - self.size if self.framing == "length" else 0

    def respond(
        self,
        request: Request,
        *,
        started: datetime,
        elapsed: float,
        peer: str = "",
        timing: Timing = NO_TIMING,
        reused: bool = False,
        truncated: str = "",
    ) -> Response:
        """The response as far as it has come; body and raw are both undecoded."""
        body = self.body if self._parts else self._whole
        headers = self._headers or Headers.of_block(self._block, self._low)
        return response(
            request,
            self.status,
            self.reason,
            headers,
            body,
            body,
            self.http_version,
            peer,
            started,
            elapsed,
            timing,
            reused,
            truncated,
            self.warnings,
            self.sent,
            self.wire,
        )
