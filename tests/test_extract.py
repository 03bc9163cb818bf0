"""Links and what else a page refers to: the elements, the joining, the limits, what is no page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler import marks
from crawler.extract import MAX_LINKS, PARSERS, Found, extract, links
from crawler.model import Headers, Request, Response

URL = "http://h.example/d/p.html?q"
DOCUMENTS = Path("/usr/share/doc/postgresql-doc-15/html")
FINE = ("http://h.example/d/x",)


def page(
    body: bytes | str,
    *,
    url: str = URL,
    content_type: str | None = "text/html; charset=utf-8",
    fields: tuple[tuple[str, str], ...] = (),
) -> Response:
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    if content_type is not None:
        fields = (("Content-Type", content_type), *fields)
    now = datetime.now(UTC)
    return Response(Request(url), 200, "OK", Headers(fields), raw, raw, "1.1", "", now, 0.1)


@pytest.fixture(params=PARSERS)
def parser(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(
    ("markup", "urls"),
    [
        ("<a href=x>", ["d/x"]),
        ("<a href=x><a href=y><a href=x>", ["d/x", "d/y"]),
        ("<a href=x#1><a href=x#2><a href='x'>", ["d/x"]),
        ("<a name=x><a>", []),
        ("<a href='#top'>", []),
        ("<a href=''>", ["d/p.html?q"]),
        ("<a href=' x\n'>", ["d/x"]),
        ("<a href='x&amp;y=&quot;'>", ["d/x&y=%22"]),
        ("<a href='?a&amp;b'>", ["d/p.html?a&b"]),
        ("<map><area href=x></map>", ["d/x"]),
        ("<iframe src=x></iframe>", ["d/x"]),
        ("<frameset><frame src=x><frame src=../y></frameset>", ["d/x", "y"]),
        ("<base href=/b/><a href=x>", ["b/x"]),
        ("<a href=x><base href=/b/>", ["b/x"]),
        ("<base target=_top><base href=/b/><base href=/c/><a href=x>", ["b/x"]),
        ("<base href='javascript:1'><a href=x>", ["d/x"]),
        ("<base href='data:,x'><base href=/b/><a href=x>", ["d/x"]),
        ("<base href='http://'><a href=x>", ["d/x"]),
        ("<link rel=next href=x>", ["d/x"]),
        ("<link rel='Up Prev' href=x>", ["d/x"]),
        ("<link rel=alternate hreflang=de href=x>", ["d/x"]),
        ("<link rel=alternate type=application/rss+xml href=x>", []),
        ("<link rel='alternate stylesheet' href=x>", []),
        ("<link rel=stylesheet href=x><link href=y>", []),
        ("<meta http-equiv=Refresh content='0; url=x'>", ["d/x"]),
        ("<meta http-equiv=refresh content='5'>", []),
        ("<noscript><a href=x></a></noscript>", ["d/x"]),
        ("<head><noscript><a href=x></a></noscript></head>", ["d/x"]),
        ("<!-- <a href=x> --><script>'<a href=y>'</script><style><a href=z></style>", []),
        ("<template><a href=x></a></template>", []),
        ("<textarea><a href=x></textarea><title><a href=y></title>", []),
        ("<iframe><a href=x></a></iframe>", []),
        ("<svg><a href=x></a><a xlink:href=y></a></svg>", ["d/x", "d/y"]),
        ("<a rel=nofollow href=x><a rel='noopener NoFollow' href=y><a rel=no href=z>", ["d/z"]),
        ("<area rel=nofollow href=x><link rel='next nofollow' href=y>", []),
        ("<A HREF=X>", ["d/X"]),
        ("<div><p><table><a href=x><tr><td><a href=y>", ["d/x", "d/y"]),
        ("<a href=x><p><a href=y", ["d/x"]),
        ("<a href='ü/ß'>", ["d/%C3%BC/%C3%9F"]),
        ("<a href=.././../../a/./b><a href=/.><a href=//o.example>", ["a/b", "", "//o.example/"]),
        ("<a href=a//b><a href=./c><a href=.d><a href=e:1>", ["d/a//b", "d/c", "d/.d"]),
        ("<a href=a%2f..%2fb><a href=f~_-.html><a href=g/h.i/j>",
         ["d/a%2f..%2fb", "d/f~_-.html", "d/g/h.i/j"]),
    ],
)  # fmt: skip
def test_the_links_of_a_page(markup: str, urls: list[str], parser: str) -> None:
    found = extract(page(markup), parser=parser)

    absolute = [
        "http:" + url if url.startswith("//") else f"http://h.example/{url}" for url in urls
    ]
    assert sorted(found.links) == sorted(absolute)


def test_links_come_in_their_order_without_those_that_say_nofollow() -> None:
    response = page("<a href=2></a><a href=1></a><a rel=nofollow href=3></a><a href=2></a>")

    assert list(links(response)) == ["http://h.example/d/2", "http://h.example/d/1"]


@pytest.mark.parametrize(
    "reference",
    ["javascript:void(0)", "JAVA\tSCRIPT:1", "data:text/html,<a>", "mailto:a@b", "tel:+1",
     "blob:http://h.example/1", "file:///etc/passwd", "ftp://h.example/", "\\\\host\\x",
     "http:\\\\host", " \t\\\\host", "/\\host", "http://", "http://a b/", "https://[::1",
     "http://h:99999/", "x" * 5000, "http://h.example/" + "x" * 1_000_000],
)  # fmt: skip
def test_what_is_no_http_url_is_dropped_and_counted(reference: str, parser: str) -> None:
    """HT06, HT11."""
    found = extract(page(f'<a href="{reference}">'), parser=parser)

    assert found == Found(dropped=1)


def test_line_breaks_in_a_reference_are_taken_out_and_nul_is_not(parser: str) -> None:
    """HT12."""
    found = extract(
        page('<a href="a\r\nHost\tb"><a href="c\0d"><a href="e&#13;&#10;f">'), parser=parser
    )

    assert found.links == (
        "http://h.example/d/aHostb",
        "http://h.example/d/c%EF%BF%BDd",
        "http://h.example/d/ef",
    )


def test_users_and_passwords_leave_the_url(parser: str) -> None:
    assert extract(page("<a href=http://u:p@h.example/d/x>"), parser=parser).links == FINE


def test_of_very_many_links_the_first_are_kept(parser: str) -> None:
    """HT07."""
    found = extract(page("".join(f"<a href={n}></a>" for n in range(MAX_LINKS + 7))), parser=parser)

    assert len(found.links) == MAX_LINKS
    assert found.links[-1] == f"http://h.example/d/{MAX_LINKS - 1}"
    assert found.dropped == 7


def test_what_a_page_needs_comes_on_request_only(parser: str) -> None:
    markup = """<link rel=stylesheet href=a.css><link rel="shortcut icon" href=i.ico>
        <body background=bg><img src=1.png srcset="2.png 2x, 3.png 3x"><script src=s.js></script>
        <picture><source srcset="4.png 480w"></picture><video src=v poster=p><track src=t></video>
        <audio src=u></audio><embed src=e><object data=o></object><input type=image src=n>
        <input src=no><img><img src=""><svg><image href=g /><use xlink:href=h /></svg>
        <link rel=preload imagesrcset="5.png 1x" href=6.png><a href=x>"""
    response = page(markup)

    asked, unasked = (extract(response, requisites=on, parser=parser) for on in (True, False))

    names = "a.css i.ico bg 1.png 2.png 3.png s.js 4.png v p t u e o n g h 6.png 5.png"
    assert list(asked.requisites) == [f"http://h.example/d/{name}" for name in names.split()]
    assert asked.links == unasked.links == FINE
    assert unasked.requisites == ()


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ("<title> A &amp;\n <b>b</b>\t</title>", "A & <b>b</b>"),
        ("<title>1</title><title>2</title>", "1"),
        ("<svg><title>no</title></svg><title>late</title>", "late"),
        ("<body><title>in the body</title>", "in the body"),
        ("<title>\x1b[2J\u202e</title>", "\x1b[2J\u202e"),
        ("", ""),
    ],
)
def test_the_title_is_the_first_with_its_white_space_folded(
    markup: str, title: str, parser: str
) -> None:
    """HT13: it is made safe where it is shown."""
    assert extract(page(markup), parser=parser).title == title


def test_the_canonical_url_is_of_the_page_before_that_of_the_header(parser: str) -> None:
    header = (("Link", '<http://o.example/h>; rel="canonical"'),)

    for markup, fields, url in (
        (
            "<link rel=canonical href=/c#x><link rel=canonical href=/d>",
            header,
            "http://h.example/c",
        ),
        ("<p>", header, "http://o.example/h"),
        ("<link rel=canonical href=mailto:x>", (), ""),
        ("<p>", (), ""),
    ):
        assert extract(page(markup, fields=fields), parser=parser).canonical == url


def test_header_fields_link_from_the_urls_own_place(parser: str) -> None:
    fields = (
        ("Link", '<n>; rel="next", <a,b>; rel=prev; title="x, <y>; rel=up"'),
        ("Link", '<f>; rel=next; anchor="#part", <s.css>; rel=stylesheet, <z>'),
        ("Link", '<o>; rel="last nofollow"'),
        ("Refresh", "0;url=r"),
    )

    found = extract(
        page("<base href=/b/><a href=x>", fields=fields), parser=parser, requisites=True
    )

    names = ["d/n", "d/a,b", "d/r", "b/x"]
    assert list(found.links) == [f"http://h.example/{name}" for name in names]
    assert found.requisites == ("http://h.example/d/s.css",)


@pytest.mark.parametrize(
    ("markup", "fields", "follow", "index"),
    [
        ("<p>", (), True, True),
        ("<meta name=robots content='noindex, nofollow'>", (), False, False),
        ("<META NAME=Robots CONTENT=NONE>", (), False, False),
        ("<meta name=robots content=nofollow><meta name=robots content=all>", (), False, True),
        ("<meta name=ourbot content=noindex>", (), True, False),
        ("<meta name=otherbot content=noindex>", (), True, True),
        ("<body><p><meta name=robots content=noindex>", (), True, False),
        ("<p>", (("X-Robots-Tag", "nofollow"),), False, True),
        ("<p>", (("X-Robots-Tag", "otherbot: nofollow"),), True, True),
        ("<p>", (("X-Robots-Tag", "ourbot: none"),), False, False),
    ],
)
def test_what_the_page_asks_of_robots(
    markup: str, fields: tuple[tuple[str, str], ...], follow: bool, index: bool, parser: str
) -> None:
    found = extract(page(markup, fields=fields), parser=parser, agent="OurBot")

    assert (found.follow, found.index) == (follow, index)


HTML = b"<!DOCTYPE html><a href=x>"


@pytest.mark.parametrize(
    ("body", "content_type", "is_page"),
    [
        (HTML, "text/html", True),
        (HTML, "TEXT/HTML ;charset=utf-8", True),
        (HTML, "application/xhtml+xml", True),
        (HTML, None, True),
        (HTML, "", True),
        (b"  \n<!-- c -->" + HTML, None, True),
        (b"\xef\xbb\xbf" + HTML, None, True),
        (b"<?xml version='1.0'?>\n" + HTML, None, True),
        (b"just text <a href=x>", None, False),
        (b"just text <a href=x>", "text/html", True),
        (b"<article><a href=x>", None, False),
        (HTML, "image/png", False),
        (HTML, "text/plain", False),
        (HTML, "application/octet-stream", False),
        (b"%PDF-1.7 " + HTML, "text/html", False),
        (b"\x89PNG\r\n\x1a\n" + HTML, "text/html", False),
        (b"GIF89a" + HTML, "text/html", False),
        (b"\xff\xd8\xff\xe0" + HTML, "text/html", False),
        (b"PK\x03\x04" + HTML, "text/html", False),
        (b"\x1f\x8b\x08" + HTML, "text/html", False),
        (b"\0\0\0\x20ftypmp42" + HTML, "text/html", False),
        (b"BM\x00\x01" + HTML, "text/html", False),
        (b"BM is a car maker." + HTML, "text/html", True),
        (b"<rss><a href=x/></rss>", "text/xml", False),
        (b"<html xmlns='http://www.w3.org/1999/xhtml'><a href='x'/></html>", "text/xml", True),
        (HTML.decode().encode("utf-16"), "text/html", True),
    ],
)  # fmt: skip
def test_only_a_page_is_parsed(
    body: bytes, content_type: str | None, is_page: bool, parser: str
) -> None:
    """HT08, HT09."""
    found = extract(page(body, content_type=content_type), parser=parser)

    assert found.links == FINE * is_page


def test_of_what_is_no_page_the_headers_count() -> None:
    fields = (("Link", "<x>; rel=next, </c>; rel=canonical"), ("X-Robots-Tag", "noindex"))

    found = extract(page(b"%PDF-", content_type="application/pdf", fields=fields))

    assert found == Found(FINE, canonical="http://h.example/c", index=False)


def test_an_empty_element_of_xhtml_does_not_swallow_the_page(parser: str) -> None:
    markup = (
        "<html><head><title/><script src='a>b'/></head><body><iframe /><a href='x'/></body></html>"
    )

    found = extract(page(markup, content_type="application/xhtml+xml"), parser=parser)

    assert found.links == FINE


def test_the_encoding_is_the_one_a_browser_finds(parser: str) -> None:
    """HT01."""
    cyrillic = "<meta charset=koi8-r><a href=/ж?ж>".encode("koi8-r")
    marked = b"\xef\xbb\xbf" + "<meta charset=koi8-r><a href=/ж?ж>".encode()

    for body, query in ((cyrillic, "%D6"), (marked, "%D0%B6")):  # queries go in the page's own
        found = extract(page(body, content_type="text/html"), parser=parser)
        assert found.links == (f"http://h.example/%D0%B6?{query}",)


def test_text_beyond_the_limit_is_not_looked_at(parser: str) -> None:
    found = extract(page("<a href=x></a>" + " " * 2_097_152 + "<a href=y>"), parser=parser)

    assert found == Found(FINE, warning="parse.too_large")


@pytest.mark.parametrize(
    "markup",
    [
        "<a href=" * 4000,
        '<a href="' * 20_000,
        "<!--" * 20_000,
        "<div>" * 1400,
        "</p>" * 20_000,
        "<a href=x rel=" + "nofollow " * 50_000 + ">",
        "<img srcset='" + "a, " * 50_000 + "'>",
        "<img srcset='" + "(" * 200_000 + "'>",
        "<meta http-equiv=refresh content='" + "0" * 200_000 + ";" * 200_000 + "'>",
        "<title>" + " \n" * 100_000,
        "<base href='" + "a" * 1_000_000 + "'>",
        "&" * 200_000,
        "<script/ " * 20_000,
        "<iframe " + "a='" * 50_000,
    ],
)
@pytest.mark.timeout(5)
def test_hostile_markup_ends_soon(markup: str) -> None:
    """HT04 to HT06."""
    for content_type in ("text/html", "application/xhtml+xml"):
        found = extract(page(markup, content_type=content_type), requisites=True)

        assert isinstance(found, Found)


@pytest.mark.timeout(5)
def test_hostile_header_fields_end_soon() -> None:
    for value in ("<" * 60_000, "<a>;" * 20_000, '<a>; x="' + "\\" * 60_000, "<a>" + " ;" * 30_000,
                  "<a>" + "," * 60_000, "<a>; rel=next, " * 6000):  # fmt: skip
        extract(page("<p>", fields=(("Link", value), ("Refresh", value))), requisites=True)


@given(st.binary(max_size=200), st.sampled_from(PARSERS))
def test_no_bytes_make_it_raise(body: bytes, parser: str) -> None:
    for before in (b"", b"<a href=", b"<meta http-equiv=refresh content='1;url=", b"<img srcset='"):
        found = extract(
            page(before + body, content_type="text/html"), parser=parser, requisites=True
        )

        for url in (*found.links, *found.requisites):
            assert url.isascii()
            assert url.startswith(("http://", "https://"))


@example("0 #")
@given(st.text(max_size=60))
def test_what_is_joined_fast_is_what_joining_gives(reference: str) -> None:
    from html import escape

    from crawler.errors import InvalidURL
    from crawler.urls import join

    text = reference.replace("\0", "").replace("\r", "")
    found = extract(page(f'<a href="{escape(text)}">'))

    try:
        joined = join(URL, text.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    except InvalidURL:
        assert found.links == ()
    else:
        backward = text.lstrip(" \t\n\f")[:2].count("\\")
        assert found.links == (joined,) or text.startswith("#") or backward


@pytest.mark.timeout(60)
def test_both_parsers_find_the_same_on_real_pages() -> None:
    paths = sorted(DOCUMENTS.glob("*.html"))[::25]
    if not paths:
        pytest.skip(f"{DOCUMENTS} is not installed (Debian: postgresql-doc-15)")

    for path in paths:
        response = page(path.read_bytes(), url=f"http://h.example/html/{path.name}")
        fast, reference = (extract(response, parser=name, requisites=True) for name in PARSERS)
        assert fast == reference, path.name
        assert fast.requisites


@given(
    st.lists(
        st.sampled_from(
            ["<a href=x>", "<a>", "</a>", "<b>", "</b>", "<p>", "x", "<title>", "</title>", "<svg>",
             "</svg>", "<template>", "</template>", "<textarea>", "</textarea>", "<!-- -->",
             "<table>", "<td>", "</table>", "<iframe>", "</iframe>", "<link rel=next href=y>",
             "<meta name=robots content=none>", "<base href=z>", "<noscript>", "</noscript>",
             "<?x?>"]
        ),
        max_size=12,
    )
)  # fmt: skip
def test_a_tree_of_marks_alone_has_those_of_the_whole_tree(pieces: list[str]) -> None:
    """With what a page needs the whole tree is made."""
    text = "".join(pieces)
    alone, title = marks.by_soup(text, False)
    whole, same = marks.by_soup(text, True)

    assert alone == [mark for mark in whole if mark[0] not in marks.REQUISITES]
    assert title == same
