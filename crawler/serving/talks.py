"""What the servers say: HTTP and a line echo, as bytes in and steps out. Pure: no I/O, no waiting.

    talk.feed(bytes) ──► talk.step() ──► Step(delay, data, end), ..., None: more bytes are needed

A server of any model does the same with a talk: feed what came, do the steps in their order, read
again. HTTP/1.1 with keep-alive and pipelining, the pages of pages.py; the echo is RFC 862's, by
lines.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol

from crawler.serving.pages import answer, found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crawler.serving.pages import Reply

MAX_HEAD = 64 * 1024  # bytes of one request head
MAX_LINE = 64 * 1024  # bytes of one line of the echo
_MAX_BODY = 16 * 1024 * 1024  # bytes of one request body, read and thrown away


class Step(NamedTuple):
    """One thing to do."""

    data: bytes = b""  # to be sent
    delay: float = 0.0  # seconds before it
    end: str = ""  # after it: "close", "reset", or "hang": nothing more, ever


CLOSE = Step(end="close")


class Talk(Protocol):
    """One side of a conversation."""

    def feed(self, data: bytes) -> None:
        """Take what came; ``b""`` for the end."""
        ...

    def step(self) -> Step | None:
        """The next thing to do; None while more bytes are needed."""
        ...


class Echo:
    """Every line comes back as it is."""

    def __init__(self) -> None:
        self._buffer = b""
        self._ended = False

    def feed(self, data: bytes) -> None:
        self._buffer += data
        self._ended = self._ended or not data

    def step(self) -> Step | None:
        end = self._buffer.rfind(b"\n") + 1
        if end:
            lines, self._buffer = self._buffer[:end], self._buffer[end:]
            return Step(lines)
        # Half a line at the end, or a line without one, gets no answer.
        return CLOSE if self._ended or len(self._buffer) > MAX_LINE else None


class Http:
    """Answers requests one after the other, in the order in which they came."""

    def __init__(self) -> None:
        self._buffer = b""
        self._skip = 0  # bytes of a request body still to come
        self._steps: Iterator[Step] = iter(())
        self._closing = False
        self._ended = False

    def feed(self, data: bytes) -> None:
        self._buffer += data
        self._ended = self._ended or not data

    def step(self) -> Step | None:
        while True:
            step = next(self._steps, None)
            if step is not None:
                return step
            if self._closing:
                return CLOSE
            if self._skip:
                skipped = min(self._skip, len(self._buffer))
                self._skip -= skipped
                self._buffer = self._buffer[skipped:]
            if self._skip or not self._next():
                return CLOSE if self._ended else None

    def _next(self) -> bool:
        """Begin to answer the next request; False while it is not whole."""
        end = self._buffer.find(b"\r\n\r\n")
        if 0 <= end <= MAX_HEAD:
            head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
            self._begin(head.decode("latin-1"))
            return True
        if len(self._buffer) > MAX_HEAD:
            self._refuse(431)
            return True
        return False

    def _begin(self, head: str) -> None:
        first, _, lines = head.partition("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[1] or not words[2].startswith("HTTP/1."):
            self._refuse(400)
            return
        method, target, version = words
        fields = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines.split("\r\n"))
        }
        length = fields.get("content-length", "0")
        if "transfer-encoding" in fields or not (length.isascii() and length.isdigit()):
            self._refuse(411)
            return
        self._skip = min(int(length[:12]), _MAX_BODY + 1)
        tokens = fields.get("connection", "").lower()
        self._closing = (
            "close" in tokens
            or self._skip > _MAX_BODY
            or (version == "HTTP/1.0" and "keep-alive" not in tokens)
        )
        self._steps = _steps(answer(target), method)

    def _refuse(self, status: int) -> None:
        self._steps = _steps(found(b"", status=status, extra="Connection: close\r\n"), "GET")
        self._closing = True


def _steps(reply: Reply, method: str) -> Iterator[Step]:
    """The bytes of a reply as they go out.

    Head and body begin in one segment: in two, Nagle's algorithm would hold back the second until
    the first is acknowledged, and the peer delays that by up to 40 ms (RFC 1122 4.2.3.2, 4.2.3.4).
    """
    pieces = iter(() if method == "HEAD" else reply.body)
    first = reply.before + reply.head
    if not reply.pause:
        first += next(pieces, b"")
    delay = reply.delay
    for piece in chain((first,) if first else (), pieces):
        yield Step(piece, delay)
        delay = reply.pause
    if reply.end != "keep":
        yield Step(b"", 0.0 if first else delay, reply.end)


TALKS: dict[str, Callable[[], Talk]] = {"http": Http, "echo": Echo}
