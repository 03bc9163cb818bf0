"""Whatever is given, a server sees one request and no field that nobody meant to send."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from security.asked import LIMITS
from security.witness import Witness, page, witness

from crawler import config, fetch_all
from crawler.errors import CrawlerError
from crawler.model import Network, Request

ENGINES = ("selectors", "generators", "sequential+socket", "sequential+requests",
           "sequential+urllib")  # fmt: skip
PIECES = (
    "\r\nInjected: 1", "\nInjected: 1", "\rInjected: 1", "\0", "\r\n\r\nGET /injected HTTP/1.1\r\n",
    " HTTP/1.1\r\nInjected: 1\r\nX: ", "%0d%0aInjected: 1", "\u010a\u010dInjected: 1",
    "\x85Injected: 1", "\u2028", "\t", " ", "\x0b", "\x7f", "é", "\ud800", "@", "#", "?", ":", "a",
)  # fmt: skip
nasty = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=4).map("".join)
EXPECTED = {b"host", b"user-agent", b"accept", b"accept-encoding", b"connection", b"content-length",
            b"proxy-authorization", b"authorization", b"from", b"x"}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Witness]:
    with witness(lambda said: page("here")) as running:
        yield running


def _foreign(server: Witness, *, most: int = 1, named: str = "x") -> list[str]:
    """What no caller meant, in what the server was asked since the last time."""
    said, wrong = list(server.said), []
    server.said.clear()
    if len(said) > most:
        wrong.append(f"{len(said)} requests: {said}")
    for each in said:
        head = each.raw.partition(b"\r\n\r\n")[0]
        if head.count(b"\r\n") != head.count(b"\n") or head.count(b"\r") != head.count(b"\n"):
            wrong.append(f"a lone line end: {each.raw!r}")
        if each.lines[0].count(b" ") != 2 or not each.lines[0].endswith(b" HTTP/1.1"):
            wrong.append(f"request line: {each.lines[0]!r}")
        names = {line.partition(b":")[0].lower() for line in each.lines[1:]}
        if names - EXPECTED - {named.lower().encode("latin-1", "replace")}:
            wrong.append(f"fields: {each.lines!r}")
        if b"injected" in names or b"\0" in head:
            wrong.append(f"injected: {each.raw!r}")
    return wrong


def _fetch(request: Request | str, engine: str, **network: str) -> None:
    # The clear errors: a failed outcome, or of a request that no URL parser made.
    with contextlib.suppress(ValueError, CrawlerError):
        list(fetch_all([request], engine=engine, limits=LIMITS, network=Network(**network)))


@pytest.mark.timeout(40)
@given(st.sampled_from(ENGINES), nasty, nasty, nasty, nasty)
@settings(max_examples=150)
def test_no_part_of_a_request_becomes_another_one(
    server: Witness, engine: str, path: str, name: str, value: str, method: str
) -> None:
    base = f"http://127.0.0.1:{server.port}/"

    _fetch(Request(base + path, (("X", value),)), engine)
    assert not _foreign(server)
    _fetch(Request(base, ((name or "x", "y"),)), engine)
    assert not _foreign(server, named=name)
    _fetch(Request(base, method=f"GET{method}"), engine)
    assert not _foreign(server)
    _fetch(base + path, engine)
    assert not _foreign(server)


@pytest.mark.timeout(40)
@given(st.sampled_from(ENGINES), nasty)
@settings(max_examples=60)
def test_no_user_host_or_proxy_becomes_a_line(server: Witness, engine: str, text: str) -> None:
    here = f"127.0.0.1:{server.port}"
    for url, proxy in (
        (f"http://{text}:{text}@{here}/", ""),
        (f"http://a{text}.test/", f"http://{here}"),
        (f"https://a{text}.test/", f"http://{here}"),
        ("http://a.test/", f"http://{text}:{text}@{here}"),
        ("https://a.test/", f"http://{text}:{text}@{here}"),
    ):
        _fetch(url, engine, proxy=proxy)
        assert not _foreign(server, most=3)  # a tunnel may be tried again


@given(nasty, st.sampled_from(("header", "user_agent", "contact")))
def test_no_option_becomes_two_fields(text: str, name: str) -> None:
    given_text = f"X: {text}" if name == "header" else text
    given_all = {name: [given_text] if name == "header" else given_text}
    try:
        fields = config.headers(config.resolve(given_all, {}), "1")
    except CrawlerError:
        return

    for field, value in fields:
        assert field in {"X", "User-Agent", "From"}
        assert not set(value) & set("\r\n\0\x0b\x7f")


@pytest.mark.timeout(30)
def test_no_line_of_the_input_becomes_two_requests(crawl, server: Witness) -> None:  # type: ignore[no-untyped-def]
    base = f"http://127.0.0.1:{server.port}"
    lines = [f"{base}/{n}{piece}\tnote={piece}" for n, piece in enumerate(PIECES)]
    server.said.clear()

    done = crawl(
        "-", "--engine", "selectors", "--robots", "ignore",
        input="\n".join(line.replace("\n", "\\n") for line in lines).encode("utf-8", "replace")
        .decode(),
    )  # fmt: skip

    assert done.returncode in {0, 1}, done.stderr
    assert server.said
    assert not _foreign(server, most=len(lines) + 4)
    refused = crawl(base, "-H", "X: 1\r\nInjected: 1", "--engine", "selectors")
    assert (refused.returncode, server.said) == (2, [])
    assert "control character" in refused.stderr
