"""robots.txt as hosts write it, and what it means that it cannot be had (catalogue rows RB)."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import robots
from crawler.errors import BodyTooLarge, FetchError, RedirectError
from crawler.model import Failure, Headers, Request, Response
from crawler.robots import ALLOW_ALL, DISALLOW_ALL, Robots, parse

ADDRESS = "http://a.test/robots.txt"
OURS = "concurrent-crawler"


def allowed(body: bytes | str, path: str, agent: str = OURS) -> bool:
    content = body.encode() if isinstance(body, str) else body
    return parse(content, ADDRESS, agent).verdict(f"http://a.test{path}").allowed


def reply(status: int, body: bytes = b"") -> Response:
    request = Request(ADDRESS)
    return Response(request, status, "", Headers(), body, body, "1.1", "", datetime.now(UTC), 0.0)


def failed(error: FetchError) -> Failure:
    return Failure(Request(ADDRESS), error, datetime.now(UTC), 0.0)


def test_the_verdict_names_the_line() -> None:
    rules = parse(b"User-agent: *\nDisallow: /a\nAllow: /a/b # but\n", ADDRESS, OURS)

    assert rules.verdict("http://a.test/a/c") == robots.Verdict(False, "Disallow: /a")
    assert rules.verdict("http://a.test/a/b").allowed
    assert "Allow: /a/b" in rules.verdict("http://a.test/a/b").line
    assert rules.verdict("http://a.test/") == robots.Verdict(True, "")


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbfUser-agent: *\nDisallow: /x",
        "\ufeffUser-agent: *\nDisallow: /x".encode("utf-16-le"),
        "\ufeffUser-agent: *\nDisallow: /x".encode("utf-16-be"),
        b"\0User-agent: *\n\0Disallow: /x",
        b"User-agent: *\rDisallow: /x\r",
        b"  User-Agent :  *  \n\n\nDISALLOW:/x",
        b"User-agent: *\n# comment\nDisallow: /x # why",
        b"<html>\nUser-agent: *\nDisallow: /x\n</html>",
        b"Disallow: /y\nUser-agent: *\nDisallow: /x",
        b"User-agent: other\nUser-agent: *\nDisallow: /x",
        b"User-agent: *\nDisallow: /x\n" + b"\xff\xfe\x80" * 50,
    ],
)  # fmt: skip
def test_rules_are_found_in_whatever_they_are_wrapped(body: bytes) -> None:
    assert not allowed(body, "/x")
    assert not allowed(body, "/x/1")
    assert allowed(body, "/z")


@pytest.mark.parametrize(
    ("rule", "path", "is_allowed"),
    [
        ("Disallow:", "/a", True),
        ("Disallow: /", "/a", False),
        ("Disallow: /", "/robots.txt", True),
        ("Disallow: /a*c", "/abbbc", False),
        ("Disallow: /a*c", "/abbb", True),
        ("Disallow: *.gif$", "/x/y.gif", False),
        ("Disallow: *.gif$", "/x/y.gif?z", True),
        ("Disallow: /%7Ejoe", "/~joe/", False),
        ("Disallow: /~joe", "/%7ejoe/", False),
        ("Disallow: /a%3cd.html", "/a%3Cd.html", False),
        ("Disallow: /a%2fb", "/a/b", True),
        ("Disallow: /ä", "/%C3%A4", False),
        ("Disallow: /a?x=1", "/a?x=1&y", False),
        ("Disallow: /a\nAllow: /a", "/a", True),
        ("Disallow: /page\nAllow: /p", "/page", False),
        ("Allow: /page\nDisallow: /*.htm", "/page.htm", False),
        ("Disallow: /" + "*1" * 40 + "Z", "/" + "1" * 4000, True),
    ],
)
def test_the_longest_rule_decides(rule: str, path: str, is_allowed: bool) -> None:
    assert allowed(f"User-agent: *\n{rule}", path) is is_allowed


@pytest.mark.parametrize(
    ("agents", "agent", "is_allowed"),
    [
        ("*", OURS, False),
        (OURS, OURS, False),
        (OURS.upper(), OURS, False),
        ("concurrent", OURS, True),
        (f"{OURS}-news", OURS, True),
        (f"{OURS}/1.0", OURS, False),
        ("other", OURS, True),
    ],
)
def test_a_group_is_for_the_whole_product_token(agents: str, agent: str, is_allowed: bool) -> None:
    assert allowed(f"User-agent: {agents}\nDisallow: /", "/a", agent) is is_allowed


def test_our_own_group_stands_before_everyones() -> None:
    body = f"User-agent: *\nDisallow: /\n\nUser-agent: {OURS}\nDisallow: /b"

    assert allowed(body, "/a")
    assert not allowed(body, "/b")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("2", 2.0), ("1.5", 1.5), ("99999999", 30.0), ("-1", 0.0), ("nan", 0.0), ("1e999", 30.0),
     ("inf", 30.0), ("soon", 0.0), ("", 0.0), ("1,5", 0.0)],
)  # fmt: skip
def test_a_crawl_delay_is_bounded(written: str, seconds: float) -> None:
    rules = parse(f"User-agent: *\nCrawl-delay: {written}".encode(), ADDRESS, OURS)

    assert rules.delay == pytest.approx(seconds)


def test_sitemaps_are_joined_and_only_of_the_web() -> None:
    body = b"Sitemap: /s.xml\nsitemap: http://b.test/t.xml\nSitemap: file:///etc/passwd\nSitemap:"

    assert parse(body, ADDRESS, OURS).sitemaps == ("http://a.test/s.xml", "http://b.test/t.xml")


def test_what_lies_beyond_500_kib_is_not_read() -> None:
    filler = b"# filler\n" * 60_000
    body = b"User-agent: *\nDisallow: /a\n" + filler + b"Disallow: /b\n"

    assert not allowed(body, "/a")
    assert allowed(body, "/b")


def test_many_rules_are_parsed_and_matched_soon() -> None:
    body = b"User-agent: *\n" + b"".join(b"Disallow: /%d*x\n" % number for number in range(40_000))
    began = time.process_time()

    rules = parse(body, ADDRESS, OURS)
    for number in range(20):
        rules.verdict(f"http://a.test/{number}/" + "y" * 2000)

    assert time.process_time() - began < 5  # it takes 0.3 s; a search that backtracks, minutes


@pytest.mark.parametrize(
    ("status", "is_allowed"),
    [(404, True), (410, True), (401, True), (403, True), (400, True), (304, True), (200, True)],
)
def test_a_host_without_rules_allows_all(status: int, is_allowed: bool) -> None:
    learnt = robots.judge(reply(status), OURS)

    assert learnt.rules is not None
    assert learnt.rules.verdict("http://a.test/x").allowed is is_allowed


@pytest.mark.parametrize("status", [401, 403])
def test_strictly_a_closed_door_forbids_all(status: int) -> None:
    assert robots.judge(reply(status), OURS, strict=True).rules is DISALLOW_ALL


@pytest.mark.parametrize("status", [429, 500, 503, 599])
def test_a_server_in_trouble_forbids_all_for_a_while(status: int) -> None:
    learnt = robots.judge(reply(status), OURS)

    assert (learnt.rules, learnt.retry_in, learnt.code) == (None, 300.0, "robots.unreachable")


@pytest.mark.parametrize(
    ("code", "retry_in", "as_code"),
    [
        ("timeout.first_byte", 300.0, "robots.unreachable"),
        ("net.reset", 300.0, "robots.unreachable"),
        ("dns.nxdomain", 0.0, "dns.nxdomain"),
        ("connect.refused", 0.0, "connect.refused"),
        ("tls.expired", 0.0, "tls.expired"),
        ("policy.address_blocked", 0.0, "policy.address_blocked"),
    ],
)
def test_no_answer_forbids_all(code: str, retry_in: float, as_code: str) -> None:
    learnt = robots.judge(failed(FetchError("no answer", code=code)), OURS)

    assert (learnt.rules, learnt.retry_in, learnt.code) == (None, retry_in, as_code)


@pytest.mark.parametrize("code", ["redirect.too_many", "redirect.loop"])
def test_redirects_without_end_are_as_no_file(code: str) -> None:
    assert robots.judge(failed(RedirectError("round", code=code)), OURS).rules is ALLOW_ALL


def test_of_an_endless_file_the_beginning_counts() -> None:
    error = BodyTooLarge("too large")
    error.partial = reply(200, b"User-agent: *\nDisallow: /a\nDisallow: /bc")

    learnt = robots.judge(failed(error), OURS)

    assert learnt.rules is not None
    assert not learnt.rules.verdict("http://a.test/a").allowed
    assert learnt.rules.verdict("http://a.test/b").allowed  # the last line may be half a line
    assert isinstance(learnt, Robots)


def test_a_line_that_is_cut_where_reading_ends_forbids_nothing() -> None:
    rules = b"User-agent: *\nDisallow: /a\n"
    cut = b"\nDisallow: /"
    filler = b"#" * (robots.SIZE - len(rules) - len(cut))

    learnt = robots.judge(reply(200, rules + filler + cut + b"rest-of-the-line\n"), OURS)

    assert learnt.rules is not None
    assert not learnt.rules.verdict("http://a.test/a").allowed
    assert learnt.rules.verdict("http://a.test/b").allowed


@pytest.mark.parametrize(
    ("user_agent", "token"),
    [
        ("concurrent-crawler/0.1 (+http://a/)", "concurrent-crawler"),
        ("MyBot", "mybot"),
        ("Mozilla/5.0 (compatible; X/1)", "mozilla"),
        ("", ""),
    ],
)
def test_the_product_token_is_the_first_word(user_agent: str, token: str) -> None:
    assert robots.agent_token(user_agent).lower() == token


def slow_match(pattern: str, path: str) -> bool:
    """RFC 9309 2.2.3, by trying everything."""
    if not pattern:
        return True
    if pattern == "$":
        return not path
    if pattern[0] == "*":
        return any(slow_match(pattern[1:], path[at:]) for at in range(len(path) + 1))
    return bool(path) and path[0] == pattern[0] and slow_match(pattern[1:], path[1:])


@given(
    pattern=st.text("ab*", max_size=8).map(lambda text: f"/{text}"),
    end=st.sampled_from(["", "$"]),
    path=st.text("ab", max_size=8).map(lambda text: f"/{text}"),
)
def test_patterns_match_as_trying_everything_does(pattern: str, end: str, path: str) -> None:
    assert allowed(f"User-agent: *\nDisallow: {pattern}{end}", path) is not slow_match(
        pattern + end, path
    )


@given(st.binary(max_size=400))
def test_no_bytes_raise(body: bytes) -> None:
    rules = parse(body, ADDRESS, OURS)

    verdict = rules.verdict("http://a.test/x?y")
    assert verdict == rules.verdict("http://a.test/x?y")
    assert 0.0 <= rules.delay <= 30.0


@given(
    rules=st.lists(
        st.tuples(
            st.sampled_from(["Allow", "Disallow"]),
            st.text("ab*/", max_size=6),
            st.sampled_from(["", "$"]),
        ),
        max_size=8,
    ),
    path=st.text("ab/", max_size=8).map(lambda text: f"/{text}"),
)
def test_of_many_rules_the_one_that_a_plain_search_finds_decides(
    rules: list[tuple[str, str, str]], path: str
) -> None:
    lines = [(key, f"/{text}{end}") for key, text, end in rules]
    fitting = [(len(rule), key == "Allow") for key, rule in lines if slow_match(rule, path)]
    body = "User-agent: *\n" + "\n".join(f"{key}: {rule}" for key, rule in lines)

    assert allowed(body, path) is max(fitting, default=(0, True))[1]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_a_path_is_the_same_however_it_is_escaped(text: str) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in text.encode())
    as_rule = "".join(letter if letter.isalnum() else escaped_of(letter) for letter in text)

    assert not allowed(f"User-agent: *\nDisallow: /-{as_rule}$", f"/-{escaped}")
    assert not allowed(f"User-agent: *\nDisallow: /-{escaped}$", f"/-{as_rule}")


def escaped_of(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode())
