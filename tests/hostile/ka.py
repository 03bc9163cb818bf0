"""KA: what a kept connection can do before, during and after its next request."""

from __future__ import annotations

from hostile.row import PAGE, REST, Ask, Close, Read, Reset, Row, Send, Sleep, head, says, whole

TWICE = (Ask("/first"), Ask("/second"))
PAUSED = (Ask("/first"), REST, Ask("/second"))
POSTED = (Ask("/first"), Ask("/second", method="POST", body=b"x"))
GOOD = Send(whole())
TIMEOUT = Send(whole(b"", "Connection: close", status="408 Request Timeout"))

ROWS = [
    Row("KA01", ((Read(), GOOD, Close()),), asks=PAUSED, fresh=("/second",), seen=1),
    Row("KA02", ((Read(), GOOD, Read(), Reset()),), asks=TWICE, seen=2),
    Row("KA02-close", ((Read(), GOOD, Read(), Close()),), asks=TWICE, seen=2),
    # The fresh connection fails too: that is an attempt like any other, and reported.
    Row(
        "KA02-both",
        ((Read(), GOOD, Read(), Reset()), (Read(), Reset())),
        asks=TWICE,
        code="net.reset",
        retry="backoff",
        seen=2,
    ),
    Row(
        "KA02-head",
        ((Read(), GOOD, Read(), Reset()), (Read(), Send(head("Content-Length: 9")))),
        asks=(Ask("/first"), Ask("/second", method="HEAD")),
        body=b"",
        seen=2,
    ),
    Row(
        "KA03",
        ((Read(), GOOD, Read(), Send(b"HTTP/1.1 2"), Close()),),
        asks=TWICE,
        code="net.incomplete_head",
        retry="backoff",
        connection="close",
        seen=1,
    ),
    Row(
        "KA04",
        says(whole(PAGE, "Connection: keep-alive"), Close()),
        connection="close",
    ),
    Row("KA05", says(whole(PAGE, "Connection: close")), connection="close"),
    Row("KA06", says(whole(version="1.0")), connection="close"),
    Row(
        "KA06-kept",
        says(whole(PAGE, "Connection: Keep-Alive", version="1.0")),
        connection="reuse",
    ),
    Row(
        "KA07",
        ((Read(), GOOD, Read(), Reset()),),
        asks=POSTED,
        code="net.reset",
        retry="backoff",
        retries=2,
        seen=1,
    ),
    Row("KA08", says(whole(PAGE, "Keep-Alive: timeout=1, max=1")), connection="close"),
    Row("KA08-long", says(whole(PAGE, "Keep-Alive: timeout=60, max=99")), connection="reuse"),
    Row(
        "KA09",
        ((Read(), GOOD, Sleep(0.01), TIMEOUT, Close()),),
        asks=PAUSED,
        fresh=("/second",),
        seen=1,
    ),
    # It was on its way when the request was sent: one would take it for the answer.
    Row("KA09-crossed", ((Read(), GOOD, Read(), TIMEOUT, Close()),), asks=TWICE, seen=2),
    Row(
        "KA09-posted",
        ((Read(), GOOD, Read(), TIMEOUT, Close()), (Read(), TIMEOUT, Close())),
        asks=POSTED,
        status=408,
        body=b"",
        seen=1,
    ),
    Row("KA09-fresh", says(TIMEOUT.data), status=408, body=b"", connection="close"),
    # Five minutes, an idle half minute and a thousand requests, scaled down.
    Row("KA10", asks=PAUSED, fresh=("/second",), limits={"keep_life": 0.05}),
    Row("KA10-idle", asks=PAUSED, fresh=("/second",), limits={"keep_idle": 0.03}),
    Row(
        "KA10-requests",
        asks=(Ask("/first"), Ask("/second"), Ask("/third")),
        fresh=("/third",),
        limits={"keep_requests": 2},
    ),
    Row("KA10-kept", asks=PAUSED, connection="reuse", limits={"keep_life": 60.0}),
]
