"""URLs: the canonical spelling, what people type, and what is refused."""

from __future__ import annotations

from urllib.parse import urlsplit

import can_ada
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import urls
from crawler.errors import InvalidURL


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("example.org/a", "https://example.org/a"),
        ("example.org", "https://example.org/"),
        ("example.org:8080/x", "https://example.org:8080/x"),
        ("localhost:8000", "https://localhost:8000/"),
        ("[::1]:8080/a", "https://[::1]:8080/a"),
        ("//example.org/a", "https://example.org/a"),
        ("HTTP://Example.ORG:80/A?B#c", "http://example.org/A?B"),
        ("  http://example.org/a b  ", "http://example.org/a%20b"),
        ("http://bücher.example/é", "http://xn--bcher-kva.example/%C3%A9"),
        ("http://example.org/\udcff", "http://example.org/%EF%BF%BD"),
        ("http://XN--a.example/", "http://xn--a.example/"),  # ASCII, so it is not looked into
        ("http://x.xn--0.example:81/#b", "http://x.xn--0.example:81/"),
        ("http://%78n--a.xn--b/", "http://xn--a.xn--b/"),
        ("http://\u1e9e.example/", "http://xn--zca.example/"),  # Ada writes ss.example
    ],
)
def test_what_people_type(typed: str, url: str) -> None:
    assert urls.seed(typed) == (url, ())


@pytest.mark.parametrize(
    "text",
    ["", "   ", "http://", "http:///", "ftp://example.org/", "mailto:a@example.org", "a b",
     "javascript:alert(1)", "file:///etc/passwd", "http://exa mple/", "http://[::1",
     "http://xn--a\u00df/", "http://xn--a%2fb/", "http://xn--a%23/", "http://xn--a%00/",
     "http://xn--a%/", "http://xn--a b/", "http://xn--a<b/", "http://xn--a:b/",
     "http://a:99999/", "\x00", "/page/1", "http://example.org/" + "x" * 5000],
)  # fmt: skip
def test_what_is_refused(text: str) -> None:
    with pytest.raises(InvalidURL):
        urls.seed(text)


def test_a_typed_password_becomes_a_header_and_leaves_the_url() -> None:
    url, headers = urls.seed("http://us%65r:p%40ss@example.org/")

    assert url == "http://example.org/"
    assert headers == (("Authorization", "Basic dXNlcjpwQHNz"),)


@pytest.mark.parametrize(
    ("base", "reference", "url"),
    [
        ("http://xn--a/b/", "c", "http://xn--a/b/c"),
        ("http://xn--a/b/", "//xn--c/", "http://xn--c/"),
        ("http://xn--a/b/", "//d.e/", "http://d.e/"),
        ("http://xn--a/b/", "//x---a/", "http://x---a/"),
        ("http://xn--a/b/", "https:d.e", "https://d.e/"),
        ("http://a/b", "//xn--c.d/?e", "http://xn--c.d/?e"),
    ],
)
def test_links_to_and_from_hosts_that_are_encoded_for_nothing(
    base: str, reference: str, url: str
) -> None:
    assert urls.join(base, reference) == url
    assert urls.joiner(base)(reference) == url


def test_user_information_in_a_link_is_dropped() -> None:
    assert urls.join("http://a/b/c", "//u:p@example.org/x") == "http://example.org/x"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://example.org/", ("http", "example.org", 80, "example.org")),
        ("https://example.org:8443/a:b", ("https", "example.org", 8443, "example.org:8443")),
        ("http://[::1]:81/", ("http", "::1", 81, "[::1]:81")),
        ("https://[::1]/", ("https", "::1", 443, "[::1]")),
    ],
)
def test_the_origin_of_a_canonical_url(url: str, origin: tuple[str, str, int, str]) -> None:
    assert urls.origin(url) == origin


@given(st.text(), st.sampled_from(["", "http://a/", "https://b/c/d?e"]))
def test_canonical_is_idempotent_and_plain_ascii(text: str, base: str) -> None:
    try:
        url = urls.canonical(text, base or None)
    except InvalidURL:
        return

    assert urls.canonical(url) == url
    assert url.isascii()
    assert url.isprintable()
    assert " " not in url
    assert urls.target(url).startswith("/")


# What separates, escapes, climbs, or has fooled another parser into another host.
ODD = st.lists(
    st.sampled_from(
        ["http:", "https:", "HTTP:", "//", "/", "\\", "@", ":", "?", "#", "[", "]", "::1", "%40",
         "%2f", "%23", "%5c", "%00", "a.example", "B.example", "xn--", "xn--a", "ß", "\u1e9e", "。",
         "127.1", "0x7f", "80", "443", "\t", "\n", " ", "..", ".", ";", "&", "\ud800", "é"]
    ),
    max_size=10,
).map("".join)  # fmt: skip


@given(ODD, st.sampled_from(["", "http://a.example/b/c?d", "https://xn--a.example:81/"]))
def test_every_parser_finds_the_same_host_in_a_canonical_url(text: str, base: str) -> None:
    try:
        url = urls.canonical(text, base or None)
    except InvalidURL:
        return

    found, split = urls.origin(url), urlsplit(url)

    assert urls.canonical(url) == url
    assert (split.scheme, split.hostname) == (found.scheme, found.host)
    assert (split.port or {"http": 80, "https": 443}[split.scheme]) == found.port
    assert split.username is None
    try:
        parsed = can_ada.parse(url)
    except ValueError:
        assert "xn--" in found.host  # Ada looks into it, the standard does not
    else:
        assert parsed.hostname.strip("[]") == found.host


@given(ODD, st.sampled_from(["http://a.example/b/c?d", "https://xn--a.example:81/"]))
def test_a_joiner_joins_as_join_does(reference: str, base: str) -> None:
    joined = urls.joiner(base)(reference)

    if joined is None:
        with pytest.raises(InvalidURL):
            urls.join(base, reference)
    else:
        assert urls.join(base, reference) == joined


@pytest.mark.timeout(2)
@pytest.mark.parametrize(
    "text",
    ["http://0:" + "//" * 500_000, "/" * 1_000_000, "http://a b" + " " * 500_000 + "x",
     "\t" * 1_000_000 + "@:", "http:" + "/" * 1_000_000 + "\u1e9e@", "http://[" + "@:/" * 300_000],
)  # fmt: skip
def test_a_hostile_reference_is_refused_in_time_that_grows_with_its_length(text: str) -> None:
    joined = urls.joiner("http://a.example/")(text)

    assert joined is None or len(joined) <= urls.MAX_URL
    assert urls.without_user(text, is_url=True)
    assert urls.without_user(text, is_url=False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://u:p@a.example/", "http://***@a.example/"),
        ("u:p@a.example", "***@a.example"),
        ("http://u@a.example/", "http://***@a.example/"),
        ("http://u:p/q@a.example/", "http://***@a.example/"),
        ("u:p\uff20a.example", "***@a.example"),
        ("ftp:\\\\u:p@a", "ftp:\\\\***@a"),
        ("name@a.example", "name@a.example"),
        ("/a:b", "/a:b"),
    ],
)
def test_what_may_be_a_password_is_never_quoted(text: str, shown: str) -> None:
    assert urls.without_user(text, is_url=False) == shown
