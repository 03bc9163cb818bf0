"""What a crawl makes of one URL."""

from __future__ import annotations

import os

import pytest

from crawler.explanation import explain, lines
from crawler.scope import scope_of
from crawler.serving.fixture import Site


@pytest.mark.parametrize(
    ("typed", "url", "changes"),
    [
        ("http://a.example/b?c", "http://a.example/b?c", []),
        ("a.example/", "https://a.example/", ["https was assumed"]),
        (" http://a.example/ ", "http://a.example/", ["white space around it was dropped"]),
        ("http://a.exam\nple/", "http://a.example/", ["line ends and tabs were dropped"]),
        ("HTTP://a.example/", "http://a.example/", ["the scheme is in lower case"]),
        ("http://A.example/", "http://a.example/", ["the host is in lower case"]),
        ("http://0x7f.1/", "http://127.0.0.1/", ["the host is 127.0.0.1"]),
        ("http://[0::1]/", "http://[::1]/", ["the host is ::1"]),
        ("http://ü.example/", "http://xn--tda.example/", ["the host is xn--tda.example"]),
        ("http://a.example:80/", "http://a.example/", ["the port is the scheme's own"]),
        ("http://a.example:81/", "http://a.example:81/", []),
        ("http://a.example", "http://a.example/", ["the path is /"]),
        ("http://a.example\\b", "http://a.example/b", ["backslashes are slashes"]),
        ("http://a.example/b/../c", "http://a.example/c", ["dot segments were resolved"]),
        ("http://a.example/%2E/c", "http://a.example/c", ["dot segments were resolved"]),
        ("http://a.example/.b", "http://a.example/.b", []),
        ("http://a.example/b c", "http://a.example/b%20c",
         ["what may not stand in a URL was escaped"]),
        ("http://a.example/#b", "http://a.example/", ["the fragment is never sent"]),
        ("http://u:p@a.example/", "http://a.example/", ["user information became a header"]),
    ],
)  # fmt: skip
def test_every_change_of_a_spelling_is_named(typed: str, url: str, changes: list[str]) -> None:
    explanation = explain(typed)

    assert explanation.url == url
    assert list(explanation.changes) == changes


def test_no_password_is_shown() -> None:
    assert "secret" not in "\n".join(lines(explain("http://user:secret@a.example/")))


def test_nothing_of_a_url_reaches_the_terminal_raw() -> None:
    assert "\x1b" not in "\n".join(lines(explain("http://a.example/\x1b[31m")))


def test_the_rule_that_keeps_a_url_out_is_named() -> None:
    seeds = ("http://a.example/",)
    scope = scope_of(seeds, exclude=[r"\.pdf$"])

    said = [
        "\n".join(lines(explain(url, scope, seeds=seeds)))
        for url in ("http://a.example/x", "http://a.example/x.pdf", "http://b.example/")
    ]

    assert "belongs to the crawl" in said[0]
    assert r"policy.excluded: exclude has '\\.pdf$'" in said[1]
    assert "policy.out_of_scope: not of the origin of a seed" in said[2]
    assert "judged by the origin of http://a.example/" in said[2]


def test_what_a_url_is_compared_by_is_named_when_it_is_another_spelling() -> None:
    assert "compared as  http://a.example/~b" in lines(explain("http://a.example/%7Eb"))
    assert not [line for line in lines(explain("http://a.example/b")) if "compared" in line]


@pytest.mark.parametrize("engine", ["selectors", "gevent", "sequential", "epoll"])
def test_every_exchange_is_told(crawl, site: Site, engine: str) -> None:
    ended = crawl("explain", f"{site.url}/redirect/2", "-e", engine)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"exchange 1   GET {site.url}/robots.txt" in ended.stdout
    assert f"exchange 4   GET {site.url}/page/1" in ended.stdout
    assert "connect " in ended.stdout
    assert "Location: /redirect/1" in ended.stdout
    assert "in the end   fetched after 2 redirects: " in ended.stdout


def test_offline_nobody_is_asked(crawl) -> None:
    ended = crawl("explain", "http://127.0.0.1:9/a", "--offline", "--seed", "http://127.0.0.1:9/b/",
                  "--scope", "prefix")  # fmt: skip

    assert ended.returncode == 1
    assert "policy.out_of_scope" in ended.stdout
    assert "exchange" not in ended.stdout


def test_what_robots_txt_forbids_is_not_fetched(crawl, site: Site) -> None:
    ended = crawl("explain", f"{site.url}/private/x")
    ignored = crawl("explain", f"{site.url}/private/x", "--robots", "ignore", "--retries", "0")

    assert ended.returncode == 1
    assert "robots       robots.disallowed: 'Disallow: /private" in ended.stdout
    assert "in the end   not fetched: robots.disallowed" in ended.stdout
    assert "exchange 2" not in ended.stdout
    assert "exchange 2" in ignored.stdout


def test_a_redirect_is_followed_only_within_the_scope(crawl, site: Site) -> None:
    ended = crawl("explain", f"{site.url}/redirect/1", "--exclude", "/page/")

    assert ended.returncode == 1
    assert "in the end   not fetched: policy.excluded: exclude has '/page/'" in ended.stdout


def test_a_host_that_does_not_answer_is_told(crawl) -> None:
    ended = crawl("explain", "http://127.0.0.1:9/", "--retries", "0")

    assert ended.returncode == 1
    assert "connect.refused" in ended.stdout
    assert "in the end   not fetched: connect.refused" in ended.stdout


def test_what_is_no_url_is_a_mistake_of_usage(crawl) -> None:
    ended = crawl("explain", "http://")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "crawl: not a URL: 'http://'" + os.linesep
