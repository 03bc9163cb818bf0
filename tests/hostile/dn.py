"""DN: names and addresses; PX: proxies."""

from __future__ import annotations

from hostile.certificates import NAME
from hostile.row import (
    Ask,
    Flood,
    Handshake,
    Hold,
    Read,
    Row,
    Send,
    Sleep,
    head,
    redirect,
    says,
    whole,
)

BLOCKED = "policy.address_blocked"
SPELLINGS = ("2130706433", "0x7f.1", "127.1", "0", "0177.0.0.1", "%E2%91%A0%E2%91%A1%E2%91%A6.1")
INSIDE = ("::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fec0::1", "::ffff:127.0.0.1")
PLAIN = (Ask(url="http://host.test/"),)
TUNNEL = (Ask(url="https://host.test/"),)


def blocked(row: str, host: str) -> Row:
    return Row(row, asks=(Ask(url=f"http://{host}/", public_only=True),), code=BLOCKED)


ROWS = [
    Row(
        "DN05",
        host="many.test",
        addresses=("127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.4", "127.0.0.5"),
        blackholes=("127.0.0.2", "127.0.0.3"),
        connection="reuse",
    ),
    Row("DN06", host="both.test", addresses=("::1", "127.0.0.1"), connection="reuse"),
    Row(
        "DN07",
        host="crowd.test",
        addresses=("127.0.0.1", *(f"127.0.1.{number}" for number in range(1, 200))),
        connection="reuse",
    ),
    *(blocked(f"DN09-{number}", host) for number, host in enumerate(SPELLINGS, 1)),
    *(blocked(f"DN10-{number}", f"[{host}]") for number, host in enumerate(INSIDE, 1)),
    blocked("DN10-multicast", "224.0.0.1"),
    Row("PX01", listen="closed", asks=PLAIN, proxied=True, code="proxy.refused", retry="backoff"),
    Row(
        "PX01-tunnel",
        listen="closed",
        asks=TUNNEL,
        proxied=True,
        code="proxy.refused",
        retry="backoff",
    ),
    Row(
        "PX02",
        says(whole(b"no", status="407 Proxy Authentication Required")),
        asks=PLAIN,
        proxied=True,
        code="proxy.auth",
    ),
    Row(
        "PX02-tunnel",
        says(whole(b"no", status="407 Proxy Authentication Required")),
        asks=TUNNEL,
        proxied=True,
        code="proxy.auth",
    ),
    Row(
        "PX03",
        says(whole(b"no", status="502 Bad Gateway")),
        asks=TUNNEL,
        proxied=True,
        code="proxy.bad_gateway",
        retry="backoff",
    ),
    # What stands in a tunnel before our ClientHello is no TLS and not ours.
    Row(
        "PX03-body",
        says(whole(b"hello")),
        asks=TUNNEL,
        proxied=True,
        code="proto.desync",
        retry="no|backoff",
    ),
    Row(
        "PX03-late",
        says(head("Content-Length: 5"), Sleep(0.03), Send(b"hello")),
        asks=TUNNEL,
        proxied=True,
        code="proto.desync",
        retry="no|backoff",
    ),
    Row(
        "PX04",
        says(b"HTTP/1.1 200 OK\r\n", Flood(b"X-More: %s\r\n" % (b"y" * 200) * 100, 0.005)),
        asks=TUNNEL,
        proxied=True,
        code="proto.headers_too_large",
    ),
    Row(
        "PX04-whole",
        says(b"HTTP/1.1 200 OK\r\n" + b"X-More: %s\r\n" % (b"y" * 200) * 100 + b"\r\n"),
        asks=TUNNEL,
        proxied=True,
        code="proto.headers_too_large",
    ),
    Row(
        "PX04-interim",
        says(b"HTTP/1.1 103 Early Hints\r\nX-More: %s\r\n\r\n" % (b"y" * 2000) * 9),
        asks=TUNNEL,
        proxied=True,
        code="proto.headers_too_large",
    ),
    Row(
        "PX05",
        ((Read(), Hold()),),
        asks=TUNNEL,
        proxied=True,
        code="timeout.connect",
        retry="backoff",
    ),
    Row(
        "PX05-drip",
        ((Read(), Send(b"HTTP/1.1 200 OK\r\nX-More: "), Flood(b"y", 0.05)),),
        asks=TUNNEL,
        proxied=True,
        code="timeout.connect",
        retry="backoff",
    ),
    # The battery's environment names a proxy that refuses, for every scheme.
    Row("PX07", connection="reuse"),
    Row(
        "PX08",
        asks=(Ask(url="http://93.184.216.34/", public_only=True),),
        routes={"http://93.184.216.34/": (Send(whole()),)},
        proxied=True,
        heads=(b"GET http://93.184.216.34/ HTTP/1.1",),
    ),
    Row(
        "RD27",
        asks=(Ask(url="http://93.184.216.34/"),),
        routes={"http://93.184.216.34/": redirect("http://127.0.0.1:{port}/inside")},
        proxied=True,
        code=BLOCKED,
        heads=(b"GET http://93.184.216.34/ HTTP/1.1",),
    ),
    Row(
        "PX-pieces",
        (
            (
                Read(),
                *(Send(piece) for piece in (b"H", b"TTP/1.1 100 Continue\r", b"\n\r\nHTTP/1.1 2")),
                *(Send(piece) for piece in (b"00 OK\r\nVia: a\r\n\r", b"\n")),
                Handshake(),
            ),
        ),
        asks=(Ask(url=f"https://{NAME}/"),),
        proxied=True,
        tls="good",
        heads=(f"CONNECT {NAME}:443 HTTP/1.1".encode(), b"GET / HTTP/1.1"),
    ),
    Row(
        "PX-tunnel",
        ((Read(), Send(head(status="200 Connection established")), Handshake()),),
        asks=(Ask(url=f"https://{NAME}/"),),
        proxied=True,
        tls="good",
        heads=(f"CONNECT {NAME}:443 HTTP/1.1".encode(), b"GET / HTTP/1.1"),
    ),
]
