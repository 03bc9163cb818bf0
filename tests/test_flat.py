"""Marks without a tree: the same as with one where pages are sound, and linear work at worst."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.charset import decode
from crawler.flat import DEEPEST, by_tags, is_deep
from crawler.marks import by_lexbor

DOCUMENTS = Path("/usr/share/doc/postgresql-doc-15/html")


@pytest.mark.parametrize(
    ("markup", "marks"),
    [
        ("<a href=x>", [("a", {"href": "x"})]),
        ("<A HREF='x\"y' HREF=z>", [("a", {"href": 'x"y'})]),
        ("<a href = x title>", [("a", {"href": "x", "title": ""})]),
        ('<a/href="x"/>', [("a", {"href": "x"})]),
        ("<a href=x/>", [("a", {"href": "x/"})]),
        ("<a href='&amp;&lt;&notit;&#65;'>", [("a", {"href": "&<¬it;A"})]),
        ("<a =href=x href=y>", [("a", {"=href": "x", "href": "y"})]),
        ('<a title=">" href=x>', [("a", {"title": ">", "href": "x"})]),
        ("</a href=x><a name=x><b href=x>", []),
        ("<!--<a href=x>--><!-- --!><a href=y><!--><a href=z>",
         [("a", {"href": "y"}), ("a", {"href": "z"})]),
        ("<!x <a href=x><a href=y></ <a href=z><?<a href=w>", [("a", {"href": "y"})]),
        ("<script><a href=x></script ><a href=y>", [("a", {"href": "y"})]),
        ("<STYLE><a href=x></styles></StyLe><a href=y>", [("a", {"href": "y"})]),
        ("<iframe src=f><a href=x></iframe>", [("iframe", {"src": "f"})]),
        ("<template><template></template><a href=x></template><a href=y>", [("a", {"href": "y"})]),
        ("< a href=x><3<a href=y>", [("a", {"href": "y"})]),
        ("<a href=x", []),
        ("<a x='y'='z' = href=x><a = ==y href=z>",
         [("a", {"=": "=y", "href": "z"})]),
        ("<a href='x><a href=y>", []),
        ("<textarea><a href=x>", []),
        ("<img src=i><meta name=x content=y><meta charset=z><link rel=x>",
         [("meta", {"name": "x", "content": "y"})]),
    ],
)  # fmt: skip
def test_the_marks_of_its_tags(markup: str, marks: list[tuple[str, dict[str, str]]]) -> None:
    assert by_tags(markup, False) == (marks, "")


def test_the_title_and_what_a_page_needs() -> None:
    markup = "<title> A &amp;\n<b></title><title>no</title><img srcset=i><td background=b><td>"

    assert by_tags(markup, True) == (
        [("img", {"srcset": "i"}), ("td", {"background": "b"})],
        "A & <b>",
    )


@pytest.mark.parametrize(
    ("markup", "deep"),
    [
        ("<div>" * DEEPEST + "</div>" * DEEPEST, False),
        ("<div>" * (DEEPEST + 2), True),
        ("<div></div>" * 10_000, False),
        ("<div><table></div>" * DEEPEST, True),  # in a table the end tag is ignored
        ("<div></x>" * (DEEPEST + 2), True),
        ("<div><!--</div>--><p title='</div>'><script></div></script>" * DEEPEST, True),
        ("<ul>" + "<li><p>x" * (DEEPEST // 3) + "</ul>", False),
        ("<p>x<br><img src=x><hr>" * 10_000, False),
        ("<b><i><u>x</u></i></b>" * 10_000, False),
        ("<b>" * 300 + "<p>x" * 10_000, True),  # opened again in each paragraph
        ("<a " + " ".join(f"attribute{n}" for n in range(DEEPEST + 1)) + ">", True),
        ("<a href='" + "a b " * 10_000 + "'>", False),
        ("", False),
    ],
)
def test_what_could_make_a_tree_grow_is_seen(markup: str, deep: bool) -> None:
    assert is_deep(markup) is deep


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "piece",
    ["<a ", '<a href="', "<a x='", "<!--", "<title>", "<textarea><", "&", "<", "</", "<a =", "<!",
     "<?", " ", "<p></div>", "<a\t", "</x>", "<div>", "<script>", "<svg><title>", '="', "<a&"],
)  # fmt: skip
def test_hostile_markup_is_linear_work(piece: str) -> None:
    for text in (piece * (600_000 // len(piece)), "<a" + piece * (600_000 // len(piece)) + ">"):
        by_tags(text, True)
        is_deep(text)


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            ["<a href=x>", "<a href=y", "</a>", "<p>", "</p>", " ", "'", '"', ">", "/", "=", "x",
             "<img src='i'", "<br/>", "<!-- ", "-->", "<b>", "</b>", "&amp;", "<meta content=c>",
             "<base href=b>", "<!doctype html>", "<?x?>", "</>", "<h1 title=\"<a href=q>\">"]
        ),
        max_size=12,
    )
)  # fmt: skip
def test_it_reads_tags_as_the_parser_with_a_tree_does(pieces: list[str]) -> None:
    markup = "".join(pieces)
    with_tree, _ = by_lexbor(markup, True)
    without, _ = by_tags(markup, True)

    def told(marks: list[tuple[str, dict[str, str | None]]]) -> set[str]:
        return {f"{name} {sorted((k, v or '') for k, v in attrs.items())}" for name, attrs in marks}

    assert told(without) == told(with_tree)


@pytest.mark.timeout(60)
def test_on_real_pages_it_finds_the_same() -> None:
    paths = sorted(DOCUMENTS.glob("*.html"))[::10]
    if not paths:
        pytest.skip(f"{DOCUMENTS} is not installed (Debian: postgresql-doc-15)")

    for path in paths:
        text = decode(path.read_bytes(), "text/html")
        assert not is_deep(text), path.name
        for with_requisites in (False, True):
            marks, title = by_lexbor(text, with_requisites)
            plain = [(name, {k: v or "" for k, v in attrs.items()}) for name, attrs in marks]
            assert by_tags(text, with_requisites) == (plain, title), path.name
