"""Which spellings are one page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import urls
from crawler.errors import InvalidURL
from crawler.sameness import fingerprint, key

SESSION = "0123456789abcdef0123456789ABCDEF"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://a/%7Eb", "http://a/~b"),
        ("http://a/%c3%a4", "http://a/ä"),
        ("http://a/%66oo.htm%6c?%61=b", "http://a/foo.html?a=b"),
        ("http://a/x|y", "http://a/x%7cy"),
        ("http://a/?x[y]=1", "http://a/?x%5By%5d=1"),
        ("http://a/50%", "http://a/50%25"),
        ("http://a/p%zz", "http://a/p%25zz"),
        ("http://a/?", "http://a/"),
        ("http://a/b?&&", "http://a/b"),
        ("http://a/b?x=1&", "http://a/b?x=1"),
        ("http://a/b?&x=1&&y", "http://a/b?x=1&y"),
        ("http://a.example./b", "http://a.example/b"),
        ("http://a.example.:81/b", "http://a.example:81/b"),
        ("HTTP://A:80/b#c", "http://a/b"),
        (f"http://a/b;jsessionid={SESSION}?c", "http://a/b?c"),
        (f"http://a/b;JSESSIONID={SESSION}.node1", "http://a/b"),
        (f"http://a/b?PHPSESSID={SESSION}", "http://a/b"),
        (f"http://a/b?x=1&sid={SESSION}&y", "http://a/b?x=1&y"),
        (f"http://a/b?sid={SESSION}", f"http://a/b?sid={SESSION[::-1]}"),
        ("http://a/?ASPSESSIONIDABCDEFGH=ABCDEFGHABCDEFGHABCDEFGH&z", "http://a/?z"),
    ],
)
def test_spellings_of_one_page_have_one_key(one: str, other: str) -> None:
    assert key(urls.canonical(one)) == key(urls.canonical(other))
    assert fingerprint(urls.canonical(one)) == fingerprint(urls.canonical(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://a/b", "http://a/B"),
        ("http://a/b", "https://a/b"),
        ("http://a/b", "http://a:81/b"),
        ("http://a/b", "http://a/b/"),
        ("http://a/b//c", "http://a/b/c"),
        ("http://a/?x=1&y=2", "http://a/?y=2&x=1"),
        ("http://a/?x=", "http://a/?x"),
        ("http://a/?x=1&y=", "http://a/?x=1&y"),
        ("http://a/b%2fc", "http://a/b/c"),
        ("http://a/b%26c", "http://a/b&c"),
        ("http://a/?b%2bc", "http://a/?b+c"),
        ("http://a/?b+c", "http://a/?b%20c"),
        ("http://a/b%2525", "http://a/b%25"),
        ("http://a/?sid=12", "http://a/?sid=13"),
        ("http://a/?sid=how-to-choose-a-good-secret-word", "http://a/"),
        ("http://a/?insid=" + SESSION, "http://a/"),
        ("http://[::1]/", "http://[::2]/"),
        ("http://a/b.", "http://a/b"),
        ("http://a/b./c", "http://a/b/c"),
    ],
)
def test_what_a_server_may_tell_apart_has_two_keys(one: str, other: str) -> None:
    assert key(urls.canonical(one)) != key(urls.canonical(other))
    assert fingerprint(urls.canonical(one)) != fingerprint(urls.canonical(other))


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    assert fingerprint("http://a.example/") == bytes.fromhex("3a87aef1ec36efc3")


ODD = st.lists(
    st.sampled_from(
        ["/", ".", "%", "%2", "%41", "%2e", "%2F", "%25", "?", "&", "=", ";", "[", "]", "|", "^",
         "`", "{", "}", "a", "x", "sid=", "jsessionid=", "phpsessid=", SESSION, "ä", " ", "#",
         "%6a"]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@given(st.sampled_from(["a.example", "a.example.", "a..", "[::1]", "1.2.3.4", "a.:81"]), ODD)
def test_a_key_is_canonical_and_its_own_key(host: str, rest: str) -> None:
    try:
        url = urls.canonical(f"http://{host}/{rest}")
    except InvalidURL:
        return

    assert key(key(url)) == key(url)
    assert urls.canonical(key(url)) == key(url)
    assert urls.origin(key(url)).host == urls.origin(url).host.rstrip(".")
