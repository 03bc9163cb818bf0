"""What one client of a swarm says to a server, and whether the reply is right. Pure.

    say(now) ──► the next message         hear(bytes, now) ──► Heard.MORE    the reply has not ended
                                                               Heard.RIGHT   byte for byte
                                                               Heard.WRONG   `amiss` says how

Every message is another one: it names its client and its number, so that a reply meant for
somebody else, an old one or a damaged one cannot pass. After a wrong reply a client stops, because
nobody knows where the next reply would begin.
Read beside it: swarm_threads.py and swarm_selectors.py, two ways to do the I/O for it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from crawler.safety import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable

CONNECTING = 50  # connects under way at once: less than any backlog, 128 on old kernels
CHUNK = 64 * 1024  # bytes read at once
_PADDING = bytes(range(33, 127)) * 700  # no blanks, no line ends
_MAX_HEAD = 16 * 1024  # bytes of an HTTP response before its empty line
_SHOWN = 40  # bytes of a wrong reply that are shown


@dataclass(frozen=True, slots=True)
class Plan:
    """What a swarm does."""

    clients: int = 100
    messages: int = 10  # of each client, one after the other
    size: int = 64  # bytes of a message and its line end; as many as its names need at least
    timeout: float = 10.0  # seconds for a connect, and for a reply
    hold: float = 0.0  # seconds without a word, once all are connected
    protocol: str = "echo"  # or "http"


class Heard(Enum):
    """What has arrived of a reply."""

    MORE = "more"
    RIGHT = "right"
    WRONG = "wrong"


class Dialogue:
    """One client: what it has said and heard. No I/O; each client's I/O tells it."""

    def __init__(self, number: int, plan: Plan) -> None:
        self.number = number
        self.connected = False
        self.refused = False  # no connection was had at all
        self.sent = 0
        self.right = 0
        self.wrong = 0
        self.amiss = ""  # why it stopped early
        self.latencies: list[float] = []  # seconds from a message said to its reply whole
        self._plan = plan
        self._expected = b""
        self._got = bytearray()
        self._said = 0.0

    @property
    def finished(self) -> bool:
        """Whether every message has had its reply."""
        return self.right == self._plan.messages

    def say(self, now: float) -> bytes:
        """The next message; its clock begins."""
        self.sent += 1
        self._got.clear()
        self._said = now
        self._expected = message(self.number, self.sent, self._plan.size)
        if self._plan.protocol == "http":
            return request(self.number, self.sent, self._plan.size)
        return self._expected

    def hear(self, data: bytes, now: float) -> Heard:
        """Takes bytes of the reply. Empty bytes: the server has closed."""
        if self.right == self.sent and data:  # nothing was asked
            return self._wrong(f"{len(data)} bytes that nobody asked for", data)
        self._got += data
        if not data:
            begun = f" after {len(self._got)} bytes of a reply" if self._got else ""
            self.amiss = f"closed by the server{begun}"
            return Heard.WRONG
        judged = self._http() if self._plan.protocol == "http" else self._echo()
        if judged is Heard.RIGHT:
            self.right += 1
            self.latencies.append(now - self._said)
        return judged

    def _echo(self) -> Heard:
        if self._got == self._expected:
            return Heard.RIGHT
        if self._expected.startswith(self._got):
            return Heard.MORE
        if self._got.startswith(self._expected):
            tail = bytes(self._got[len(self._expected) :])
            return self._wrong(f"{len(tail)} bytes after the reply", tail)
        return self._wrong("another reply than the message", bytes(self._got))

    def _http(self) -> Heard:
        head, found, body = bytes(self._got).partition(b"\r\n\r\n")
        if not found:
            if len(head) > _MAX_HEAD:
                return self._wrong("a head without end", head)
            return Heard.MORE
        first, _, lines = head.partition(b"\r\n")
        lengths = [
            line.partition(b":")[2].strip()
            for line in lines.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        asked = str(self._plan.size).encode()
        if not first.startswith(b"HTTP/1.1 200") or lengths != [asked]:
            return self._wrong("no 200 with the length asked for", first)
        if len(body) > self._plan.size:
            return self._wrong("bytes after the response", body[self._plan.size :])
        return Heard.RIGHT if len(body) == self._plan.size else Heard.MORE

    def _wrong(self, what: str, seen: bytes) -> Heard:
        self.wrong += 1
        shown = safe_text(seen[:_SHOWN].decode("ascii", "backslashreplace"))
        self.amiss = f"{what}: {shown!r}"
        return Heard.WRONG


def message(client: int, number: int, size: int) -> bytes:
    """The line a client says: its own number, the message's, padding, a line end."""
    names = b"%d %d " % (client, number)
    left = max(0, size - len(names) - 1)
    start = (client + number) % 94
    whole, part = divmod(left, len(_PADDING) - 94)
    block = _PADDING[start : start + len(_PADDING) - 94]
    return names + block * whole + block[:part] + b"\n"


def request(client: int, number: int, size: int) -> bytes:
    """The same as an HTTP request for so many bytes."""
    return b"GET /size/%d?client=%d&n=%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % (
        size,
        client,
        number,
    )


@dataclass(frozen=True, slots=True)
class Swarm:
    """What all clients together saw. right + wrong + missing = clients x messages."""

    clients: int
    made: int  # connections
    refused: int  # connections that were not had
    sent: int  # messages
    right: int
    wrong: int
    missing: int  # messages without a reply, said or not
    wall: float  # seconds
    latency: tuple[float, float, float]  # seconds: p50, p90, p99 of a right reply
    reasons: tuple[tuple[str, int], ...]  # why clients stopped early, the commonest first
    interrupted: bool = False

    @property
    def clean(self) -> bool:
        """Whether every message had its right reply."""
        return not (self.wrong or self.missing or self.refused)

    @property
    def rate(self) -> float:
        """Right replies in a second."""
        return self.right / self.wall if self.wall else 0.0


def counted(
    dialogues: Iterable[Dialogue], plan: Plan, *, wall: float, interrupted: bool = False
) -> Swarm:
    """The figures of all clients."""
    all_of = list(dialogues)
    latencies = sorted(second for one in all_of for second in one.latencies)
    right, wrong = sum(one.right for one in all_of), sum(one.wrong for one in all_of)
    p50, p90, p99 = (_share(latencies, share) for share in (0.5, 0.9, 0.99))
    # What one client saw of another's bytes would make each reason a different one.
    reasons = Counter(one.amiss.partition(": ")[0] for one in all_of if one.amiss)
    return Swarm(
        clients=plan.clients,
        made=sum(one.connected for one in all_of),
        refused=sum(one.refused for one in all_of),
        sent=sum(one.sent for one in all_of),
        right=right,
        wrong=wrong,
        missing=plan.clients * plan.messages - right - wrong,
        wall=wall,
        latency=(p50, p90, p99),
        reasons=tuple(reasons.most_common()),
        interrupted=interrupted,
    )


def _share(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
