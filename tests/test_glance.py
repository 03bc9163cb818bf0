"""Marks at a glance: the same as by lexbor's tree, or none at all; linear work at worst."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_extract import page

from crawler.charset import decode
from crawler.extract import extract, glanced
from crawler.glance import by_glance
from crawler.marks import by_lexbor

DOCUMENTS = (
    Path("/usr/share/doc/postgresql-doc-15/html"),
    Path("/usr/share/doc/python3.11/html"),
)
# Tags, parts of tags and what changes how the rest is read.
PIECES = [
    "<a href=x>", "<a href='y'>", '<a href="z">', '<a href="q', "</a>", "<a ", "<A HREF=U>",
    "<a href>", '<a href="">', '<a\nhref="n"\n>', '<a href= "s">', "<a href=x/>", "<a/href=x>",
    '<a href="1" href="2">', '<a id="i">', '<a id="i" href="k">', "<a xlink:href=l>",
    "<a title='>' href=t>", '<a title=a="b href=c>', '<a rel="nofollow" href=n>',
    '<a href="?a=b&c=d&amp;e">', '<a href="?a&b">', "<area href=r>", "<base href=b>",
    "<link rel=next href=l>", "<link rel='canonical next' href=m>", "<link rel=icon href=o>",
    "<meta name=ourbot content=nofollow>", "<meta http-equiv=refresh content='0;url=e'>",
    '<a href="p#f">',
    '<a href="#f">', '<a class="c" href="#f" title="t">', '<a href="#f" rel="x">',
    '<a href=" #f">', '<a class="c" href="q w#f" title="t">',
    "<meta content=c name=robots>", '<meta charset="utf-8">',
    "<iframe src=f></iframe>", "<iframe src=g>", "</iframe>", "<frameset>", "<frame src=h>",
    "<!doctype html>", "<?x?>", "<!-- ", "-->", "--!>", "<!-->", "<!--->", "<![CDATA[", "]]>",
    "<script>", '<script src="s">', "<sCript>", "</script>", "<style>", "</style>", "<title>",
    "</title>", "<TITLE>", "<textarea>", "</textarea>", "<xmp>", "</xmp>", "<noscript>",
    "</noscript>", "<plaintext>", "<noembed>", "<noframes>", "<select>", "<option>", "</select>",
    "<svg>", "</svg>", "<path d='x'/>", "<use href='#i'/>", "<desc>", "<math>", "<template>",
    "</template>", "<table>", "<tr>", "<td>", "</table>", "<caption>", "<colgroup>", "<col>",
    "<head>", "</head>", "<body>", "</body>", "<html>", "</html>", "<p>", "</p>", "<b>", "</b>",
    "<br/>", "<form>", "<button>", "<li>", "<pre>", '<h1 title="<a href=q>">', "</>", "</ ",
    " ", "\t", "\r", "\n", "'", '"', "=", "/", ">", "<", "x", "\u00e9", "\0", "&", "&amp;", "&lt",
    "&copy=", "&#65;", "&#150;", "charset=utf-8\"", "href=", "title=",
]  # fmt: skip


TOLD = ("content", "href", "http-equiv", "name", "rel", "src", "type", "xlink:href")


def told(found: tuple[list[tuple[str, dict[str, str | None]]], str]) -> tuple[set[str], str]:
    """What is compared: all that says where something leads, but for places on the same page."""
    marks, title = found
    leading = ((name, of) for name, of in marks if not (of.get("href") or "").startswith("#"))
    return {f"{name} {[(key, of.get(key)) for key in TOLD]}" for name, of in leading}, title


@pytest.mark.parametrize(
    ("markup", "marks"),
    [
        ("<a href=x>", [("a", {"href": "x"})]),
        ('<a class="c" href="x&amp;y" title=">">', None),
        ('<a class="c" href="x&amp;y">', [("a", {"href": "x&y"})]),
        ("<a href=x><p>say \"no\" = 'yes' <a href=y>",
         [("a", {"href": "x"}), ("a", {"href": "y"})]),
        ('<p>a = "b <a href="x">', [("a", {"href": "x"})]),
        ('<p title="<a href=x>">', None),
        ("<p title='a><a href=x>'>", None),
        ("<p <a href=x>>", None),
        ("<a id=\"i\"><a name=\"n\" class=\"c\"><a>", []),
        ("<!-- <a href=x> --><a href=y>", [("a", {"href": "y"})]),
        ("<p>" * 1000 + "<!-- <a href=x> --><a href=y>", [("a", {"href": "y"})]),
        ("<script>'<a href=x>'</script><style>a>b</style><a href=y>", [("a", {"href": "y"})]),
        ("<script><!--</script><a href=x>", None),
        ("<script x='></script>'><a href=x></script>", None),
        ("<script/><a href=x>", None),
        ("<svg viewBox='0 0'><path d='m'/></svg><a href=y>", [("a", {"href": "y"})]),
        ("<svg><a href=x></svg>", None),
        ("<svg><title>t</title></svg>", None),
        ("<select name=s><option>a<option>b</select><a href=y>", [("a", {"href": "y"})]),
        ("<select><a href=x></select>", None),
        ("<textarea><a href=x></textarea><a href=y>", [("a", {"href": "y"})]),
        ("<iframe src=f></iframe>", [("iframe", {"src": "f"})]),
        ("<iframe src=f><a href=x></iframe>", None),
        ("<template><a href=x></template>", None),
        ("<TEXTAREA><a href=x>", None),
        ("<title>a<b></title>", None),
        ("<a href=\"?a=1&b=2\">", [("a", {"href": "?a=1&b=2"})]),
        ("<a href=\"?a&copy;b\">", [("a", {"href": "?a\u00a9b"})]),
        ("<a href=\"?a&copyb\">", None),
        ("<a href=\"?a&nosuch;b\">", None),
        ("<a href=x", []),
        ("<title></title", None),
        ("<iframe src=f></iframe", None),
        ("\0<a href=x>", None),
    ],
)  # fmt: skip
def test_what_is_seen_and_what_is_left_to_a_parser(
    markup: str, marks: list[tuple[str, dict[str, str | None]]] | None
) -> None:
    found = by_glance(markup.encode())

    assert (None if found is None else found[0]) == marks
    if found is not None:
        assert told(found) == told(by_lexbor(markup, False))


def test_the_first_title_counts_with_its_characters_written_out() -> None:
    found = by_glance("<title> A &amp;\r\n\u00e9&#8212; </title><title>no</title>".encode())

    assert found == ([], "A & \u00e9\u2014")


@settings(max_examples=2000, deadline=None)
@example(pieces=["<script>", "<!-- ", "</script>", "<a href=x>"])
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=12))
def test_whatever_the_markup_it_sees_what_a_tree_has_or_says_nothing(pieces: list[str]) -> None:
    markup = "".join(pieces)
    found = by_glance(markup.encode())

    if found is not None:
        assert told(found) == told(by_lexbor(markup, False))


@pytest.mark.timeout(60)
def test_nearly_all_real_pages_are_sound_and_it_sees_the_same() -> None:
    paths = [path for folder in DOCUMENTS for path in sorted(folder.rglob("*.html"))[::10]]
    if not paths:
        pytest.skip(f"{DOCUMENTS[0]} is not installed (Debian: postgresql-doc-15)")
    seen = 0
    for path in paths:
        text = decode(path.read_bytes(), "text/html")
        found = by_glance(text.encode())
        if found is not None:
            with_tree = by_lexbor(text, False)
            assert told(found) == told(with_tree), path
            assert anchors(found[0]) == anchors(with_tree[0]), path
            seen += 1

    assert seen > 0.99 * len(paths)


def anchors(found: list[tuple[str, dict[str, str | None]]]) -> list[str]:
    """Where anchors lead, in order, each once."""
    leads = (of["href"] or "" for name, of in found if name == "a")
    return list(dict.fromkeys(href for href in leads if not href.startswith("#")))


@settings(max_examples=500, deadline=None)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=10))
def test_what_it_means_is_what_the_marks_of_a_tree_mean(pieces: list[str]) -> None:
    response = page("".join(pieces))
    found = glanced(response, agent="ourbot")

    if found is not None:
        with_tree = extract(response, parser="tree", agent="ourbot")
        assert set(found.links) == set(with_tree.links)
        assert replace(found, links=()) == replace(with_tree, links=())


@pytest.mark.parametrize(
    ("body", "content_type", "url"),
    [
        (b"\xef\xbb\xbf<a href=\xc3\xa9>", "text/html", "%C3%A9"),
        ("<a href=\u0436>".encode("koi8-r"), "text/html; charset=koi8-r", "%D0%B6"),
        ("<a href=\u00e9>".encode("latin-1"), "text/html", "%C3%A9"),
        ("<a href=x>".encode("utf-16"), "text/html", "x"),
        (b"<title/><a href=x>", "application/xhtml+xml", "x"),
    ],
)
def test_pages_in_any_encoding_are_read(body: bytes, content_type: str, url: str) -> None:
    found = extract(page(body, content_type=content_type))

    assert found.links == (f"http://h.example/d/{url}",)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "piece",
    ["<a ", '<a href="', "<a x='", "<!--", "<title>", "<textarea>", "&", "<", "</", "<a =", '="',
     "<script>", "<script ", "<script><!--", "<svg>", "<svg ", "<select>", "<style>", "<p x='\">",
     "='", '="\'', "<a href=\"&", "<iframe>", "-", "--", "<!--->", "<div>", "<svg><g>", ">"],
)  # fmt: skip
def test_hostile_markup_is_linear_work(piece: str) -> None:
    many = piece.encode() * (1_000_000 // len(piece))
    for body in (many, b"<a " + many + b">", b"<!---->" + many, b'<a href="' + many + b'">'):
        by_glance(body)
