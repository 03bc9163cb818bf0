"""TE: transfer codings."""

from __future__ import annotations

import gzip

from hostile.row import PAGE, Close, Flood, Hold, Row, Script, chunks_of, head, says

FIVE = b"hello"
CODED = chunks_of(FIVE)
ZIPPED = gzip.compress(PAGE, mtime=0)
CHUNKED = head("Transfer-Encoding: chunked")


def bad_chunk(
    row: str, data: bytes, *, kept: bool = False, then: tuple[()] | tuple[Close] = ()
) -> Row:
    return Row(
        row,
        says(CHUNKED + data, *then),
        code="proto.bad_chunk",
        kept="disconnect" if kept else "",
        body=FIVE if kept else b"",
        connection="close",
    )


def unfinished(row: str, data: bytes, *then: Close) -> Row:
    return Row(
        row,
        says(CHUNKED + data, *then),
        code="net.incomplete_body",
        kept="disconnect",
        body=FIVE,
        retry="once",
        connection="close",
    )


def taken(row: str, play: tuple[Script, ...], connection: str, *warnings: str) -> Row:
    return Row(row, play, body=FIVE, connection=connection, warnings=warnings)


def coding(row: str, *values: str, code: str = "proto.bad_transfer_coding", extra: str = "") -> Row:
    lines = [f"Transfer-Encoding:{value}" for value in values] + [extra] * bool(extra)
    return Row(row, says(head(*lines) + CODED), code=code, connection="close")


ROWS = [
    taken(
        "TE01",
        says(head("Transfer-Encoding: chunked", "Content-Length: 3") + CODED),
        "close",
        "warn.cl_te",
    ),
    bad_chunk("TE02", b"5\r\nhello\r\nzz\r\nworld\r\n0\r\n\r\n", kept=True),
    bad_chunk("TE03", b"-5\r\nhello\r\n0\r\n\r\n"),
    bad_chunk("TE04", b"11112222333344445555\r\nhello\r\n0\r\n\r\n"),
    unfinished("TE05", b"5\r\nhello\r\n", Close()),
    Row(
        "TE06",
        says(CHUNKED + b"5\r\nhello\r\n", Hold()),
        code="timeout.idle",
        kept="time",
        body=FIVE,
        retry="once",
        connection="close",
    ),
    unfinished("TE07", b"64\r\nhello", Close()),
    bad_chunk("TE08", b"5\r\nhelloXX0\r\n\r\n", kept=True),
    bad_chunk("TE09", b"5\nhello\n0\n\n"),
    taken("TE10", says(CHUNKED + b'5;a=b;c="d e"\r\nhello\r\n0;last\r\n\r\n'), "reuse"),
    bad_chunk("TE11", b"5;x=" + b"e" * 2_000_000 + b"\r\nhello\r\n0\r\n\r\n"),
    Row(
        "TE12",
        says(CHUNKED, Flood(b"0" * 4096, 0.005)),
        code="proto.bad_chunk",
        connection="close",
    ),
    Row(
        "TE13",
        says(CHUNKED, Flood(b"1\r\nx\r\n" * 50, 0.01)),
        code="body.too_large|timeout.deadline",
        kept="length|time",
        body=b"x" * 50,
        connection="close",
    ),
    taken(
        "TE14",
        says(CHUNKED + b"5\r\nhello\r\n0\r\nContent-Length: 99\r\nSet-Cookie: a=b\r\n\r\n"),
        "reuse",
    ),
    Row(
        "TE15",
        says(
            CHUNKED + b"5\r\nhello\r\n0\r\n",
            Flood(b"X-Trailer: %s\r\n" % (b"t" * 200) * 100, 0.005),
        ),
        code="proto.trailers_too_large",
        kept="length",
        body=FIVE,
        connection="close",
    ),
    taken("TE16", says(CHUNKED + CODED + b"after the end"), "close"),
    Row(
        "TE17",
        says(head("Transfer-Encoding: gzip, chunked") + chunks_of(ZIPPED)),
        code="proto.bad_transfer_coding",
        kept="raw",
        body=ZIPPED,
        connection="close",
    ),
    coding("TE18", " chunked, identity"),
    coding("TE19", " xchunked"),
    taken("TE20", says(head("Transfer-Encoding: chunked", version="1.0") + CODED), "close", "warn"),
    coding("TE21", " chunked", " chunked"),
    coding("TE21-list", " chunked, chunked"),
    coding("TE22", "\x0bchunked", code="proto.bad_header", extra="Content-Length: 5"),
    bad_chunk("TE23", b"0x5\r\nhello\r\n0\r\n\r\n"),
    bad_chunk("TE24", b" 5 \r\nhello\r\n0\r\n\r\n"),
    Row(
        "TE25",
        says(CHUNKED + b"5\r\nhello\r\n0\r\nX-Nul: a\0b\r\n\r\n"),
        code="proto.bad_header",
        connection="close",
    ),
]
