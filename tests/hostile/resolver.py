"""A DNS server that answers for ``.test``: a UDP socket, and what a name says by its first label.

| label | what comes |
|---|---|
| nxdomain, servfail, nodata | that |
| silent | nothing |
| cname-loop | two CNAMEs that lead to each other, and SERVFAIL, as Unbound and BIND say it |
| inside | 127.0.0.1 |
| rebind | the public address, and 127.0.0.1 from the second time on |
| any other | the public address |

RFC 1035 4.1 (messages), 2308 2.2 (no data).
"""

from __future__ import annotations

import socket

PUBLIC = "93.184.216.34"
_INSIDE = "127.0.0.1"
_CODES = {"servfail": 2, "cname-loop": 2, "nxdomain": 3}
_A, _CNAME = 1, 5


def serve(sock: socket.socket) -> None:
    """Answer until the process ends."""
    asked: set[str] = set()
    while True:
        query, peer = sock.recvfrom(2048)
        reply = _answer(query, asked)
        if reply:
            sock.sendto(reply, peer)


def _answer(query: bytes, asked: set[str]) -> bytes:
    end = query.index(b"\0", 12)
    name, kind = _labels(query[12:end]), int.from_bytes(query[end + 1 : end + 3], "big")
    word = name[0].lower()
    if word == "silent":
        return b""
    records: list[bytes] = []
    if word == "cname-loop":
        there = b"\x04back" + b"".join(bytes((len(part),)) + part.encode() for part in name) + b"\0"
        records = [_record(b"\xc0\x0c", _CNAME, there), _record(there, _CNAME, b"\xc0\x0c")]
    elif kind == _A and word not in {*_CODES, "nodata"}:
        inside = word == "inside" or (word == "rebind" and ".".join(name) in asked)
        asked.add(".".join(name))
        address = socket.inet_aton(_INSIDE if inside else PUBLIC)
        records = [_record(b"\xc0\x0c", _A, address)]
    flags = 0x8180 | _CODES.get(word, 0)
    counts = b"\0\1" + len(records).to_bytes(2, "big") + b"\0\0\0\0"
    head = query[:2] + flags.to_bytes(2, "big") + counts
    return head + query[12 : end + 5] + b"".join(records)


def _labels(data: bytes) -> list[str]:
    labels, at = [], 0
    while at < len(data):
        labels.append(data[at + 1 : at + 1 + data[at]].decode("ascii", "replace"))
        at += 1 + data[at]
    return labels


def _record(name: bytes, kind: int, data: bytes) -> bytes:
    """A resource record of the class IN, good for no time."""
    size = len(data).to_bytes(2, "big")
    return name + kind.to_bytes(2, "big") + b"\0\1\0\0\0\0" + size + data
