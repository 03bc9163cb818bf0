"""Where redirects lead. The table is the RD family of hostile behaviours, without a network."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.errors import FetchError
from crawler.hops import downgraded, hop
from crawler.model import Headers, Request, Response

SECRETS = (
    ("Authorization", "Basic x"),
    ("Cookie", "a=b"),
    ("X-Api-Key", "k"),
    ("User-Agent", "me"),
    ("Accept", "*/*"),
)


def redirect(
    *locations: str, status: int = 302, request: Request | None = None, peer: str = "127.0.0.1 80"
) -> Response:
    fields = tuple(("Location", location) for location in locations)
    return Response(
        request or Request("http://a.example/dir/page?q"),
        status,
        "Found",
        Headers(fields),
        b"",
        b"",
        "1.1",
        peer,
        datetime.now(UTC),
        0.0,
    )


def followed(response: Response, follow: int = 10) -> Request:
    return hop(response, follow=follow, proxied=False)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("other", "http://a.example/dir/other"),
        ("/x y", "http://a.example/x%20y"),
        ("//b.example/x", "http://b.example/x"),
        ("?z#frag", "http://a.example/dir/page?z"),
        ("https://b.example", "https://b.example/"),
        ("http://u:p@b.example/", "http://b.example/"),
        ("/caf\xe9", "http://a.example/caf%E9"),
        ("HTTP://B.example/", "http://b.example/"),
        ("a:b/c", None),
        ("/a:b", "http://a.example/a:b"),
    ],
)
def test_the_location_is_joined_to_the_page(location: str, url: str | None) -> None:
    if url is None:
        with pytest.raises(FetchError):
            followed(redirect(location))
    else:
        assert followed(redirect(location)).url == url


@pytest.mark.parametrize(
    ("locations", "code"),
    [
        ((), "http.redirect_without_location"),
        (("",), "http.redirect_without_location"),
        (("file:///etc/passwd",), "redirect.forbidden_scheme"),
        (("javascript:alert(1)",), "redirect.forbidden_scheme"),
        (("data:text/html,hi",), "redirect.forbidden_scheme"),
        (("ftp://127.0.0.1/x",), "redirect.forbidden_scheme"),
        (("/" + "x" * 100_000,), "redirect.bad_location"),
        (("http://",), "redirect.bad_location"),
        (("http://[::1",), "redirect.bad_location"),
        (("http://exa mple/",), "redirect.bad_location"),
        (("/a", "/b"), "redirect.bad_location"),
        (("/a\t\x01",), "redirect.bad_location"),
        (("/dir/page?q",), "redirect.loop"),
    ],
)
def test_a_location_that_is_not_followed_says_why(locations: tuple[str, ...], code: str) -> None:
    with pytest.raises(FetchError) as caught:
        followed(redirect(*locations))

    assert caught.value.code == code


def test_the_same_location_twice_is_one_location() -> None:
    assert followed(redirect("/x", "/x")).url == "http://a.example/x"


def test_via_carries_the_chain_and_ends_loops_and_long_chains() -> None:
    first = followed(redirect("/2"))
    second = followed(redirect("/3", request=first))

    assert second.via == ("http://a.example/dir/page?q", "http://a.example/2")
    with pytest.raises(FetchError) as loop:
        followed(redirect("/2", request=second))
    with pytest.raises(FetchError) as long:
        followed(redirect("/4", request=second), follow=2)
    assert (loop.value.code, long.value.code) == ("redirect.loop", "redirect.too_many")


@pytest.mark.parametrize(
    "location",
    ["http://b.example/", "http://a.example:8080/", "https://a.example/", "//a.example:81/x"],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_origin_sees_no_credentials(location: str, status: int) -> None:
    request = Request("http://a.example/", SECRETS, method="POST", body=b"secret")

    there = followed(redirect(location, status=status, request=request))

    assert there.headers == (("User-Agent", "me"), ("Accept", "*/*"))
    assert there.body == b""


def test_credentials_do_not_come_back_with_the_origin() -> None:
    request = Request("http://a.example/", SECRETS)

    away = followed(redirect("http://b.example/", request=request))
    back = followed(redirect("http://a.example/x", request=away))

    assert ("X-Api-Key", "k") not in back.headers


def test_the_same_origin_keeps_the_headers() -> None:
    request = Request("http://a.example/", SECRETS)

    assert followed(redirect("/x", request=request)).headers == SECRETS


@pytest.mark.parametrize(
    ("method", "status", "after"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("HEAD", 303, "HEAD"),
        ("PUT", 302, "PUT"),
        ("PUT", 303, "GET"),
    ],
)
def test_methods_over_redirects(method: str, status: int, after: str) -> None:
    headers = (("Content-Type", "text/plain"), ("X-A", "b"))
    request = Request("http://a.example/", headers, method=method, body=b"data")

    there = followed(redirect("/x", status=status, request=request))

    assert there.method == after
    assert (there.body, there.headers) == (
        (b"data", headers) if after == method else (b"", (("X-A", "b"),))
    )


def test_posting_and_then_getting_the_same_page_is_no_loop() -> None:
    request = Request("http://a.example/form", method="POST", body=b"a=b")

    assert followed(redirect("/form", status=303, request=request)).method == "GET"


@pytest.mark.parametrize(
    ("peer", "public_only"), [("8.8.8.8 80", True), ("127.0.0.1 80", False), ("::1 80", False)]
)
def test_after_a_public_page_only_public_addresses_may_follow(peer: str, public_only: bool) -> None:
    assert followed(redirect("/x", peer=peer)).public_only is public_only


def test_leaving_https_is_noticed() -> None:
    assert downgraded(Request("http://a/", via=("https://a/",)))
    assert not downgraded(Request("https://a/", via=("http://a/",)))
