"""The response parser against rows of the catalogue, each fed whole and in pieces."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire.reading import LIMITS, read, splits

from crawler.errors import FetchError
from crawler.model import Limits, Request, Response
from crawler.wire.parse import ResponseParser, with_partial

OK = b"HTTP/1.1 200 OK\r\n"
FOUND = b"HTTP/1.1 302 F\r\nLocation: /\r\n"
X100 = b"x" * 100
HELLO = b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SMALL = Limits(max_bytes=100, redirect_bytes=10, head=2000, header_line=1000, header_fields=20)


class Case(NamedTuple):
    row: str
    data: bytes
    code: str = ""
    body: bytes = b"hello"
    reusable: bool = False
    warnings: tuple[str, ...] = ()
    retry: str = "no"
    method: str = "GET"
    clean: bool = True
    limits: Limits = LIMITS


def bad(row: str, data: bytes, code: str, *, body: bytes = b"", retry: str = "no") -> Case:
    return Case(row, data, code, body, retry=retry)


CASES = [
    Case("plain", OK + HELLO, reusable=True),
    bad("HD01", b"<html>hello", "proto.bad_status_line"),
    bad("HD02", b"SSH-2.0-OpenSSH_9.7\r\n", "proto.bad_status_line"),
    bad("HD03", b"HTTP/1.1 two-hundred OK\r\n\r\n", "proto.bad_status_line"),
    bad("HD03 and silence", b"HTTP/1.1 two-hundred OK\r\n", "proto.bad_status_line"),
    bad("HD04", b"HTTP/1.1 99999 X\r\n\r\n", "proto.bad_status_line"),
    bad("HD05", b"HTTP/1.1 099 X\r\n\r\n", "proto.bad_status_line"),
    bad("HD06", b"HTTP/9.9 200 OK\r\n\r\n", "proto.bad_version"),
    bad("HTTP/2 in words", b"HTTP/2 200 OK\r\n\r\n", "proto.bad_version"),
    bad("HTTP/1.2", b"HTTP/1.2 200 OK\r\n\r\n", "proto.bad_version"),
    Case("HD07", b"HTTP/1.1 200\r\n" + HELLO, reusable=True),
    Case("no reason after the space", b"HTTP/1.1 200 \r\n" + HELLO, reusable=True),
    bad("HD08", b"\r\n\r\nHTTP/1.1 200 OK\r\n" + HELLO, "proto.bad_status_line", retry="once"),
    Case("HD09", (OK + HELLO).replace(b"\r\n", b"\n")),
    Case("one bare LF", OK + b"A: b\nContent-Length: 5\r\n\r\nhello"),
    Case("bare LF before the empty line", OK + b"Content-Length: 5\n\r\nhello"),
    Case("bare LF as the empty line", OK + b"Content-Length: 5\r\n\nhello"),
    Case("HD10", OK + b"A: b\r\n\t c\r\n" + HELLO, reusable=True),
    bad("HD11", OK + b" A: b\r\n" + HELLO, "proto.bad_header"),
    bad("HD12", OK + b"A: b\0c\r\n" + HELLO, "proto.bad_header"),
    bad("HD13", OK + b"A: b\rContent-Length: 0\r\n" + HELLO, "proto.bad_header"),
    bad("CR CR LF", OK + b"A: b\r\r\n" + HELLO, "proto.bad_header"),
    bad("NUL in a name", OK + b"A\0: b\r\n" + HELLO, "proto.bad_header"),
    bad("CR in the status line", b"HTTP/1.1 200 OK\rA: b\r\n\r\n", "proto.bad_status_line"),
    Case("HD14", OK + b"no colon\r\n" + HELLO, warnings=("warn.bad_header",)),
    bad("HD14 as framing", OK + b"Content-Length 9\r\n" + HELLO, "proto.bad_header"),
    bad("HD15", OK + b"Content-Length : 2\r\n" + HELLO, "proto.bad_header"),
    bad("HD15 VT", OK + b"Transfer-Encoding\x0b: chunked\r\n" + HELLO, "proto.bad_header"),
    Case("HD15 other field", OK + b"A : b\r\n" + HELLO, warnings=("warn.bad_header",)),
    Case("HD16", OK + b": empty\r\n" + HELLO, warnings=("warn.bad_header",)),
    Case("a folded line, no name", OK + b": a\r\n b\r\n" + HELLO, warnings=("warn.bad_header",)),
    bad("HD17", OK + b"A: " + b"x" * 70_000 + b"\r\n" + HELLO, "proto.headers_too_large"),
    bad("HD18", OK + b"A: b\r\n" * 3000 + HELLO, "proto.headers_too_large"),
    bad("HD19", OK + b"A: b\r\n" * 3000, "proto.headers_too_large"),
    bad("HD20", OK + b"A: " + b"x" * 70_000, "proto.headers_too_large"),
    bad("head of 256 KiB", OK + (b"A: " + b"x" * 9000 + b"\r\n") * 30, "proto.headers_too_large"),
    bad("HD23", OK + b"Content-Ty", "net.incomplete_head", retry="backoff"),
    bad("nothing at all", b"", "net.empty_reply", retry="backoff"),
    Case("HD24", OK + b"A: \xff\xe9\r\n" + HELLO, reusable=True),
    Case("HD25", b"HTTP/1.1 200 \x1b[31mOK\r\n" + HELLO, reusable=True),
    Case("HD26", b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + OK + HELLO, reusable=True),
    Case("HD27", b"HTTP/1.1 103 E\r\nContent-Length: 9\r\n\r\n" + OK + HELLO, reusable=True),
    Case("empty line after 100", b"HTTP/1.1 100 Continue\r\n\r\n\r\n" + OK + HELLO),
    bad("HD28", b"HTTP/1.1 100 Continue\r\n\r\n" * 17, "proto.too_many_1xx"),
    bad("1xx and the end", b"HTTP/1.1 103 E\r\n\r\n", "net.incomplete_head", retry="backoff"),
    bad("HD30", b"HTTP/1.1 101 S\r\nUpgrade: h2c\r\n\r\n", "proto.unexpected_101"),
    bad("HD31", b"HTTP/1.1 200 " + b"x" * 70_000, "proto.bad_status_line"),
    bad("HD31 whole", b"HTTP/1.1 200 " + b"x" * 9000 + b"\r\n\r\n", "proto.bad_status_line"),
    Case("HD32", OK + b"Set-Cookie: " + b"x" * 60_000 + b"\r\n" + HELLO, reusable=True),
    Case("BL01", OK + b"\r\nhello"),
    bad("BL02", OK + b"Content-Length: 9\r\n\r\nhello", "net.incomplete_body", body=b"hello",
        retry="once"),
    bad("BL07", OK + b"Content-Length: -5\r\n\r\nhello", "proto.bad_length"),
    bad("BL08", OK + b"Content-Length: 5x\r\n\r\nhello", "proto.bad_length"),
    bad("BL09", OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nhello", "net.incomplete_body",
        body=b"hello"),
    Case("BL10", OK + b"Content-Length: 5\r\n" + HELLO, reusable=True),
    bad("BL11", OK + b"Content-Length: 3\r\n" + HELLO, "proto.bad_length"),
    Case("BL12", OK + b"Content-Length: 5, 5\r\n\r\nhello", reusable=True),
    bad("BL13", OK + b"Content-Length: +5\r\n\r\nhello", "proto.bad_length"),
    bad("BL14", OK + b"Content-Length:\r\n\r\nhello", "proto.bad_length"),
    bad("a length with _", OK + b"Content-Length: 1_0\r\n\r\nhello", "proto.bad_length"),
    bad("a length in Arabic digits", OK + b"Content-Length: \xd9\xa5\r\n\r\n", "proto.bad_length"),
    bad("a length after VT", OK + b"Content-Length: \x0b5\r\n\r\nhello", "proto.bad_header"),
    Case("leading zeros", OK + b"Content-Length: " + b"0" * 30 + b"5\r\n\r\nhello", reusable=True),
    Case("tabs around", OK + b"Content-Length:\t5\t\r\n\r\nhello", reusable=True),
    Case("BL15", b"HTTP/1.1 204 N\r\nContent-Length: 5\r\n\r\nhello", body=b""),
    Case("BL15 no bytes", b"HTTP/1.1 204 N\r\nContent-Length: 5\r\n\r\n", body=b""),
    Case("BL16", b"HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\nhello", body=b""),
    Case("BL16 no bytes", b"HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n", body=b"", reusable=True),
    Case("BL17", OK + HELLO, body=b"", method="HEAD"),
    Case("HEAD", OK + HELLO[:-5], body=b"", method="HEAD", reusable=True),
    Case("CONNECT", OK + b"\r\n", body=b"", method="CONNECT", reusable=True),
    Case("BL18", OK + HELLO + b"x" * 23),
    Case("BL19", (OK + HELLO) * 2),
    bad("BL20", OK + b"Content-Length: 1073741824\r\n\r\nhello", "net.incomplete_body",
        body=b"hello"),
    Case("BL23", b"HTTP/1.1 205 R\r\n" + HELLO, reusable=True),
    bad("BL24", OK + b"Content-Length: 101\r\n\r\n" + b"x" * 101, "body.too_large",
        body=b"x" * 100)._replace(limits=SMALL),
    Case("a body of the limit", OK + b"Content-Length: 100\r\n\r\n" + X100, body=X100,
        reusable=True, limits=SMALL),
    bad("BL06", OK + b"\r\n" + X100 + b"x", "body.too_large", body=X100)._replace(limits=SMALL),
    Case("close, of the limit", OK + b"\r\n" + b"x" * 100, body=b"x" * 100, limits=SMALL),
    Case("BL26", OK + b"Content-Length: 0\r\n\r\n", body=b"", reusable=True),
    Case("RD18", FOUND + b"Content-Length: 99\r\n\r\n" + b"x" * 99,
        body=b"x" * 10, limits=SMALL),
    Case("RD19", FOUND + b"\r\n" + b"x" * 999, body=b"x" * 10, limits=SMALL),
    Case("RD19 chunked", FOUND + b"Transfer-Encoding: chunked\r\n\r\n"
        + b"9\r\n123456789\r\n" * 9, body=b"1234567891", limits=SMALL),
    Case("chunked", CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", reusable=True),
    Case("TE01", OK + b"Content-Length: 3\r\n" + CHUNKED[len(OK):] + b"5\r\nhello\r\n0\r\n\r\n",
        warnings=("warn.cl_te",)),
    bad("TE01 with a bad length", OK + b"Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n",
        "proto.bad_length"),
    bad("TE02", CHUNKED + b"5\r\nhello\r\nzz\r\n", "proto.bad_chunk", body=b"hello"),
    bad("TE03", CHUNKED + b"-5\r\nhello", "proto.bad_chunk"),
    bad("TE04", CHUNKED + b"f" * 20 + b"\r\nhello", "proto.bad_chunk"),
    bad("16 digits", CHUNKED + b"f" * 16 + b"\r\nhello", "net.incomplete_body", body=b"hello",
        retry="once"),
    bad("TE05", CHUNKED + b"5\r\nhello\r\n", "net.incomplete_body", body=b"hello", retry="once"),
    bad("TE07", CHUNKED + b"9\r\nhello", "net.incomplete_body", body=b"hello", retry="once"),
    bad("no CRLF at the end", CHUNKED + b"5\r\nhello\r\n0\r\n", "net.incomplete_body",
        body=b"hello", retry="once"),
    bad("TE08", CHUNKED + b"5\r\nhelloXX0\r\n\r\n", "proto.bad_chunk", body=b"hello"),
    bad("TE08 on a line", CHUNKED + b"5\r\nhelloXX\r\n0\r\n\r\n", "proto.bad_chunk", body=b"hello"),
    bad("TE08 LF", CHUNKED + b"5\r\nhello\n0\r\n\r\n", "proto.bad_chunk", body=b"hello"),
    bad("TE09", CHUNKED + b"5\nhello\n0\n\n", "proto.bad_chunk"),
    Case("TE10", CHUNKED + b'5;a;b=c ; d="e;\\"f"\r\nhello\r\n0\r\n\r\n', reusable=True),
    bad("an unbalanced quote", CHUNKED + b'5;a="b\r\nhello\r\n0\r\n\r\n', "proto.bad_chunk"),
    bad("TE11", CHUNKED + b"5;a=" + b"x" * 5000 + b"\r\nhello\r\n0\r\n\r\n", "proto.bad_chunk"),
    bad("TE12", CHUNKED + b"0" * 5000, "proto.bad_chunk"),
    bad("TE13", CHUNKED + b"1\r\nx\r\n" * 101, "body.too_large", body=b"x" * 100)._replace(
        limits=SMALL),
    Case("TE14", CHUNKED + b"5\r\nhello\r\n0\r\nContent-Length: 9\r\nSet-Cookie: a\r\n\r\n",
        reusable=True),
    bad("TE15", CHUNKED + b"5\r\nhello\r\n0\r\n" + b"A: b\r\n" * 11_000, "proto.trailers_too_large",
        body=b"hello"),
    bad("TE15 one line", CHUNKED + b"5\r\nhello\r\n0\r\n" + b"A" * 66_000,
        "proto.trailers_too_large", body=b"hello"),
    Case("TE16", CHUNKED + b"5\r\nhello\r\n0\r\n\r\nmore"),
    bad("TE17", OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "proto.bad_transfer_coding", body=b"hello"),
    bad("TE18", OK + b"Transfer-Encoding: chunked, identity\r\n\r\n", "proto.bad_transfer_coding"),
    bad("TE19", OK + b"Transfer-Encoding: xchunked\r\n\r\n", "proto.bad_transfer_coding"),
    Case("TE20", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        warnings=("warn.chunked_in_1_0",)),
    bad("TE21", OK + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n", "proto.bad_transfer_coding"),
    bad("TE22", OK + b"Transfer-Encoding:\x0bchunked\r\n" + HELLO, "proto.bad_header"),
    bad("TE23", CHUNKED + b"0x5\r\nhello\r\n", "proto.bad_chunk"),
    bad("TE24", CHUNKED + b" 5 \r\nhello\r\n", "proto.bad_chunk"),
    bad("TE25", CHUNKED + b"5\r\nhello\r\n0\r\nA: \0\r\n\r\n", "proto.bad_header", body=b"hello"),
    bad("bare LF in a trailer", CHUNKED + b"5\r\nhello\r\n0\r\nA: b\n\r\n", "proto.bad_header",
        body=b"hello"),
    Case("identity", OK + b"Transfer-Encoding: identity\r\n" + HELLO, reusable=True),
    Case("identity twice", OK + b"Transfer-Encoding: identity,identity\r\n" + HELLO, reusable=True),
    Case("identity first",
         OK + b"Transfer-Encoding: identity, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
         reusable=True),
    Case("KA05", OK + b"Connection: close\r\n" + HELLO),
    Case("close among tokens", OK + b"Connection: x, Close\r\n" + HELLO),
    Case("KA06", b"HTTP/1.0 200 OK\r\n" + HELLO),
    Case("1.0 kept", b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n" + HELLO, reusable=True),
    bad("TL09", OK + b"\r\nhello", "tls.truncated", body=b"hello", retry="once")._replace(
        clean=False),
    bad("TL10", OK + b"Content-Length: 9\r\n\r\nhello", "net.incomplete_body", body=b"hello",
        retry="once")._replace(clean=False),
    Case("TL11", OK + HELLO, clean=False, reusable=True),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.row)
def test_a_row_of_the_catalogue_has_its_outcome(case):
    got = read([case.data], method=case.method, limits=case.limits, clean=case.clean)

    assert (got.code, got.body) == (case.code, case.body)
    assert got.reusable == case.reusable
    if case.code:
        assert got.retry == case.retry
    else:
        assert got.warnings == case.warnings


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.row)
def test_a_row_has_the_same_outcome_in_any_pieces(case):
    whole = read([case.data], method=case.method, limits=case.limits, clean=case.clean)

    for pieces in splits(case.data):
        assert whole == read(pieces, method=case.method, limits=case.limits, clean=case.clean)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.reusable], ids=lambda case: case.row
)
@pytest.mark.parametrize("tail", [b"x", b"\r\n", OK + HELLO])
def test_bytes_after_the_end_change_nothing_but_the_reuse(case, tail):
    whole = read([case.data], method=case.method, limits=case.limits)

    for pieces in ([case.data + tail], [case.data, tail]):
        got = read(pieces, method=case.method, limits=case.limits)
        assert got == whole._replace(reusable=False)


FRAGMENTS = [OK, b"HTTP/1.0 200\r\n", b"HTTP/1.1 103 E\r\n\r\n", b"A: b\r\n", b" c\r\n", b"d\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: 7\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n", b"\r\n", b"\n", b"\r", b"5\r\nhello\r\n", b"0\r\n", b"hello", b"\0",
    b"2;a=b\r\nhi\r\n", b": x\r\n", b"Location: /\r\n", b"HTTP/1.1 302 F\r\n"]  # fmt: skip


@given(st.data())
def test_any_split_of_any_bytes_gives_the_same_outcome(data):
    head = data.draw(st.sampled_from(FRAGMENTS[:3]))
    message = head + b"".join(data.draw(st.lists(st.sampled_from(FRAGMENTS), max_size=12)))
    places = sorted(data.draw(st.sets(st.integers(1, len(message)), max_size=8)))

    edges = [0, *places, len(message)]
    pieces = [message[a:b] for a, b in itertools.pairwise(edges)]

    assert read([message], limits=SMALL) == read(pieces, limits=SMALL)


@given(st.binary(max_size=200))
def test_random_bytes_end_in_a_response_or_a_fetch_error(data):
    for message in (data, OK + data, CHUNKED + data):
        assert read([message], limits=SMALL) == read([message[:7], message[7:]], limits=SMALL)


@pytest.mark.parametrize(
    ("data", "total", "code", "retry"),
    [
        (b"", False, "timeout.first_byte", "backoff"),
        (b"", True, "timeout.deadline", "once"),
        (OK + b"A: b\r\n", False, "timeout.headers", "backoff"),  # HD22
        (b"HTTP/1.1 103 E\r\n\r\n", False, "timeout.headers", "backoff"),
        (b"HTTP/1", True, "timeout.deadline", "once"),  # HD21
        (OK + b"Content-Length: 9\r\n\r\nhello", False, "timeout.idle", "backoff"),  # BL04
        (OK + b"Content-Length: 9\r\n\r\nhello", True, "timeout.deadline", "no"),  # BL05
        (CHUNKED + b"5\r\nhello\r\n", False, "timeout.idle", "once"),  # TE06
        (CHUNKED + b"1\r\nx\r\n", True, "timeout.deadline", "no"),  # TE13
    ],
)
def test_what_came_too_late_is_told_by_where_the_response_was(data, total, code, retry):
    parser = ResponseParser("GET", LIMITS)
    parser.feed(data)

    error = parser.late(total=total)

    assert (error.code, error.retry) == (code, retry)


@pytest.mark.parametrize(
    ("data", "code", "retry"),
    [
        (b"", "net.reset", "backoff"),
        (b"HT", "net.incomplete_head", "backoff"),
        (OK + b"\r\nhel", "net.incomplete_body", "once"),
        (OK + b"Content-Length: 500\r\n\r\nhello", "net.incomplete_body", "once"),  # BL03
        (OK + b"Content-Length: 1073741824\r\n\r\nhello", "net.incomplete_body", "no"),
    ],
)
def test_a_reset_is_told_by_where_the_response_was(data, code, retry):
    parser = ResponseParser("GET", LIMITS)
    parser.feed(data)

    error = parser.lost("the peer reset the connection")

    assert (error.code, error.retry) == (code, retry)


def partial_of(case: Case):
    parser = ResponseParser("GET", case.limits)
    request = Request("http://a.example/")
    now = datetime.now(UTC)
    try:
        parser.feed(case.data)
        parser.end(clean=case.clean)
    except FetchError as error:
        with_partial(error, parser, request, started=now, elapsed=1.5, peer="::1 80")
        return error.partial
    raise AssertionError(f"{case.row} is no error")


@pytest.mark.parametrize(
    ("row", "truncated"),
    [
        ("BL02", "disconnect"),
        ("BL09", "disconnect"),
        ("BL24", "length"),
        ("TE02", "disconnect"),
        ("TE08", "disconnect"),
        ("TE15", "length"),
        ("TE17", "unspecified"),
        ("TL09", "disconnect"),
    ],
)
def test_what_had_arrived_is_kept_with_the_reason_it_is_not_whole(row, truncated):
    case = next(case for case in CASES if case.row == row)

    partial = partial_of(case)

    assert partial is not None
    assert (partial.body, partial.raw) == (case.body, case.body)
    assert partial.truncated == truncated
    assert (partial.status, partial.peer, partial.elapsed, partial.ok) == (
        200,
        "::1 80",
        1.5,
        False,
    )


@pytest.mark.parametrize("row", ["HD03", "HD12", "HD23", "BL11", "TE03", "TE18", "TE25"])
def test_nothing_is_kept_of_a_response_that_cannot_be_believed(row):
    case = next(case for case in CASES if case.row == row)

    assert partial_of(case) is None


def test_the_response_carries_all_that_was_read():
    parser = ResponseParser("GET", LIMITS)
    parser.feed(b"HTTP/1.0 404 Not F\xf6und\r\nX: 1\r\nx: 2 \r\n" + HELLO)
    request = Request("http://a.example/")
    now = datetime.now(UTC)

    response = parser.respond(request, started=now, elapsed=0.5, peer="p", reused=True)

    assert (response.request, response.started, response.elapsed) == (request, now, 0.5)
    assert (response.status, response.reason, response.http_version) == (404, "Not Föund", "1.0")
    assert response.headers.all("x") == ["1", "2"]
    assert (response.body, response.raw, response.peer) == (b"hello", b"hello", "p")
    assert response.reused
    assert not response.truncated

    copy = dataclasses.replace(response)  # made by the constructor
    assert type(response) is Response
    assert copy == response == pickle.loads(pickle.dumps(response))
    assert hash(copy) == hash(response)
    with pytest.raises(dataclasses.FrozenInstanceError):
        response.status = 1


def test_headers_are_the_same_split_or_not():
    parser = ResponseParser("GET", LIMITS)
    parser.feed(
        OK + b"A: 1\r\nB:2\t\r\na:  3\r\nEmpty:\r\nLatin: \xe9\r\nContent-Length: 0\r\n\r\n"
    )
    headers = parser.headers

    assert headers.get("a") == headers["A"] == "1"
    assert (headers.get("empty"), headers["LATIN"]) == ("", "é")
    assert (headers.get("none"), headers.get("none", "x"), "none" in headers) == (None, "x", False)
    assert (headers.get("2\t\r\na"), headers.get("é"), headers.all("é")) == (None, None, [])
    assert headers.all("a") == ["1", "3"]
    with pytest.raises(KeyError):
        headers["none"]

    copy = pickle.loads(pickle.dumps(headers))
    assert copy == headers
    assert hash(copy) == hash(headers)
    assert dict(copy) == dict(headers)
    assert len(headers) == 5
    assert headers.fields[0] == ("A", "1")


@pytest.mark.parametrize(
    ("value", "promised"),
    [
        (b"timeout=5, max=100", (5.0, 100)),  # KA08
        (b"Timeout = 1", (1.0, None)),
        (b'max="7"', (None, 7)),
        (b"timeout=-1, max=x", (None, None)),
        (b"timeout=" + b"9" * 30, (None, None)),
    ],
)
def test_keep_alive_says_how_long_and_how_often(value, promised):
    parser = ResponseParser("GET", LIMITS)
    parser.feed(OK + b"Keep-Alive: " + value + b"\r\n" + HELLO)

    assert parser.keep_alive == promised


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_has_a_location(status):
    for location, expected in ((b"Location: /\r\n", True), (b"X-Location: /\r\n", False)):
        parser = ResponseParser("GET", LIMITS)
        parser.feed(b"HTTP/1.1 %d M\r\n%b%b" % (status, location, HELLO))

        assert parser.is_redirect is expected
        assert parser.reusable


@pytest.mark.parametrize("status", [200, 201, 300, 304])  # RD20, RD21
def test_other_statuses_with_a_location_are_no_redirects(status):
    parser = ResponseParser("GET", LIMITS)
    parser.feed(b"HTTP/1.1 %d M\r\nLocation: /\r\nContent-Length: 0\r\n\r\n" % status)

    assert not parser.is_redirect


def test_a_body_cut_on_purpose_is_complete_and_the_connection_lost():
    parser = ResponseParser("GET", LIMITS)
    parser.feed(OK + b"Content-Length: 9\r\n\r\nhello")

    parser.cut()
    parser.end()

    assert parser.complete
    assert not parser.reusable
    assert parser.body == b"hello"


def test_what_the_body_still_needs_is_known_while_it_comes():
    parser = ResponseParser("GET", LIMITS)
    assert parser.expected == 0
    parser.feed(OK + b"Content-Length: 9\r\n\r\nhello")
    assert parser.expected == 4
    parser.feed(b"1234")
    assert (parser.expected, parser.size) == (0, 9)

    parser = ResponseParser("GET", LIMITS)
    parser.feed(CHUNKED + b"a\r\nhello")
    assert parser.expected == 5


@pytest.mark.timeout(5)
def test_a_megabyte_in_single_bytes_is_linear_work():
    """BL25. Copying what is there at each byte would take minutes."""
    parser = ResponseParser("GET", Limits(head=2**20, header_line=2**20))
    head = OK + b"A: " + b"x" * 100_000 + b"\r\nContent-Length: 300000\r\n\r\n"
    for byte in head + b"y" * 300_000:
        parser.feed(bytes([byte]))

    assert parser.complete
    assert parser.body == b"y" * 300_000


@settings(max_examples=30)
@given(st.lists(st.binary(min_size=1, max_size=5000), max_size=8))
def test_chunks_join_to_the_body(pieces):
    data = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    got = read([CHUNKED, data[:3000], data[3000:] + b"0\r\n\r\n"])

    assert (got.code, got.body, got.reusable) == ("", b"".join(pieces), True)
