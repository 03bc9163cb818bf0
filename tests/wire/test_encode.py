"""The bytes of a request: what goes in, and that nothing can get out of its line."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import urls
from crawler.errors import InvalidURL
from crawler.model import Request
from crawler.wire.encode import USER_AGENT, encode, header_fields

URL = "http://a.example:8080/b?c=d"


def lines(request: Request, **options: bool) -> list[str]:
    return encode(request, **options).decode("latin-1").split("\r\n")


def test_a_plain_get_is_the_line_host_and_the_defaults():
    assert lines(Request(URL)) == [
        "GET /b?c=d HTTP/1.1",
        "Host: a.example:8080",
        f"User-Agent: {USER_AGENT}",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "",
        "",
    ]


def test_headers_replace_defaults_by_name_and_an_empty_value_drops_them():
    headers = (("X-A", "1"), ("user-agent", "me"), ("ACCEPT", ""), ("X-A", "2"))

    got = lines(Request(URL, headers))

    assert got[1:] == [
        "Host: a.example:8080",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "X-A: 1",
        "user-agent: me",
        "X-A: 2",
        "",
        "",
    ]


def test_host_is_first_even_when_given():
    got = lines(Request(URL, (("X-A", "1"), ("host", "b.example"))))

    assert got[1] == "host: b.example"
    assert sum(line.lower().startswith("host:") for line in got) == 1


def test_an_ipv6_host_keeps_its_brackets():
    assert lines(Request("http://[::1]:81/"))[1] == "Host: [::1]:81"


def test_a_proxy_gets_the_whole_url():
    assert lines(Request(URL), proxy_form=True)[0] == f"GET {URL} HTTP/1.1"


def test_a_body_brings_its_length_whatever_the_headers_say():
    headers = (("content-length", "99"), ("Transfer-Encoding", "chunked"))

    got = lines(Request(URL, headers, method="POST", body=b"a=b"))

    assert got[0] == "POST /b?c=d HTTP/1.1"
    assert got[-3:] == ["Content-Length: 3", "", "a=b"]
    assert not any("chunked" in line or "99" in line for line in got)
    assert "Content-Length: 0" in lines(Request(URL, method="POST"))
    assert not any("Length" in line for line in lines(Request(URL)))


@pytest.mark.parametrize(
    "headers",
    [(("A", "b\r\nC: d"),), (("A", "b\nC: d"),), (("A\r\nB", "c"),), (("A:", "b"),), (("", "b"),),
     (("A", "\0"),), (("A", "\x7f"),), (("A B", "c"),), (("A", "é\r"),), (("A", "€"),),
     (("Ä", "b"),), (("Host", "x\r\ny"),)],
)  # fmt: skip
def test_a_header_that_would_leave_its_line_is_refused(headers):
    for request in (Request(URL, headers), Request(URL, headers, method="POST", body=b"x")):
        with pytest.raises(ValueError, match=r"header|latin-1"):
            encode(request)


@pytest.mark.parametrize("method", ["GET /x HTTP/1.1\r\nA: b", "", "G ET", "GÉT"])
def test_a_method_that_is_no_token_is_refused(method):
    with pytest.raises(ValueError, match="method"):
        encode(Request(URL, method=method))


@pytest.mark.parametrize(
    "target", ["/a b", "/a\r\nB: c", "/é", "/a\0", "/a\tb", "/\x7f", "/\u2028"]
)
def test_a_target_that_is_not_canonical_is_refused(target):
    for method in ("GET", "HEAD"):
        with pytest.raises(ValueError, match="URL"):
            encode(Request("http://a.example" + target, method=method))


@given(
    st.text(max_size=40),
    st.lists(st.tuples(st.text(max_size=8), st.text(max_size=12)), max_size=4),
    st.sampled_from(["GET", "HEAD", "POST"]) | st.text(max_size=5),
    st.booleans(),
)
def test_no_input_gives_an_extra_line(path, headers, method, proxy_form):
    raw = Request("http://a.example/" + path, tuple(headers), method=method)
    requests = [raw]
    with suppress(InvalidURL):
        requests.append(Request(urls.canonical(raw.url), tuple(headers), method=method))
    for request in requests:
        try:
            data = encode(request, proxy_form=proxy_form)
        except ValueError:
            continue

        head, _, body = data.partition(b"\r\n\r\n")
        assert body == b""
        assert len(head.splitlines()) == head.count(b"\r\n") + 1 == 1 + len(header_fields(request))
        assert head.count(b"\r") == head.count(b"\n") == head.count(b"\r\n")
        assert len(head.split(b"\r\n")[0].split(b" ")) == 3


@given(st.binary(max_size=50))
def test_the_fields_are_what_is_written(body):
    request = Request(URL, (("X-A", "b"),), method="POST", body=body)

    written = encode(request).partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]

    assert written == [f"{name}: {value}" for name, value in header_fields(request)]
