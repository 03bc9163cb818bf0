"""http.client as an oracle: what the standard library reads otherwise, and why we do not."""

from __future__ import annotations

import http.client
import io
from typing import cast

import pytest
from wire.reading import LIMITS, read
from wire.test_parse import CASES

SAME = [case for case in CASES if case.limits is LIMITS and case.clean and case.method != "CONNECT"]

LENGTH = "http.client reads any length with int() and believes a bad one is none"
DAMAGED = "http.client lets its mail parser guess at damaged lines: framing can hide in them"
CHUNKS = "http.client does not check what follows a chunk, nor extensions and trailers"
CODING = "a transfer coding that is not chunked alone would leave its framing in the page"
INTERIM = "http.client gives a 1xx as the answer, and the next request gets ours (CPython 42550)"
CUT = "http.client takes a cut end for the end"
LIMIT = "http.client has no such limit"
RULED = {
    **dict.fromkeys(["BL07", "BL08", "BL11", "BL13", "BL14", "a length in Arabic digits"], LENGTH),
    **dict.fromkeys(["BL09", "a length after VT"], LENGTH),
    **dict.fromkeys(["HD11", "HD12", "HD13", "HD14 as framing", "HD15", "HD15 VT"], DAMAGED),
    **dict.fromkeys(["CR CR LF", "NUL in a name", "CR in the status line", "TE22"], DAMAGED),
    **dict.fromkeys(["TE08", "TE11", "an unbalanced quote", "bare LF in a trailer"], CHUNKS),
    **dict.fromkeys(["TE12", "TE15", "TE25", "no CRLF at the end"], CHUNKS),
    **dict.fromkeys(["TE17", "TE18", "TE19", "identity first"], CODING),
    **dict.fromkeys(["HD27", "HD30", "1xx and the end", "empty line after 100"], INTERIM),
    "HD23": CUT,
    **dict.fromkeys(["HD31 whole", "head of 256 KiB"], LIMIT),
    "HTTP/1.2": "http.client takes any HTTP/1.x",
}


class Pipe(io.BytesIO):
    """What HTTPResponse asks of a socket: a file to read from."""

    def makefile(self, _mode: str) -> io.BytesIO:
        return self


def through_http_client(data: bytes, *, method: str) -> tuple[bool, int, bytes]:
    """Whether http.client takes the response, its status and its body."""
    response = http.client.HTTPResponse(
        cast("http.client.socket.socket", Pipe(data)), method=method
    )
    status = 0
    try:
        response.begin()
        status = response.status
        return True, status, response.read()
    except (http.client.HTTPException, ValueError, OverflowError):
        return False, status, b""


@pytest.mark.parametrize("case", SAME, ids=lambda case: case.row)
def test_http_client_agrees_or_there_is_a_ruling(case):
    got = read([case.data], method=case.method)

    taken, status, body = through_http_client(case.data, method=case.method)

    agreed = not taken if got.code else (taken, status, body) == (True, got.status, got.body)
    # One-sided: other Pythons have mended some of these.
    assert agreed or case.row in RULED
