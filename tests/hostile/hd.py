"""HD: status lines, header fields, interim responses."""

from __future__ import annotations

from hostile.row import PAGE, Close, Drip, Flood, Hold, Row, Send, Sleep, head, says, whole

OK = b"HTTP/1.1 200 OK\r\n"
TWO = b"Content-Length: 2\r\n\r\nok"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


def refused(row: str, data: bytes, code: str, **more: str) -> Row:
    """A head that ends the exchange, though the connection stays open."""
    return Row(row, says(data), code=code, body=b"", connection="close", **more)  # type: ignore[arg-type]  # only words


def taken(row: str, data: bytes, body: bytes = b"ok", connection: str = "reuse") -> Row:
    return Row(row, says(data), body=body, connection=connection)


def line(status_line: bytes) -> bytes:
    return status_line + b"\r\n" + TWO


ROWS = [
    Row("HD01", says(b"<html>hello", Close()), code="proto.bad_status_line", connection="close"),
    refused("HD02", b"SSH-2.0-OpenSSH_9.7\r\n", "proto.bad_status_line"),
    refused("HD03", line(b"HTTP/1.1 two-hundred OK"), "proto.bad_status_line"),
    refused("HD04", line(b"HTTP/1.1 99999 X"), "proto.bad_status_line"),
    refused("HD05", line(b"HTTP/1.1 099 X"), "proto.bad_status_line"),
    refused("HD06", line(b"HTTP/9.9 200 OK"), "proto.bad_version"),
    taken("HD07", line(b"HTTP/1.1 200")),
    refused("HD08", b"\r\n\r\n" + OK + TWO, "proto.bad_status_line", retry="once"),
    taken("HD09", whole().replace(b"\r\n", b"\n"), PAGE, "close"),
    taken("HD10", OK + b"X-Long: one\r\n two\r\n\tthree\r\n" + TWO),
    refused("HD11", OK + b" X-First: 1\r\n" + TWO, "proto.bad_header"),
    refused("HD12", OK + b"X-Nul: a\0b\r\n" + TWO, "proto.bad_header"),
    refused("HD13", OK + b"X-Cr: a\rContent-Length: 0\r\n" + TWO, "proto.bad_header"),
    Row(
        "HD14",
        says(OK + b"this line has no colon\r\n" + TWO),
        body=b"ok",
        warnings=("warn.bad_header",),
        connection="close",
    ),
    refused("HD15", OK + b"Content-Length : 2\r\n\r\nok", "proto.bad_header"),
    Row(
        "HD16",
        says(OK + b": empty-name\r\n" + TWO),
        body=b"ok",
        warnings=("warn.bad_header",),
        connection="close",
    ),
    refused("HD17", OK + b"X-Long: " + b"a" * 200_000 + b"\r\n" + TWO, "proto.headers_too_large"),
    refused("HD18", OK + b"X-One: 1\r\n" * 3000 + TWO, "proto.headers_too_large"),
    Row(
        "HD19",
        says(OK, Flood(b"X-More: %s\r\n" % (b"y" * 80) * 300, 0.005)),
        code="proto.headers_too_large",
        connection="close",
    ),
    Row(
        "HD20",
        says(OK + b"X-Endless: ", Flood(b"z" * 32768, 0.005)),
        code="proto.headers_too_large",
        connection="close",
    ),
    Row(
        "HD21",
        says(OK, Drip(b"X-Drip: " + b"d" * 90, 0.05)),
        code="timeout.deadline",
        retry="once",
        connection="close",
    ),
    Row(
        "HD22",
        says(OK + b"X-One: 1\r\n", Hold()),
        code="timeout.headers",
        retry="backoff",
        connection="close",
    ),
    Row(
        "HD23",
        says(OK + b"Content-Type: text/html\r\n", Close()),
        code="net.incomplete_head",
        retry="backoff",
        connection="close",
    ),
    taken("HD24", OK + b"X-Latin: caf\xe9 \xff\x80\r\n" + TWO),
    taken("HD25", b"HTTP/1.1 200 \x1b[31mred\x1b[0m\r\n" + TWO),
    taken("HD26", CONTINUE * 3 + whole(), PAGE),
    Row("HD27", says(EARLY, Sleep(0.05), Send(whole())), connection="reuse"),
    Row("HD27-together", says(EARLY + EARLY + whole()), connection="reuse"),
    Row(
        "HD28",
        says(CONTINUE, Flood(CONTINUE * 20, 0.005)),
        code="proto.too_many_1xx",
        connection="close",
    ),
    Row("HD29", says(EARLY, Flood(EARLY, 0.002)), code="proto.too_many_1xx", connection="close"),
    refused(
        "HD30",
        head("Upgrade: websocket", "Connection: Upgrade", status="101 Switching Protocols"),
        "proto.unexpected_101",
    ),
    refused("HD31", b"HTTP/1.1 200 " + b"r" * 70_000 + b"\r\n" + TWO, "proto.bad_status_line"),
    taken(
        "HD32",
        OK + b"Set-Cookie: a=%s\r\n" % (b"c" * 60_000) + b"Set-Cookie: b=1\r\n" * 90 + TWO,
    ),
]
