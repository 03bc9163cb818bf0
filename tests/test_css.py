"""The references of style sheets: all that a browser would load, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sinks.outcomes import response

from crawler import css
from crawler.extract import extract
from crawler.model import Response

CASES = [
    ('@import "a" screen; @import url(b.css); @import/**/\'c.css\'', ["a", "b.css", "c.css"]),
    ('@charset "utf-8"; @import "a"', ["a"]),
    ("a{b:url( a.png )} c{d:URL('b.png')} e{f:url(\"c.png\")}", ["a.png", "b.png", "c.png"]),
    (r"a{b:u\72l(x)} c{d:\55 RL('y')}", ["x", "y"]),
    (r'a{b:url("\64\2e woff")} c{d:url(a\)b)} e{f:url(\))}', ["d.woff", "a)b", ")"]),
    ('a{b:url("x\\\ny")}', ["xy"]),
    ("@font-face{src:local('A'),url(a.woff2)format('woff2'),url('b')}", ["a.woff2", "b"]),
    ('a{b:image-set("a.png" 1x, url(b.png) type("image/png") 2x)}', ["a.png", "b.png"]),
    ('a{b:src("x")}', ["x"]),
    ("a{--own:url(x)}", ["x"]),
    ("a{b:url(unclosed", ["unclosed"]),
    ('a{b:url("unclosed', ["unclosed"]),
    ('/* url(x) */ a{b:"url(x)"} /* @import "x"', []),
    ('a{content:"x"} b{c:local("x") attr(url)} .import "x" {}', []),
    ('@namespace url(http://x/); @namespace svg "http://y"; a{b:url(c)}', ["c"]),
    ('@media "x" {} @import; "y"', []),
    ("a{b:url(x y) url(c)}", ["c"]),
    ("a{b:url(x\"y) url(c)} d{e:url(x'y) url(f)} g{h:url(x(y) url(i)}", ["c", "f", "i"]),
    ('a{b:"unclosed\n url(c)}', ["c"]),
    ("#url(x) @url(y) 1url(z)", []),
    ("a{b:url() url('')}", [""]),
    ('<!-- @import "a"; -->', ["a"]),
]  # fmt: skip


def found(text: str) -> list[str]:
    return [css.meaning(text[begin:end]) for begin, end in css.references(text)]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_references_are_found_as_browsers_find_them(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize("text", [text for text, _ in CASES])
def test_what_is_put_in_is_what_is_found_again(text: str) -> None:
    other = "../a b('\"\\).png"

    changed = css.rewritten(text, lambda _: other)

    assert found(changed) == [other] * len(found(text))
    assert css.rewritten(text, lambda _: None) is text


@given(st.text(alphabet="url(im\\port@\"'); \n/*a2{}#-", max_size=60))
def test_any_text_is_read_to_its_end_and_changed_only_where_references_are(text: str) -> None:
    spans = list(css.references(text))

    ends, begins = [0, *(end for _, end in spans)], [*(begin for begin, _ in spans), len(text)]
    assert all(end <= begin for end, begin in zip(ends, begins, strict=True))
    kept = [text[end:begin] for end, begin in zip(ends, begins, strict=True)]
    assert css.rewritten(text, lambda _: "X") == "X".join(kept)


def page(body: str, kind: str = "text/html") -> Response:
    return response(body.encode(), url="http://a.test/f/s", content_type=kind)


def test_what_pages_and_sheets_need_is_found_when_it_is_asked_for() -> None:
    html = (
        "<base href=/b/><style>@import 'i.css'; p{background:url(p.png)}</style>"
        "<p style='background:url(&quot;q.png&quot;)' class=x>url(no)"
        '<script>\'<p style="background:url(no)">\'</script><i style="b:url(#x) url(data:,x)">'
    )

    wanted = extract(page(html), requisites=True).requisites
    of_sheet = extract(page("a{b:url(../x.png)}@import 'y'", "Text/CSS; charset=utf-8"),
                       requisites=True).requisites  # fmt: skip

    assert wanted == tuple(f"http://a.test/b/{name}" for name in ("i.css", "p.png", "q.png"))
    assert of_sheet == ("http://a.test/x.png", "http://a.test/f/y")
    assert extract(page(html)).requisites == ()
    assert extract(page("a{b:url(x)}", "text/plain"), requisites=True).requisites == ()
