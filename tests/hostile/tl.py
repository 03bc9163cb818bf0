"""TL: certificates, handshakes, and connections that end below TLS."""

from __future__ import annotations

from hostile.certificates import NAME
from hostile.row import (
    PAGE,
    Close,
    Drip,
    Handshake,
    Hear,
    Hold,
    Raw,
    Read,
    Reset,
    Row,
    Send,
    Step,
    head,
    whole,
)

RECORD = b"\x16\x03\x03\x40\x00" + bytes(200)  # the start of a handshake record of 16 KiB


def refused(row: str, certificate: str, code: str) -> Row:
    return Row(row, tls=certificate, host=NAME, code=code)


def raw(row: str, *steps: Step, code: str, retry: str = "no") -> Row:
    """A handshake played by hand."""
    return Row(row, ((Hear(), *steps),), tls="raw", host=NAME, code=code, retry=retry)


def ends(row: str, data: bytes, *then: Step, code: str = "", retry: str = "no") -> Row:
    return Row(
        row,
        ((Handshake(), Read(), Send(data), *then),),
        tls="good",
        host=NAME,
        code=code,
        kept="disconnect" if code else "",
        retry=retry,
        connection="close",
    )


ROWS = [
    refused("TL01", "expired", "tls.verify.expired"),
    refused("TL02", "wrong name", "tls.verify.hostname"),
    refused("TL03", "untrusted", "tls.verify.untrusted"),
    raw("TL04", Hold(), code="timeout.tls", retry="backoff"),
    raw("TL05", Drip(RECORD, 0.05), Hold(), code="timeout.tls", retry="backoff"),
    raw("TL06", Send(whole(b"plain", status="400 Bad Request")), Hold(), code="tls.not_tls"),
    raw("TL07", Reset(), code="tls.reset", retry="backoff"),
    raw("TL08", Close(), code="tls.eof", retry="backoff"),
    ends("TL09", head() + PAGE, Close(), code="tls.truncated", retry="once"),
    ends(
        "TL10",
        head("Content-Length: 500") + PAGE,
        Close(),
        code="net.incomplete_body",
        retry="once",
    ),
    ends("TL11", whole(), Close()),
    ends("TL11-notified", head() + PAGE, Close(notify=True)),
    raw("TL12", Send(b"\x15\x03\x03\0\x02\x02\x46"), Hold(), code="tls.version"),
    raw("TL13", Send(b"\x15\x03\x03\0\x02\x02\x28"), Hold(), code="tls.alert"),
    Row("TL14", tls="good", host=NAME, connection="reuse"),
    ends(
        "TL15",
        head("Content-Length: 500") + PAGE,
        Raw(b"\x17\x03\x03\0\x20" + b"garbage " * 4),
        code="tls.bad_record",
        retry="once",
    ),
    Row("TL17", tls="server name", host=NAME, connection="reuse"),
    Row("TL17-address", tls="good", connection="reuse"),
    Row("TL18", tls="tickets", host=NAME, connection="reuse"),
    refused("TL19", "chain", "tls.verify.chain"),
    refused("TL20", "client", "tls.client_cert"),
    Row(
        "TL21",
        tls="untrusted",
        host=NAME,
        code="tls.verify.untrusted",
        insecure_before=True,
        heads=(b"GET /before ",),
    ),
]
