"""Which URLs belong to a crawl."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import urls
from crawler.domains import registered_domain
from crawler.errors import InvalidURL
from crawler.model import Purpose, Request
from crawler.scope import KINDS, Scope, scope_of
from crawler.traps import Bounds


def found(url: str, *, depth: int = 1) -> Request:
    return Request(url, depth=depth)


SEED = "https://www.example.org:8080/docs/a?b"

IN_AND_OUT = [
    # kind, seed, what was found, whether it belongs
    ("origin", SEED, "https://www.example.org:8080/", True),
    ("origin", SEED, "https://www.example.org:8080/other?x", True),
    ("origin", SEED, "http://www.example.org:8080/docs/", False),
    ("origin", SEED, "https://www.example.org/docs/", False),
    ("origin", SEED, "https://www.example.org:8081/", False),
    ("origin", SEED, "https://example.org:8080/", False),
    ("origin", "http://a.example/", "http://a.example.evil.example/", False),
    ("origin", "http://[::1]:81/", "http://[::1]:81/x", True),
    ("origin", "http://[::1]:81/", "http://[::1]/x", False),
    ("host", SEED, "http://www.example.org/", True),
    ("host", SEED, "https://www.example.org:1/", True),
    ("host", SEED, "https://www.example.org./", True),
    ("host", SEED, "https://example.org:8080/", False),
    ("host", SEED, "https://a.www.example.org/", False),
    ("host", "http://127.0.0.1/", "http://127.0.0.1:8000/", True),
    ("host", "http://127.0.0.1/", "http://127.0.0.2/", False),
    ("domain", SEED, "http://example.org/", True),
    ("domain", SEED, "https://a.b.example.org/", True),
    ("domain", SEED, "https://evilexample.org/", False),
    ("domain", SEED, "https://example.org.evil.example/", False),
    ("domain", "http://www.a.co.uk/", "http://b.co.uk/", False),
    ("domain", "http://www.a.co.uk/", "http://x.a.co.uk/", True),
    ("domain", "http://co.uk/", "http://a.co.uk/", False),
    ("domain", "http://co.uk/", "http://co.uk/x", True),
    ("domain", "http://me.github.io/", "http://you.github.io/", False),
    ("domain", "http://github.io/", "http://you.github.io/", False),
    ("domain", "http://xn--85x722f.xn--55qx5d.cn/", "http://w.xn--85x722f.xn--55qx5d.cn/", True),
    ("domain", "http://xn--85x722f.xn--55qx5d.cn/", "http://other.xn--55qx5d.cn/", False),
    ("domain", "http://10.0.0.1/", "http://20.0.0.1/", False),
    ("domain", "http://10.0.0.1/", "http://10.0.0.1:81/", True),
    ("domain", "http://[::1]/", "http://[::1]:81/", True),
    ("domain", "http://localhost/", "http://localhost:81/", True),
    ("domain", "http://localhost/", "http://a.localhost/", False),
    ("domain", "http://intranet/", "http://wiki.intranet/", False),
    ("domain", "http://www.example.org./", "http://example.org/", True),
    ("prefix", "http://a.example/docs/x.html", "http://a.example/docs/", True),
    ("prefix", "http://a.example/docs/x.html", "http://a.example/docs/y/z?q", True),
    ("prefix", "http://a.example/docs/x.html", "http://a.example/docs", False),
    ("prefix", "http://a.example/docs/x.html", "http://a.example/docs2/", False),
    ("prefix", "http://a.example/docs/x.html", "http://a.example/docs?/docs/", False),
    ("prefix", "http://a.example/docs/x.html", "http://a.example/?/docs/", False),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/x", True),
    ("prefix", "http://a.example/docs", "http://a.example/other", True),
    ("prefix", "http://a.example/docs", "http://a.example:81/other", False),
    ("prefix", "http://a.example/d?/x/y/", "http://a.example/x", True),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/../x", False),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/%2e%2E/x", False),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/..%2fx", False),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/a%2F..%2f..%2fx", False),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/%2e%2e%2fx", False),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/%252e%252e%252fx", False),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/%25252e.%2fx", False),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/..%5cx", False),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/..;a=b/x", False),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/..%3ba/x", False),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/a%2fb", True),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/100%25", True),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/a;b", True),
    ("prefix", "http://a.example/docs/", "http://a.example/docs/..a..", True),
]


@pytest.mark.parametrize(("kind", "seed", "url", "belongs"), IN_AND_OUT)
def test_what_belongs_to_a_seed(kind: str, seed: str, url: str, belongs: bool) -> None:
    scope = scope_of([urls.canonical(seed)], kind=kind)

    refusal = scope.refusal(found(urls.canonical(url)))

    assert refusal == ("" if belongs else "policy.out_of_scope")


@pytest.mark.parametrize("kind", KINDS)
def test_every_seed_widens_the_scope_by_its_own_place_alone(kind: str) -> None:
    scope = Scope(kind=kind)
    assert scope.refusal(found("http://a.example/x/1")) == "policy.out_of_scope"

    scope.add("http://a.example/x/")
    scope.add("http://b.example/y/")

    assert scope.refusal(found("http://a.example/x/1")) == ""
    assert scope.refusal(found("http://b.example/y/1")) == ""
    assert scope.refusal(found("http://c.example/x/1")) == "policy.out_of_scope"


@pytest.mark.parametrize(
    ("url", "depth", "code"),
    [
        ("http://a.example/docs/x", 1, ""),
        ("http://a.example/docs/x.pdf", 1, "policy.excluded"),
        ("http://a.example/blog/x", 1, "policy.excluded"),
        ("http://a.example/x?ref=/docs/", 1, ""),  # the whole URL is searched
        ("http://a.example/docs/x.pdf", 0, "policy.excluded"),
        ("http://a.example/blog/", 0, ""),  # a seed needs no include: it was asked for by name
        ("http://b.example/docs/", 1, "policy.out_of_scope"),
        ("http://b.example/docs/", 0, ""),
    ],
)
def test_patterns_are_searched_in_the_canonical_url(url: str, depth: int, code: str) -> None:
    scope = scope_of(
        ["http://a.example/"], include=["/docs/", "^http://c"], exclude=[r"\.pdf$", "(?i)/PRINT/"]
    )

    assert scope.refusal(found(url, depth=depth)) == code


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(", "not a regular expression: '(': missing ), unterminated subpattern at character 1"),
        ("a**", "not a regular expression: 'a**': multiple repeat at character 3"),
        ("[" * 200, "not a regular expression: '" + "[" * 80 + "...': "),
        ("a{99999999999999999999}", "not a regular expression: 'a{99999999999999999999}': too lar"),
    ],
)
def test_a_bad_pattern_is_a_value_error_that_says_where(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="not a regular expression") as caught:
        scope_of([], exclude=[text])

    assert str(caught.value).startswith(said)


def test_an_unknown_kind_is_a_value_error_that_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="origin, host, domain, prefix"):
        Scope(kind="site")


def test_depth_counts_from_the_seeds() -> None:
    scope = scope_of(["http://a.example/"], max_depth=2)

    codes = [scope.refusal(found("http://a.example/x", depth=depth)) for depth in range(4)]

    assert codes == ["", "", "", "policy.too_deep"]


def test_depth_has_no_end_only_when_asked() -> None:
    endless = scope_of(["http://a.example/"], max_depth=None)
    usual = scope_of(["http://a.example/"])

    assert endless.refusal(found("http://a.example/x", depth=1000)) == ""
    assert usual.refusal(found("http://a.example/x", depth=21)) == "policy.too_deep"


def test_no_pattern_sees_a_url_that_is_too_long() -> None:
    scope = scope_of(["http://a.example/"], include=["(x+x+)+y"])

    assert scope.refusal(found("http://a.example/" + "x" * 2100)) == "policy.url_too_long"


def test_robots_and_sitemaps_are_not_pages() -> None:
    scope = scope_of(["http://a.example/docs/"], kind="prefix", include=["/docs/"])

    for purpose in (Purpose.ROBOTS, Purpose.SITEMAP):
        request = Request("http://a.example/robots.txt", purpose=purpose, depth=1)

        assert scope.refusal(request) == ""


@pytest.mark.parametrize(
    ("seed", "url", "taken"),
    [
        ("http://example.org/", "https://www.example.org/start", True),
        ("http://localhost:1/", "http://localhost:2/", True),
        ("http://example.org/", "https://parked.example.net/", False),
        ("http://a.github.io/", "http://b.github.io/", False),
        ("http://10.0.0.1/", "http://10.0.0.2/", False),
        ("http://localhost/", "http://127.0.0.1/", False),
    ],
)
def test_where_a_seed_has_moved_belongs_when_the_domain_is_the_same(
    seed: str, url: str, taken: bool
) -> None:
    scope = scope_of([seed])

    assert scope.moved(seed, url) is taken
    assert scope.refusal(found(url)) == ("" if taken else "policy.out_of_scope")


@pytest.mark.parametrize(
    ("seed", "url", "inside", "outside"),
    [
        ("http://a.example/docs/", "https://a.example/", "https://a.example/docs/x", "/x"),
        ("http://a.example/docs/", "http://a.example/en/docs/", "http://a.example/en/docs/x", "/x"),
        ("http://a.example/docs", "http://a.example/docs/", "http://a.example/x", None),
    ],
)
def test_a_prefix_that_moved_never_comes_nearer_to_the_root(
    seed: str, url: str, inside: str, outside: str | None
) -> None:
    scope = scope_of([seed], kind="prefix")

    scope.moved(seed, url)

    assert scope.refusal(found(inside)) == ""
    assert scope.refusal(found(urls.join(seed, "x"))) == ""
    if outside is not None:
        assert scope.refusal(found(urls.join(url, outside))) == "policy.out_of_scope"


def test_links_beyond_the_budget_of_a_host_are_refused_and_seeds_are_not() -> None:
    scope = scope_of(["http://a.example/"], bounds=Bounds(pages=3))
    for number in range(3):
        request = found(f"http://a.example/{number}")
        assert scope.refusal(request) == ""
        scope.count(request)

    assert scope.refusal(found("http://a.example/3")) == "policy.budget"
    assert scope.refusal(found("http://a.example/3", depth=0)) == ""


def test_seeds_count_for_no_budget() -> None:
    scope = scope_of(["http://a.example/"], bounds=Bounds(pages=1))

    for number in range(3):
        scope.count(found(f"http://a.example/{number}", depth=0))

    assert scope.refusal(found("http://a.example/x")) == ""


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("WwW.example.COM", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("com", ""), ("co.uk", ""), ("localhost", ""), ("", ""),
        ("127.0.0.1", ""), ("1.2.3.4.", ""), ("::1", ""), ("0x7f", ""),
        ("a.b.unknown-suffix", "b.unknown-suffix"),
        ("食狮.公司.cn", "食狮.公司.cn"),
    ],
)  # fmt: skip
def test_the_registered_domain_of_a_host(host: str, domain: str) -> None:
    assert registered_domain(host) == domain


class Kept:
    """What earlier runs of a crawl left."""

    def seeds(self) -> list[str]:
        return ["http://a.example/", "http://b.example/"]

    def moved(self) -> list[tuple[str, str]]:
        return [
            ("http://a.example/", "https://www.a.example/"),
            ("http://b.example/", "http://parked.example.net/"),
        ]

    def found(self) -> list[tuple[str, int]]:
        return [("https://www.a.example", 2), ("http://a.example", 1)]


def test_a_resumed_crawl_has_the_scope_and_the_budgets_it_had() -> None:
    scope = Scope(bounds=Bounds(pages=2))

    scope.recall(Kept())

    assert scope.refusal(found("http://a.example/x")) == ""
    assert scope.refusal(found("http://b.example/x")) == ""
    assert scope.refusal(found("https://www.a.example/x")) == "policy.budget"
    assert scope.refusal(found("http://parked.example.net/x")) == "policy.out_of_scope"


def test_a_resumed_crawl_of_a_domain_knows_how_many_hosts_it_has() -> None:
    scope = Scope(kind="domain", bounds=Bounds(hosts=2))

    scope.recall(Kept())

    assert scope.refusal(found("http://www.a.example/x")) == ""
    assert scope.refusal(found("http://new.a.example/x")) == "policy.budget"


# Texts made of what has fooled URL parsers: everything that separates, escapes or climbs.
PIECES = st.lists(
    st.sampled_from(
        ["/", "\\", ".", "..", "%2e", "%2E%2e", "%2f", "%5c", "%00", "@", ":", "?", "#", ";",
         "a.example", "b.example", "//", "http:", "https:", "\t", "\n", " ", "%", "ß", "。", "x",
         "xn--", "%40", "[", "]", "&", "80", "\u1e9e", "\ud800"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(PIECES, st.sampled_from(KINDS))
def test_no_reference_leaves_the_scope_unseen(reference: str, kind: str) -> None:
    seed = "http://a.example/docs/x"
    scope = scope_of([seed], kind=kind)
    try:
        url = urls.join(seed, reference)
    except InvalidURL:
        return

    if scope.refusal(found(url)) == "":
        assert urls.origin(url).host.removesuffix(".") == "a.example"
        if kind in {"origin", "prefix"}:
            assert url.startswith("http://a.example/")
        if kind == "prefix":
            assert url.startswith("http://a.example/docs/")
