"""BL: how long a body is, and what follows it."""

from __future__ import annotations

import random

from hostile.row import PAGE, Ask, Close, Drip, Flood, Hold, Reset, Row, head, says, whole

HEAD = (Ask(method="HEAD"),)
CAP = {"max_bytes": 2 * 1024 * 1024}  # 10 MiB take a busy machine longer than the deadlines here
MORE = CAP["max_bytes"] + 1
FIVE = b"hello"
BIG = random.Random(25).randbytes(20_000)


def length(*values: str, body: bytes = FIVE, status: str = "200 OK") -> bytes:
    return head(*(f"Content-Length: {value}" for value in values), status=status) + body


def bad_length(row: str, *values: str) -> Row:
    return Row(row, says(length(*values)), code="proto.bad_length", connection="close")


def cut(row: str, value: str, *, end: Close | Reset, retry: str = "once") -> Row:
    """A body of 245 bytes that was announced longer."""
    return Row(
        row,
        says(length(value, body=PAGE), end),
        code="net.incomplete_body",
        kept="disconnect",
        retry=retry,
        connection="close",
    )


ROWS = [
    Row("BL01", says(head() + PAGE, Close()), connection="close"),
    cut("BL02", "500", end=Close()),
    cut("BL03", "500", end=Reset()),
    Row(
        "BL04",
        says(length("500", body=PAGE), Hold()),
        code="timeout.idle",
        kept="time",
        retry="backoff",
        connection="close",
    ),
    Row(
        "BL05",
        says(length("500", body=b""), Drip(PAGE, 0.1)),
        code="timeout.deadline",
        kept="time",
        body=PAGE[:1],
        connection="close",
    ),
    Row(
        "BL05-rate",
        says(length("500", body=b""), Drip(PAGE, 0.05)),
        code="timeout.deadline",
        kept="time",
        body=PAGE[:1],
        connection="close",
        limits={"timeout": 5.0, "rate_window": 0.3, "min_rate": 100},
    ),
    Row(
        "BL06",
        says(head(), Flood(b"e" * 65536)),
        code="body.too_large",
        kept="length",
        body=b"e" * 1000,
        connection="close",
        limits=CAP,
    ),
    Row(
        "BL06-slow",
        says(head(), Flood(b"e" * 2000, 0.01)),
        code="timeout.deadline",
        kept="time",
        body=b"e" * 1000,
        connection="close",
    ),
    bad_length("BL07", "-5"),
    bad_length("BL08", "5x"),
    Row(
        "BL09",
        says(length("99999999999999999999999", body=PAGE), Close()),
        code="net.incomplete_body|body.too_large",
        kept="disconnect|length",
        body=b"",
        connection="close",
    ),
    Row("BL10", says(length("5", "5")), body=FIVE, connection="reuse"),
    bad_length("BL11", "5", "6"),
    Row("BL12", says(length("5, 5")), body=FIVE, connection="reuse"),
    bad_length("BL13", "+5"),
    bad_length("BL14", ""),
    Row(
        "BL15",
        says(length("5", status="204 No Content")),
        status=204,
        body=b"",
        connection="close",
    ),
    Row(
        "BL16",
        says(length("5", status="304 Not Modified")),
        status=304,
        body=b"",
        connection="close",
    ),
    Row("BL17", says(length("5")), asks=HEAD, body=b"", connection="close"),
    Row("BL17-right", says(length("5", body=b"")), asks=HEAD, body=b"", connection="reuse"),
    Row(
        "BL17-chunked",
        says(head("Transfer-Encoding: chunked")),
        asks=HEAD,
        body=b"",
        connection="reuse",
    ),
    Row(
        "BL16-right",
        says(head("Content-Length: 500", status="304 Not Modified")),
        status=304,
        body=b"",
        connection="reuse",
    ),
    Row("BL18", says(length("5") + b"twenty-three more bytes"), body=FIVE, connection="close"),
    Row("BL19", says(length("5") + whole(b"unasked")), body=FIVE, connection="close"),
    cut("BL20", str(1024**3), end=Close(), retry="no"),
    Row("BL21", says(whole(FIVE, "Content-Range: bytes 0-4/10")), body=FIVE, connection="reuse"),
    Row(
        "BL22",
        says(whole(FIVE, "Content-Range: bytes 0-4/10", status="206 Partial Content")),
        code="http.partial",
        kept="unspecified",
        body=FIVE,
        connection="reuse",
    ),
    Row(
        "BL23",
        says(whole(FIVE, status="205 Reset Content")),
        status=205,
        body=FIVE,
        connection="reuse",
    ),
    Row(
        "BL24",
        says(length(str(MORE), body=b"m" * MORE)),
        code="body.too_large",
        kept="length",
        body=b"",
        connection="close",
        limits=CAP,
    ),
    Row("BL25", says(length("20000", body=b""), Drip(BIG, 0.0)), body=BIG, connection="reuse"),
    Row("BL26", says(whole(b"", "Content-Type: text/html")), body=b"", connection="reuse"),
]
