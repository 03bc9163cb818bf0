"""RD: where a redirect may lead."""

from __future__ import annotations

from hostile.ce import BOMB
from hostile.row import PAGE, Ask, Flood, Row, Script, Send, head, redirect, says, whole

SECRETS = (
    ("Authorization", "Bearer never-sent"),
    ("Cookie", "session=never-sent"),
    ("X-Api-Key", "never-sent"),
)
ARMED = (Ask(headers=SECRETS),)
LOOP = "redirect.loop"
BAD = "redirect.bad_location"
SCHEME = "redirect.forbidden_scheme"


def leads(row: str, location: str, *, code: str = "", **more: object) -> Row:
    """One redirect to `location`; the response that follows it is the page of /target."""
    routes = {"/": redirect(location)}
    return Row(row, routes=routes, code=code, **more)  # type: ignore[arg-type]  # fields of Row


def bare(row: str, answer: bytes) -> Row:
    return Row(
        row,
        says(answer),
        code="http.redirect_without_location",
        kept="full",
        connection="reuse",
    )


def posted(row: str, status: str, then: bytes) -> Row:
    return Row(
        row,
        routes={"/": redirect("/target", status=status)},
        asks=(Ask(method="POST", body=b"form=1"),),
        heads=(b"POST / ", then + b" /target "),
        connection="reuse",
    )


def chain(length: int) -> dict[str, Script]:
    return {f"/hop{number}": redirect(f"/hop{number + 1}") for number in range(length)}


ROWS = [
    leads("RD01", "/", code=LOOP, connection="reuse", seen=1),
    Row(
        "RD02",
        routes={"/": redirect("/b"), "/b": redirect("/")},
        code=LOOP,
        connection="reuse",
        heads=(b"GET / ", b"GET /b "),
    ),
    Row(
        "RD03",
        routes=chain(40),
        asks=(Ask("/hop0"),),
        code="redirect.too_many",
        heads=tuple(b"GET /hop%d " % number for number in range(11)),
        connection="reuse",
    ),
    Row(
        "RD03-ten",
        routes=chain(10),
        asks=(Ask("/hop0"),),
        heads=tuple(b"GET /hop%d " % number for number in range(11)),
        connection="reuse",
    ),
    bare("RD04", whole(status="302 Found")),
    bare("RD05", whole(PAGE, "Location: ", status="302 Found")),
    leads("RD06", "file:///etc/passwd", code=SCHEME),
    leads("RD07", "javascript:alert(1)", code=SCHEME),
    leads("RD08", "data:text/html,hi", code=SCHEME),
    leads("RD09", "ftp://127.0.0.1/x", code=SCHEME),
    # A line of 100 KB is over the cap of HD17 as well: either refusal is the catalogue's.
    leads("RD10", "/" + "l" * 100_000, code=f"{BAD}|proto.headers_too_large"),
    leads("RD10-8k", "/" + "l" * 8_000, code=BAD),
    leads("RD11", "http://", code=BAD),
    leads("RD12", "http://[::1", code=BAD),
    leads("RD13", "http://127.0.0.1 x/", code=BAD),
    leads("RD13-path", "/a b", heads=(b"GET / ", b"GET /a%20b "), connection="reuse"),
    Row(
        "RD14",
        routes={"/": redirect("/target", "Location: /elsewhere")},
        code=BAD,
    ),
    Row(
        "RD14-same",
        routes={"/": redirect("/target", "Location: /target")},
        connection="reuse",
    ),
    leads(
        "RD15",
        "http://other.test:{other-port}/target",
        asks=ARMED,
        secret=b"never-sent",
        heads=(b"GET / ", b"GET /target "),
    ),
    leads(
        "RD16",
        "{other}/target",
        asks=ARMED,
        secret=b"never-sent",
        heads=(b"GET / ", b"GET /target "),
    ),
    Row(
        "RD18",
        routes={
            "/": (
                Send(whole(BOMB, "Location: /target", "Content-Encoding: gzip", status="302 No")),
            )
        },
        fresh=("/target",),
    ),
    Row(
        "RD19",
        routes={"/": (Send(head("Location: /target", status="302 No")), Flood(b"e" * 8192, 0.005))},
        fresh=("/target",),
    ),
    Row(
        "RD19-slow",
        routes={"/": (Send(head("Location: /target", status="302 No")), Flood(b"e", 0.02))},
        fresh=("/target",),
    ),
    Row(
        "RD20",
        says(head("Location: /target", status="304 Not Modified")),
        status=304,
        body=b"",
        connection="reuse",
    ),
    Row(
        "RD21",
        says(whole(PAGE, "Location: /target", status="300 Multiple Choices")),
        status=300,
        connection="reuse",
    ),
    Row(
        "RD23",
        routes={"/": redirect("/caf\xe9")},
        heads=(b"GET / ", b"GET /caf%E9 "),
        connection="reuse",
    ),
    leads("RD24", "http://user:pw@127.0.0.1:{port}/target", never=b"uthorization"),
    leads("RD25", "/a\tb\x01", code=BAD),
    leads(
        "RD26",
        "{other}/target",
        tls="good",
        host="origin.test",
        asks=ARMED,
        secret=b"never-sent",
        warnings=("warn.downgrade",),
    ),
    posted("RD29-301", "301 Moved Permanently", b"GET"),
    posted("RD29-302", "302 Found", b"GET"),
    posted("RD29-303", "303 See Other", b"GET"),
    posted("RD29-307", "307 Temporary Redirect", b"POST"),
    posted("RD29-308", "308 Permanent Redirect", b"POST"),
    Row(
        "RD31",
        routes={"/": redirect("/", "Set-Cookie: wall=1")},
        code=LOOP,
        connection="reuse",
        seen=1,
    ),
]
