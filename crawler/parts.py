"""A list in parts, for machines that do not know of each other. Pure.

    http://a.test/1  https://a.test:8443/2 ──► 2 of 3      no url at all ──► 1 of 3

All lines of a host are in one part, so each machine keeps the manners of its hosts alone.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from crawler.model import Failure, Request

_PORT = re.compile(r":[0-9]+$")


def part_of(line: Request | Failure, parts: int) -> int:
    """The part, from 1 to `parts`, that a line of a list belongs to: by its host, or its text."""
    request = line.request if isinstance(line, Failure) else line
    host = _PORT.sub("", request.origin.partition("//")[2])
    key = (host or request.text).encode("utf-8", "replace")
    return 1 + int.from_bytes(blake2b(key, digest_size=8).digest()) % parts
