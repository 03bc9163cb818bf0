"""The records of a WARC file: what ISO 28500:2017 (WARC 1.1) makes of one response.

    WARC/1.1 CRLF  WARC-Type: response CRLF  ...  CRLF CRLF   the block   CRLF CRLF
    └──────────────── one gzip member ───────────────────────────────────────────┘

A fetch is a response (or a revisit, when its payload was written before), its request and its
metadata; WARC-Concurrent-To ties them together. Blocks are the bytes of `Limits.capture`, but for
credentials. Nothing that a server or a page says becomes a line of a record's head: that has
canonical URLs, digests, numbers and instants only. Payload digests are of the bytes behind the head
of the message, transfer coding included, as tools check them. warcio's writer would spell the heads
of messages anew, so it only reads back, in the tests. Read beside it: warc.py.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
import zlib
from collections import OrderedDict
from datetime import UTC
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from crawler import __version__, urls
from crawler.errors import FetchError
from crawler.headers import is_secret
from crawler.hops import REDIRECTS
from crawler.model import Failure, Limits, Response
from crawler.wire.capture import CUT
from crawler.wire.parse import ResponseParser

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from crawler.model import Final, Request

    Fields = Iterable[tuple[str, str]]

REMEMBERED = 50_000  # payloads that later ones are compared with: some 25 MB
_PROFILE = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
_CONFORMS = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"
_HTTP = "application/http; msgtype="
_URI = re.compile(r"https?://[!-.0-?A-~]+/[!-~]*")
_PLAIN_HEAD = re.compile(rb"[^\r\n]+\r?\n(?:[!-9;-~]+:[^\r\n]*\r?\n)*+\r?\n")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LINE_ENDS = re.compile(r"[\r\n\0]+")


class _Seen(NamedTuple):
    """A record whose payload others may have again."""

    uri: str
    date: str
    identity: str


class Records:
    """Makes the records of outcomes, and remembers payloads.

    Args:
        warcinfo: the identity of the record at the head of the part.
        compress: each record becomes a gzip member.
        proxied: peers are a proxy, whose address is nobody's concern.
    """

    def __init__(self, *, compress: bool, proxied: bool) -> None:
        self.warcinfo = ""
        self._compress = compress
        self._proxied = proxied
        self._seen: OrderedDict[bytes, _Seen] = OrderedDict()

    def begin(self, name: str, when: datetime) -> bytes:
        """The record at the head of a part of that name."""
        self.warcinfo = _identity()
        block = _lines(
            ("software", f"concurrent-crawler/{__version__}"),
            ("format", "WARC File Format 1.1"),
            ("conformsTo", _CONFORMS),
        )
        head = [
            ("WARC-Type", "warcinfo"),
            ("WARC-Record-ID", self.warcinfo),
            ("WARC-Date", _date(when)),
            ("WARC-Filename", _LINE_ENDS.sub(" ", ascii(name)[1:-1])),
            ("Content-Type", "application/warc-fields"),
        ]
        return self._record(head, block)

    def of(self, outcome: Final) -> bytes:
        """The records of one fetch; nothing where there was no response."""
        response = outcome.error.partial if isinstance(outcome, Failure) else outcome
        if not isinstance(response, Response):
            return b""
        wire = response.wire or _made_up(response)
        uri, date, identity = _uri(response.request.url), _date(response.started), _identity()
        cut = _why_cut(response, wire, failed=isinstance(outcome, Failure))
        head = [
            ("WARC-Record-ID", identity),
            ("WARC-Target-URI", uri),
            ("WARC-Date", date),
            ("WARC-Warcinfo-ID", self.warcinfo),
            *self._address(response.peer),
        ]
        start, is_plain = _payload(wire)
        if is_plain:
            head.append(("WARC-Payload-Digest", _digest(wire[start:])))
        before = None
        if is_plain and start < len(wire) and not cut:
            before = self._recall(wire[start:], _Seen(uri, date, identity))
        if before is None:
            cut_field = [("WARC-Truncated", cut)] if cut else []
            head = [("WARC-Type", "response"), *head, *cut_field]
        else:
            wire = wire[:start]
            head = [
                ("WARC-Type", "revisit"),
                *head,
                ("WARC-Profile", _PROFILE),
                ("WARC-Refers-To", before.identity),
                ("WARC-Refers-To-Target-URI", before.uri),
                ("WARC-Refers-To-Date", before.date),
                ("WARC-Truncated", "length"),  # ISO 28500 6.7.2: what is elsewhere is left out
            ]
        head.append(("Content-Type", f"{_HTTP}response"))
        beside = [
            ("WARC-Target-URI", uri),
            ("WARC-Date", date),
            ("WARC-Warcinfo-ID", self.warcinfo),
            ("WARC-Concurrent-To", identity),
        ]
        return (
            self._record(head, wire)
            + self._request(response, beside)
            + self._about(response, outcome, beside)
        )

    def _request(self, response: Response, beside: Fields) -> bytes:
        if not response.sent:
            return b""
        block = masked(response.sent)
        head = [
            ("WARC-Type", "request"),
            ("WARC-Record-ID", _identity()),
            *beside,
            *self._address(response.peer),
            ("WARC-Payload-Digest", _digest(block.partition(b"\r\n\r\n")[2])),
            ("Content-Type", f"{_HTTP}request"),
        ]
        return self._record(head, block)

    def _about(self, response: Response, outcome: Final, beside: Fields) -> bytes:
        request = response.request
        told = [("via", _uri(via)) for via in _came_from(request)]
        if request.depth or request.via:
            told.append(("hopsFromSeed", "L" * request.depth + "R" * len(request.via)))
        told.append(("fetchTimeMs", str(round(response.elapsed * 1000))))
        told += [("parent", _uri(request.parent))] if request.parent else []
        told += [("redirectedFrom", _uri(url)) for url in request.via]
        told += [("warning", _LINE_ENDS.sub(" ", word)) for word in response.warnings]
        told += [("error", outcome.code)] if isinstance(outcome, Failure) else []
        head = [
            ("WARC-Type", "metadata"),
            ("WARC-Record-ID", _identity()),
            *beside,
            ("Content-Type", "application/warc-fields"),
        ]
        return self._record(head, _lines(*told))

    def _address(self, peer: str) -> list[tuple[str, str]]:
        if self._proxied or not peer:
            return []
        try:
            return [("WARC-IP-Address", str(ip_address(peer.partition(" ")[0].partition("%")[0])))]
        except ValueError:
            return []

    def _recall(self, payload: bytes, now: _Seen) -> _Seen | None:
        """The record that had that payload first; it is `now` where there was none."""
        # Not the digest that is written: of that one, two payloads can be made that share it.
        key = hashlib.sha256(payload).digest()[:16]
        before = self._seen.get(key)
        if before is not None:
            self._seen.move_to_end(key)
            return before
        self._seen[key] = now
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return None

    def _record(self, head: list[tuple[str, str]], block: bytes) -> bytes:
        head = [
            *head,
            ("WARC-Block-Digest", _digest(block)),
            ("Content-Length", str(len(block))),
        ]
        record = b"WARC/1.1\r\n" + _lines(*head) + b"\r\n" + block + b"\r\n\r\n"
        if not self._compress:
            return record
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        return packer.compress(record) + packer.flush()


def _payload(wire: bytes) -> tuple[int, bool]:
    """Where the payload begins, and whether every reader will find it there.

    Some take a line of white space for the end of a head: such a one gets no digest.
    """
    plain = _PLAIN_HEAD.match(wire)
    if plain is not None:
        return plain.end(), True
    found = _HEAD_END.search(wire)
    return found.end() if found else len(wire), False


def masked(sent: bytes) -> bytes:
    """A request without its credentials: their values are ``***``."""
    head, end, body = sent.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for number, line in enumerate(lines[1:], 1):
        name, colon, _ = line.partition(b":")
        if colon and is_secret(name.decode("latin-1")):
            lines[number] = name + b": ***"
    return b"\r\n".join(lines) + end + body


def _came_from(request: Request) -> list[str]:
    """Where the URL was found (the field `via` of ISO 28500 6.6)."""
    if request.via:
        return [request.via[-1]]
    return [request.parent] if request.parent else []


def _why_cut(response: Response, wire: bytes, *, failed: bool) -> str:
    """Why the message is not whole (WARC-Truncated); "" when it is."""
    if CUT in response.warnings:
        return "length"
    if not failed and not response.truncated:
        # Of a redirect that is not followed the beginning is read.
        is_cut = response.status in REDIRECTS and not _is_whole(response, wire)
        return "length" if is_cut else ""
    # A page may have failed for what it says: its message is whole then.
    return "" if _is_whole(response, wire) else response.truncated or "unspecified"


def _is_whole(response: Response, wire: bytes) -> bool:
    parser = ResponseParser(
        response.request.method,
        Limits(max_bytes=len(wire) + 1, redirect_bytes=len(wire) + 1, head=len(wire) + 1),
    )
    try:
        parser.feed(wire)
    except FetchError:
        return False
    return parser.complete or (
        parser.framing == "close" and response.truncated not in {"time", "disconnect", "length"}
    )


def _made_up(response: Response) -> bytes:
    """The message of a response whose bytes were not kept: as it must have been, unchunked."""
    reason = _LINE_ENDS.sub(" ", response.reason)
    fields = [
        (_LINE_ENDS.sub(" ", name), _LINE_ENDS.sub(" ", value))
        for name, value in response.headers.fields
        if name.lower() != "transfer-encoding"
    ]
    text = "".join(f"{name}: {value}\r\n" for name, value in fields)
    head = f"HTTP/{response.http_version} {response.status} {reason}\r\n{text}\r\n"
    return head.encode("latin-1", "replace") + response.raw


def _uri(url: str) -> str:
    """The URL as it may stand in a record's head: printable ASCII, without credentials."""
    return url if _URI.fullmatch(url) else urls.canonical(url)


def _date(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _identity() -> str:
    return f"<{uuid.uuid4().urn}>"


def _digest(data: bytes) -> str:
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    return "sha1:" + base64.b32encode(digest).decode("ascii")


def _lines(*fields: tuple[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode("utf-8")
