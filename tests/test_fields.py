"""What --select and --text take from pages: selectors, their errors, readable text, bombs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ConfigError
from crawler.extract import SMALL
from crawler.fields import Fields
from crawler.model import Headers, Request, Response
from crawler.selecting import MAX_VALUE, MAX_VALUES, Selector, readable_text, selector

PRODUCT = """<!DOCTYPE html><title>T</title><h1> A
    <b>bold</b>  thing</h1><p class="price big">12 <i>EUR</i> only</p>
    <a>none</a><a class=next href=" /2?a&amp;b ">next</a>
    <ul><li class=tag>x<li class="tag">y</ul>"""


def page(markup: str | bytes, content_type: str = "text/html; charset=utf-8") -> Response:
    body = markup if isinstance(markup, bytes) else markup.encode()
    headers = Headers((("Content-Type", content_type),))
    now = datetime.now(UTC)
    request = Request("http://h.example/")
    return Response(request, 200, "OK", headers, body, body, "1.1", "", now, 0.1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("f=h1", "A bold thing"),
        ("f=h1::text", "A thing"),
        ("f = h1 b ", "bold"),
        ("f=.price", "12 EUR only"),
        ("f=.price::text", "12 only"),
        ("f=p.price.big > i", "EUR"),
        ("f=a::attr(href)", "/2?a&b"),
        ("f=a.next::ATTR( HREF )", "/2?a&b"),
        ("f=p::attr(class)", "price big"),
        ("f=a::attr(title)", None),
        ("f=h2", None),
        ("f=.tag", "x"),
        ("f[]=.tag", ["x", "y"]),
        ("f[]=a::attr(href)", ["/2?a&b"]),
        ("f[]=h2", []),
        ("f=li:nth-child(2)", "y"),
        ("f=h1, p", "A bold thing"),
        ("f=p, h1", "A bold thing"),
        ("f=a[class=next]", "next"),
        ("f=p:has(> i)", "12 EUR only"),
        ("f=title", "T"),
    ],
)
def test_a_selector_takes_the_first_that_matches_or_a_list(
    text: str, value: str | list[str] | None
) -> None:
    found = Fields([text]).of(page(PRODUCT))

    assert found == {"f": value}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("title", "NAME=SELECTOR"),
        ("=h1", "NAME=SELECTOR"),
        ("a b=h1", "NAME=SELECTOR"),
        ("1=h1", "NAME=SELECTOR"),
        ("f=", "no selector after the name"),
        ("f=::text", "no selector after the name"),
        ("f=h1[", "'h1[' is no CSS selector: Malformed attribute selector"),
        ("f=h1 >", "'h1 >' is no CSS selector"),
        ("f=h1::first-line", "'h1::first-line' is no CSS selector"),
        ("f=h1::attr()", "is no CSS selector"),
        ("f=:nope", "':nope' is no CSS selector"),
    ],
)
def test_what_is_no_selector_is_refused_with_the_reason(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Fields([text])

    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_is_given_once() -> None:
    with pytest.raises(ConfigError, match=r"'f' twice; f\[\]=SELECTOR"):
        Fields(["f=h1", "f=h2"])
    with pytest.raises(ConfigError, match="--text makes a field 'text'"):
        Fields(["text=h1"], with_text=True)


@given(st.text(max_size=30))
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    try:
        chosen = selector("f=" + text)
    except ConfigError:
        return
    assert isinstance(chosen, Selector)
    Fields([f"f={text}"]).of(page(PRODUCT))


def test_the_names_are_known_before_the_first_page_and_in_every_record() -> None:
    fields = Fields(["b=h1", "a[]=.tag"], with_text=True)

    assert fields.names == ("b", "a", "text")
    for response in (page(PRODUCT), page("%PDF-1.4"), page(PRODUCT, "image/png"), page("")):
        assert tuple(fields.of(response)) == fields.names
    assert fields.of(page("%PDF-1.4")) == {"b": None, "a": [], "text": ""}


def test_values_and_lists_have_an_end() -> None:
    many = page(f"<p>{'x' * (MAX_VALUE + 5)}</p>" + "<b>y</b>" * (MAX_VALUES + 5))
    nested = page("<div>" * 200 + "z" * 20_000)
    fields = Fields(["f=p", "g[]=b", "h[]=div"])

    found, deep = fields.of(many), fields.of(nested)
    fields.close()

    assert len(found["f"] or "") == MAX_VALUE
    assert len(found["g"] or "") == MAX_VALUES
    assert sum(len(value) for value in deep["h"] or ()) <= MAX_VALUE


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>a <b>b</b>\n c</p><p>d", "a b c\nd"),
        ("a<br>b<hr>c", "a\nb\nc"),
        ("<table><tr><td>1<td>2<tr><th>3<td><b>4</b></table>", "1\t2\n3\t4"),
        ("<pre>one\n  two\n</pre>", "one\ntwo"),
        ("<title>t</title><script>s</script><style>c</style><!-- x --><p>y", "y"),
        ("<template>t</template><noscript>n</noscript><svg><text>d</text></svg><p>y", "y"),
        ("<nav>n</nav><p>y</p><aside>a</aside><footer>f</footer>", "y"),
        ("<p>a</p><main><p>y</p><nav>n</nav></main><p>z</p>", "y\nn"),
        ("<p>a</p><article><h2>h</h2><p>y</p></article>", "h\ny"),
        ("<article>a</article><article>b</article>", "a\nb"),
        ("<div role=main>m</div>x", "m"),
        ("<p>a&nbsp;b &lt;c&gt; &eacute;</p>", "a\xa0b <c> é"),
        ("", ""),
    ],
)
def test_readable_text_has_a_line_for_each_paragraph(markup: str, text: str) -> None:
    assert readable_text(page(markup)) == text
    assert Fields(with_text=True).of(page(markup)) == {"text": text}


def test_a_page_nested_deeper_than_pythons_stack_has_its_text() -> None:
    assert readable_text(page("<div>" * 1400 + "x")) in {"x", ""}  # libxml2 may stop before it


@pytest.mark.timeout(30)
@pytest.mark.usefixtures("fds")
def test_a_page_that_selectors_run_wild_on_has_no_fields() -> None:
    fields = Fields(["x=section div a", "y[]=section section"], with_text=True, cpu_seconds=0.5)
    large = b"<section><section>s<div><a>b</a></div>" + b" " * SMALL

    bomb = fields.of(page(b"<section>" * 20_000 + b"<div>" * 20_000))
    after = fields.of(page(large))
    fields.close()

    assert bomb == {"x": None, "y": [], "text": ""}
    assert after == {"x": "b", "y": ["sb"], "text": "s\nb"}


def test_a_responses_soup_is_beautifulsoups_own() -> None:
    soup = page(PRODUCT).soup()

    assert soup.h1 is not None
    assert soup.h1.get_text(" ", strip=True) == "A bold thing"
    assert soup.select_one(".price")["class"] == ["price", "big"]
    assert page(b"\xe9", "text/html; charset=latin-1").soup().get_text() == "é"
    assert page(b"index.html").soup().get_text() == "index.html"  # and without a warning
