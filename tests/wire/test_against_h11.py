"""h11 as an oracle: the same bytes through both, and a ruling for each difference.

h11 is stricter about what nobody can mistake (a line without a name, white space around a colon)
and more lenient where it cannot know that nothing else was asked for. RULED holds the reason for
every case of the catalogue table where the two part; random messages must agree.
"""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire.reading import LIMITS, read
from wire.test_parse import CASES, OK

SAME = [case for case in CASES if case.limits is LIMITS and case.clean and case.data]

VERSION = "h11 takes any HTTP/x.y; we speak 1.0 and 1.1 only"
LINE = "h11 refuses the whole head for a line that frames nothing; it is left out with a warning"
LIMIT = "our limit for one line or for the number of fields is lower than h11's for all"
RULED = {
    "HD06": VERSION,
    "HTTP/1.2": VERSION,
    "HD14": LINE,
    "HD15 other field": LINE,
    "HD16": LINE,
    "a folded line, no name": LINE,
    "HD17": LIMIT,
    "HD18": LIMIT,
    "HD31 whole": LIMIT,
    "TE11": LIMIT,
    "empty line after 100": "an empty line after a 1xx belongs to this very response",
    "leading zeros": "h11 reads at most 20 digits; zeros change no number",
    "an unbalanced quote": "h11 does not look into chunk extensions",
    "bare LF in a trailer": "h11 reads trailers as heads; a bare LF there is a smuggling trick",
    "identity": "RFC 2616 allowed it and it changes nothing",
    "identity twice": "the same, said twice",
    "identity first": "the same, before chunked",
}


def through_h11(data: bytes, *, method: str = "GET") -> tuple[bool, int, bytes]:
    """Whether h11 takes the response, its status and its body."""
    ours = h11.Connection(h11.CLIENT, max_incomplete_event_size=256 * 1024)
    request = h11.Request(method=method, target="a:1" if method == "CONNECT" else "/",
                          headers=[("Host", "a")])  # fmt: skip
    ours.send(request)
    ours.send(h11.EndOfMessage())
    status, body = 0, bytearray()
    try:
        for piece in (data, b""):
            ours.receive_data(piece)
            while (event := ours.next_event()) is not h11.NEED_DATA:
                match event:
                    case h11.Response():
                        status = event.status_code
                    case h11.Data():
                        body += event.data
                    case h11.EndOfMessage():
                        return True, status, bytes(body)
                    case h11.ConnectionClosed() | h11.PAUSED:
                        return status > 0, status, bytes(body)
    except h11.RemoteProtocolError:
        pass
    return False, status, bytes(body)


@pytest.mark.parametrize("case", SAME, ids=lambda case: case.row)
def test_h11_agrees_or_there_is_a_ruling(case):
    got = read([case.data], method=case.method)

    taken, status, body = through_h11(case.data, method=case.method)

    agreed = not taken if got.code else (taken, status, body) == (True, got.status, got.body)
    assert agreed == (case.row not in RULED)


NAMES = st.sampled_from([b"A", b"Date", b"X-Long-Name", b"Set-Cookie", b"Content-Type"])
VALUES = st.from_regex(rb"[!-~\x80-\xff][ -~\x80-\xff]{0,20}", fullmatch=True)
BODIES = st.binary(max_size=60)


@given(
    st.sampled_from([200, 204, 302, 304, 404, 500]),
    st.lists(st.tuples(NAMES, VALUES), max_size=5),
    BODIES,
    st.sampled_from(["length", "chunked", "close"]),
    st.sampled_from(["GET", "HEAD"]),
)
def test_h11_agrees_on_any_sound_response(status, fields, body, framing, method):
    head = OK.replace(b"200", b"%d" % status) + b"".join(b"%b: %b\r\n" % field for field in fields)
    if framing == "length":
        data = head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    elif framing == "chunked":
        chunks = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        data = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    else:
        data = head + b"\r\n" + body
    if method == "HEAD" or status in {204, 304}:
        data = data[: data.index(b"\r\n\r\n") + 4]

    got = read([data], method=method)

    assert (not got.code, got.status, got.body) == through_h11(data, method=method)
