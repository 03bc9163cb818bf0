"""Cookies are kept and given as browsers do, and nobody gets another's."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request as Asked
from werkzeug import Response as Answer

from crawler import crawl as followed
from crawler.cookies import MOST, Jar, load
from crawler.errors import InputError
from crawler.set_cookie import parse_date


def kept(url: str, *fields: str, at: float = 0.0) -> Jar:
    jar = Jar(clock=lambda: at)
    jar.take(url, fields)
    return jar


def test_a_cookie_goes_back_to_its_host_alone() -> None:
    jar = kept("http://a.example.org/x/y", "k=v")

    assert jar.header("http://a.example.org/x/z") == "k=v"
    assert jar.header("http://a.example.org:8080/x/") == "k=v"  # ports do not matter: RFC 6265 8.5
    assert jar.header("http://a.example.org/") == ""
    assert jar.header("http://b.a.example.org/x/y") == ""
    assert jar.header("http://example.org/x/y") == ""


def test_a_domain_attribute_reaches_the_names_below() -> None:
    jar = kept("http://a.example.org/", "k=v; Domain=.Example.org; Path=/")

    assert jar.header("http://example.org/") == "k=v"
    assert jar.header("http://x.y.example.org/") == "k=v"
    assert jar.header("http://badexample.org/") == ""


@pytest.mark.parametrize("domain", ["co.uk", ".co.uk", "uk", "github.io", "b.co.uk", "org"])
def test_nobody_sets_a_cookie_for_a_public_suffix_or_a_stranger(domain: str) -> None:
    jar = kept("http://a.co.uk/", f"k=v; Domain={domain}")

    assert len(jar) == 0


def test_a_host_that_is_a_public_suffix_keeps_its_own_cookies_to_itself() -> None:
    jar = kept("http://github.io/", "k=v; Domain=github.io; Path=/")

    assert jar.header("http://github.io/") == "k=v"
    assert jar.header("http://someone.github.io/") == ""


def test_addresses_have_no_names_below_them() -> None:
    jar = kept("http://127.0.0.1/", "k=v; Domain=0.0.1; Path=/", "l=w; Domain=127.0.0.1; Path=/")

    assert jar.header("http://127.0.0.1/") == "l=w"
    assert jar.header("http://9.127.0.0.1.example/") == ""


def test_secure_cookies_travel_over_tls_only_and_http_cannot_replace_them() -> None:
    jar = kept("https://a.example/", "k=safe; Secure; Path=/")
    jar.take("http://a.example/", ["k=evil; Path=/", "l=w; Secure; Path=/"])

    assert jar.header("https://a.example/") == "k=safe"
    assert jar.header("http://a.example/") == ""


@pytest.mark.parametrize(
    ("field", "url"),
    [
        ("__Secure-k=v", "https://a.example/"),
        ("__Host-k=v; Secure", "https://a.example/"),
        ("__Host-k=v; Secure; Path=/; Domain=a.example", "https://a.example/"),
        ("__host-k=v; Path=/", "http://a.example/"),
        ("k=v\x01", "https://a.example/"),
        (f"k={'v' * 4096}", "https://a.example/"),
        ("nothing", "https://a.example/"),
        ("=v", "https://a.example/"),
    ],
)
def test_what_breaks_a_rule_is_not_kept(field: str, url: str) -> None:
    assert len(kept(url, field)) == 0


def test_a_prefixed_cookie_that_keeps_its_promise_is_kept() -> None:
    jar = kept("https://a.example/x", "__Host-k=v; Secure; Path=/", "__Secure-l=w; Secure")

    assert jar.header("https://a.example/x") == "__Host-k=v; __Secure-l=w"


def test_cookies_expire_and_are_taken_back() -> None:
    now = [1000.0]
    jar = Jar(clock=lambda: now[0])
    jar.take("http://a.example/", ["k=v; Max-Age=10", "l=w; Max-Age=20", "m=x"])
    now[0] = 1011.0

    assert jar.header("http://a.example/") == "l=w; m=x"

    jar.take("http://a.example/", ["l=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "m=; Max-Age=0"])
    assert jar.header("http://a.example/") == ""
    assert len(jar) == 1  # the one whose time passed is dropped when it is replaced


def test_longer_paths_come_first_then_older_cookies() -> None:
    jar = kept("http://a.example/x/y", "b=1; Path=/", "a=2; Path=/", "c=3; Path=/x", "b=4; Path=/")

    assert jar.header("http://a.example/x/y") == "c=3; b=4; a=2"


def test_a_flood_is_bounded() -> None:
    jar = Jar()
    for number in range(400):
        jar.take("http://a.example.org/", [f"k{number}={'v' * 3000}; Path=/"])
    for host in range(200):
        jar.take(f"http://h{host}.example/", [f"k{number}=v" for number in range(30)])

    assert len(jar) <= MOST
    assert len(jar) == sum(map(len, jar._by_domain.values()))
    assert len(jar.header("http://a.example.org/")) <= 16 * 1024


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Thu, 01 Jan 1970 00:00:10 GMT", 10.0),
        ("Thursday, 01-Jan-70 00:00:10 GMT", 10.0),
        ("Thu Jan  1 00:00:10 1970", 10.0),
        ("Thu, 01 Jan 1600 00:00:10 GMT", None),
        ("Thu, 32 Jan 1970 00:00:10 GMT", None),
        ("Thu, 01 Jan 1970 25:00:10 GMT", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_dates_are_read_as_browsers_read_them(text: str, seconds: float | None) -> None:
    assert parse_date(text) == seconds


def test_a_file_of_cookies_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    path.write_text(
        "# Netscape HTTP Cookie File\n\n"
        ".example.org\tTRUE\t/\tFALSE\t0\tk\tv\n"
        "#HttpOnly_a.example\tFALSE\t/x\tTRUE\t99999999999\tl\tw\n"
        "u.example\tFALSE\t/\tFALSE\t0\tm\t\u6f22\n",
        encoding="utf-8",
    )
    jar = Jar()

    assert load(path, jar) == 3
    assert jar.header("http://sub.example.org/") == "k=v"
    assert jar.header("https://a.example/x") == "l=w"
    assert jar.header("http://a.example/x") == ""
    assert jar.header("http://u.example/").encode("latin-1") == "m=\u6f22".encode()


@pytest.mark.parametrize(
    ("text", "said"),
    [("k=v\n", ":1: not a line"), ("\n\ta\tb\n", ":2: not a line"), (None, "No such file")],
)
def test_a_file_that_is_none_is_refused_in_words(
    tmp_path: Path, text: str | None, said: str
) -> None:
    path = tmp_path / "cookies.txt"
    if text is not None:
        path.write_text(text)

    with pytest.raises(InputError, match=said):
        load(path, Jar())


def _login(asked: Asked) -> Answer:
    """Sets a cookie and redirects to the page that needs it."""
    return Answer(status=302, headers={"Location": "/in", "Set-Cookie": "session=s3cret; Path=/"})


def _inside(asked: Asked) -> Answer:
    if asked.cookies.get("session") != "s3cret":
        return Answer("who are you?", status=403)
    text = '<a href="/deeper">on</a>' if asked.path == "/in" else "deep"
    return Answer(text, 200, mimetype="text/html")


@pytest.fixture
def guarded(httpserver: HTTPServer) -> HTTPServer:
    httpserver.expect_request("/robots.txt").respond_with_data("", 404)
    httpserver.expect_request("/login").respond_with_handler(_login)
    httpserver.expect_request("/in").respond_with_handler(_inside)
    httpserver.expect_request("/deeper").respond_with_handler(_inside)
    return httpserver


@pytest.mark.parametrize("engine", ["selectors", "threads+socket", "threads", "asyncio"])
def test_a_session_is_kept_over_redirects_and_links(guarded: HTTPServer, engine: str) -> None:
    seed = guarded.url_for("/login")

    with_cookies = list(followed([seed], engine=engine, concurrency=2, cookies=True))
    without = list(followed([seed], engine=engine, concurrency=2))

    assert sorted(page.status for page in with_cookies) == [200, 200]
    assert [page.status for page in without] == [403]
    assert all(page.request.headers == () for page in with_cookies)  # they are told to nobody


def test_another_host_gets_no_cookie(guarded: HTTPServer, make_httpserver: HTTPServer) -> None:
    seen: list[str | None] = []

    def stranger(asked: Asked) -> Answer:
        seen.append(asked.headers.get("Cookie"))
        return Answer("x", 200)

    guarded.expect_request("/away").respond_with_handler(
        lambda asked: Answer(
            status=302,
            headers={
                "Location": f"http://localhost:{make_httpserver.port}/x",
                "Set-Cookie": "session=s3cret; Path=/; Domain=localhost",
            },
        )
    )
    make_httpserver.expect_request("/x").respond_with_handler(stranger)
    seed = guarded.url_for("/away").replace("localhost", "127.0.0.1")

    list(followed([seed], scope="domain", cookies=True, concurrency=1, follow=False))

    assert set(seen) <= {None}


def test_the_command_keeps_cookies_where_asked_and_writes_none(
    guarded: HTTPServer, tmp_path: Path, crawl
) -> None:
    seed = guarded.url_for("/login")
    cookies = tmp_path / "cookies.txt"
    cookies.write_text(f"{guarded.host}\tFALSE\t/\tFALSE\t0\tsession\ts3cret\n")
    outputs = [f"-o{tmp_path / name}" for name in ("o.jsonl", "o.warc")]

    asked = crawl(seed, "--cookies", "-e", "selectors", *outputs, "-v")
    loaded = crawl(guarded.url_for("/in"), "--load-cookies", str(cookies), "-e", "selectors")
    refused = crawl(seed, "-e", "selectors")

    assert [json.loads(line)["status"] for line in asked.stdout.splitlines()] == [200]
    assert [json.loads(line)["status"] for line in loaded.stdout.splitlines()] == [200]
    assert [json.loads(line)["status"] for line in refused.stdout.splitlines()] == [403]
    told = asked.stdout + asked.stderr + (tmp_path / "o.jsonl").read_text()
    assert "s3cret" not in told
    archive = (tmp_path / "o.warc").read_bytes()
    requests = [part for part in archive.split(b"WARC/1.1") if b"WARC-Type: request" in part]
    assert b"Cookie: ***" in b"".join(requests)
    assert b"s3cret" not in b"".join(requests)


def test_a_session_cookie_lasts_until_the_end() -> None:
    jar = Jar(clock=lambda: 0.0)
    jar.take("http://a.example/", ["k=v"])

    assert next(iter(jar._by_domain["a.example"].values())).expires == math.inf
