"""A piece of work that never changes: what a processor second is worth here, now.

A path's cost divided by this loop's, both the least of many short turns side by side, is nearly the
same on a quiet machine and a busy one, so it can be kept and compared. Half of the loop is what
Python code does (calls, dictionaries, bytes that are searched and cut), half what sockets cost.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

_HEAD = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Type: text/html\r\nContent-Length: 1024\r\n\r\n"
_CALLS = 4_000
_MESSAGES = 3_000
_BODY = b"x" * 1024


def loop() -> float:
    """Processor seconds for the piece of work: some 15 ms."""
    began = time.process_time()
    _python()
    _kernel()
    return time.process_time() - began


def ratio(turn: Callable[[], float], *, turns: int) -> float:
    """The least of `turn` (processor seconds, given by itself) over the least of the loop."""
    turn()
    loop()
    costs, loops = [], []
    for _ in range(turns):
        loops.append(loop())
        costs.append(turn())
        loops.append(loop())
    return min(costs) / min(loops)


def _python() -> None:
    seen: dict[str, int] = {}
    for number in range(_CALLS):
        status, fields = _parsed(_HEAD)
        name = f"http://host{number % 50}.example/{status}/{number}"
        seen[name] = len(fields) + seen.get(name, 0)


def _parsed(head: bytes) -> tuple[int, list[tuple[str, str]]]:
    first, _, rest = head.partition(b"\r\n")
    fields = []
    for line in rest[:-4].split(b"\r\n"):
        name, _, value = line.partition(b":")
        fields.append((name.decode("ascii").lower(), value.strip().decode("ascii")))
    return int(first[9:12]), fields


def _kernel() -> None:
    left, right = socket.socketpair()
    with left, right:
        for _ in range(_MESSAGES):
            left.send(_BODY)
            right.recv(65536)
