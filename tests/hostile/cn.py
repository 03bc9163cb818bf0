"""CN: what can happen to a connection before a byte of the answer."""

from __future__ import annotations

from hostile.row import (
    PAGE,
    Ask,
    Close,
    HalfClose,
    Hold,
    Read,
    Reset,
    Row,
    Send,
    Sleep,
    says,
    whole,
)

POST = (Ask(method="POST", body=b"x" * 4_000_000),)

ROWS = [
    Row("CN01", listen="closed", code="connect.refused", retry="backoff"),
    Row("CN02", listen="full", code="connect.timeout", retry="backoff"),
    # Whether our request left before the RST came is a race that the kernels decide.
    Row("CN03", ((Reset(),),), code="connect.reset|net.reset", retry="backoff", connection="close"),
    Row(
        "CN04",
        ((HalfClose(), Sleep(0.02), Close()),),
        code="net.empty_reply",
        retry="backoff",
        connection="close",
    ),
    Row("CN05", ((Read(), Reset()),), code="net.reset", retry="backoff", connection="close"),
    Row("CN06", ((Read(), Close()),), code="net.empty_reply", retry="backoff", connection="close"),
    Row(
        "CN07",
        ((Read(), Hold()),),
        code="timeout.first_byte",
        retry="backoff",
        connection="close",
    ),
    Row(
        "CN08",
        ((Sleep(1.5), Hold()),),
        code="timeout.first_byte",
        retry="backoff",
        connection="close",
    ),
    Row("CN09", ((HalfClose(), Hold()),), code="net.empty_reply", retry="backoff"),
    Row("CN10", ((Send(whole()), Read(), Hold()),), body=PAGE),
    Row("CN11", ((Read(), Close()), (Read(), Close())), retries=2, seen=3, connection="reuse"),
    Row(
        "CN12",
        ((Read(head=True), Reset()),),
        asks=POST,
        code="net.reset",
        retry="backoff",
        connection="close",
    ),
    Row(
        "CN14",
        ((Read(head=True), Send(whole()), Sleep(0.02), Reset()),),
        asks=POST,
        connection="close",
    ),
    # Variants: a retry that does not help, and one that may not be made.
    Row(
        "CN06-thrice",
        ((Read(), Close()),) * 3,
        code="net.empty_reply",
        retry="backoff",
        retries=2,
        seen=3,
    ),
    Row(
        "CN12-retries",
        ((Read(), Reset()),) * 2,
        asks=(Ask(method="POST", body=b"x"),),
        code="net.reset",
        retry="backoff",
        retries=2,
        seen=1,
    ),
    Row(
        "CN12-empty",
        ((Read(), Reset()),) * 2,
        asks=(Ask(method="POST"),),
        code="net.reset",
        retry="backoff",
        retries=2,
        seen=1,
    ),
    Row("CN14-whole", says(whole(), Reset()), connection="close"),
]
