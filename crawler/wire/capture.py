"""The parser of one response, and where `Limits.capture` asks for it the bytes themselves.

    sent ───────► the request as it left, head and body
    wire ───────► HTTP/1.1 200 OK CRLF ... CRLF CRLF 5 CRLF hello CRLF 0 CRLF trailers CRLF
                  └ from the status line of the final response to its last byte

Nothing is read out of them twice: they are what `ResponseParser` was fed, from where its final
head begins to where it says that the message ends. An interim (1xx) response is a message of its
own (RFC 9110 15.2) and is left out, as are bytes after the end. What it may cost has a bound, too:
chunks of one byte each with long extensions are many times the body they carry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.wire.parse import ResponseParser

if TYPE_CHECKING:
    from crawler.model import Limits
    from crawler.wire.head import Head

CUT = "warn.capture_cut"  # more came than is kept


def parser_for(method: str, limits: Limits, sent: bytes = b"") -> ResponseParser:
    """The parser of the response to a request of that method, sent as those bytes."""
    return Capture(method, limits, sent) if limits.capture else ResponseParser(method, limits)


class Capture(ResponseParser):
    """Keeps what it is fed.

    Attributes:
        wire: the message as it came.
    """

    _short = False

    def __init__(self, method: str, limits: Limits, sent: bytes) -> None:
        super().__init__(method, limits)
        self.sent = sent
        self._kept = bytearray()
        self._dropped = 0  # bytes for which there was no room
        self._room = limits.head + limits.trailers + 2 * limits.max_bytes

    def feed(self, data: bytes) -> bool:
        if self.complete:
            return super().feed(data)
        if self.head_done:
            self._keep(data)
        complete = super().feed(data)
        if complete and self.excess:
            self._give_back(self.excess)
            self.excess = 0
        return complete

    def _give_back(self, size: int) -> None:
        """Forget the last bytes, which were no part of the message; some may not be kept anyway."""
        kept = size - self._dropped
        if kept >= 0:
            del self._kept[len(self._kept) - kept :]
            self.warnings = tuple(word for word in self.warnings if word != CUT)

    def _take_head(self, head: Head, data: bytes, end: int) -> bool:
        if head.status >= 200:
            self._keep(data)
        return super()._take_head(head, data, end)

    def _keep(self, data: bytes) -> None:
        room = self._room - len(self._kept)
        if len(data) > room:
            self._dropped += len(data) - room
            if CUT not in self.warnings:
                self.warnings += (CUT,)
            data = data[:room]
        self._kept += data

    @property
    def wire(self) -> bytes:  # type: ignore[override]  # of the others it is always empty
        return bytes(self._kept)
