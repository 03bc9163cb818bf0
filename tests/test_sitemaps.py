"""Sitemaps in every form, and what hostile ones are refused for."""

from __future__ import annotations

import contextlib
import gzip
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import sitemaps
from crawler.errors import SitemapError
from crawler.model import Headers, Request, Response

URLSET = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
IMAGES = 'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'


def reply(body: bytes, url: str = "http://a/s.xml") -> Response:
    return Response(Request(url), 200, "OK", Headers(), body, body, "1.1", "", datetime.now(UTC), 0)


def found(body: bytes | str) -> list[str]:
    content = body.encode() if isinstance(body, str) else body
    return [entry.url for entry in sitemaps.entries(reply(content))]


def urlset(*urls: str) -> str:
    return URLSET + "".join(f"<url><loc>{url}</loc></url>" for url in urls) + "</urlset>"


TWO = ["http://a/1", "http://a/2"]


IN_CDATA = (
    "<urlset><url><loc>\n http://a/1 </loc></url><url><loc><![CDATA[/2]]></loc></url></urlset>"
)
WITH_IMAGES = (
    f"<urlset {IMAGES}><url><image:image><image:loc>/i</image:loc></image:image>"
    "<loc>/1</loc></url><url><loc>/2</loc><image:loc>/j</image:loc></url></urlset>"
)
RSS = (
    "<rss><channel><link>/no</link><item><link>/1</link></item><item><title>x</title>"
    "<link>/2</link></item></channel></rss>"
)
ATOM = (
    '<feed xmlns="http://www.w3.org/2005/Atom"><link href="/no"/><entry><link rel="self" '
    'href="/no"/><link href="/1"/></entry><entry><link rel="alternate" href="/2"/></entry></feed>'
)


@pytest.mark.parametrize(
    "body",
    [
        urlset(*TWO),
        '<?xml version="1.0"?>' + urlset(*TWO),
        "\n  <?xml version='1.0' encoding='UTF-8'?>" + urlset(*TWO),
        "\ufeff<?xml version='1.0' encoding='UTF-8'?>" + urlset(*TWO),
        urlset(*TWO).encode("utf-16"),
        ("<?xml version='1.0' encoding='windows-1251'?>" + urlset(*TWO)).encode("cp1251"),
        IN_CDATA,
        "<urlset><url><lastmod>x</lastmod><loc>1</loc></url><url><loc>2</loc></url></urlset>",
        WITH_IMAGES,
        RSS,
        ATOM,
        "http://a/1\nhttp://a/2\n",
        "\ufeffhttp://a/1\r\n\r\n# a comment\r\nftp://a/no\r\nhttp://a/2",
        gzip.compress(urlset(*TWO).encode()),
        gzip.compress(gzip.compress(urlset(*TWO).encode())),
        gzip.compress(urlset(*TWO).encode()[:60]) + gzip.compress(urlset(*TWO).encode()[60:]),
        urlset(*TWO, "mailto:x@a", "javascript:1", "ftp://a/"),
    ],
)
def test_every_form_is_read(body: bytes | str) -> None:
    assert found(body) == TWO


def test_an_index_names_sitemaps() -> None:
    body = b"<sitemapindex><sitemap><loc>/1.xml</loc><lastmod>2026-11-23</lastmod></sitemap>"

    (entry,) = sitemaps.entries(reply(body + b"</sitemapindex>"))

    assert entry == sitemaps.Entry("http://a/1.xml", is_sitemap=True, modified="2026-11-23")


@pytest.mark.parametrize(
    "body",
    [
        urlset(*TWO)[:-9],  # breaks off
        urlset(*TWO)[:-9] + "<url><loc>http://a/3",
        urlset(*TWO) + "trailing < rubbish",
        gzip.compress(urlset(*TWO).encode())[:-8],
    ],
)
def test_what_came_before_a_fault_counts(body: bytes | str) -> None:
    assert found(body) == TWO


def test_ampersands_that_are_none_of_xmls_are_forgiven() -> None:
    body = urlset("http://a/?x=1&y=2", "http://a/?x=1&amp;y=3", "http://a/4")

    assert found(body) == ["http://a/?x=1&y=2", "http://a/?x=1&y=3", "http://a/4"]


def test_a_doctype_is_refused() -> None:
    laughs = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + urlset("http://a/&b;")

    with pytest.raises(SitemapError) as raised:
        found(laughs)

    assert raised.value.code == "parse.forbidden_dtd"


def test_a_bomb_is_read_no_further_than_the_limit() -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=9) as file:
        file.write(urlset(*TWO)[:-9].encode())
        for _ in range(80):
            file.write(b" " * 1024 * 1024)
    seen: list[str] = []

    with pytest.raises(SitemapError) as raised:
        seen.extend(entry.url for entry in sitemaps.entries(reply(buffer.getvalue())))

    assert raised.value.code == "body.too_large"
    assert seen == TWO


def test_no_more_than_the_protocols_entries_are_taken() -> None:
    body = urlset(*(f"http://a/{number}" for number in range(sitemaps.MOST_ENTRIES + 10)))

    assert len(found(body)) == sitemaps.MOST_ENTRIES


def test_an_endless_location_is_no_trouble() -> None:
    assert found("<urlset><url><loc>" + "x" * 3_000_000) == []


@pytest.mark.parametrize(
    "hostile",
    [
        "<a>" * 200_000,
        "".join(f"<n{number}/>" for number in range(50_000)),
        "<a b='" + "x" * 3_000_000,
        "<!--" + "x" * 3_000_000,
    ],
)
def test_xml_that_expat_would_keep_is_given_up(hostile: str) -> None:
    seen: list[str] = []
    before = urlset(*TWO).removesuffix("</urlset>") + " " * 100_000

    with pytest.raises(SitemapError) as raised:
        seen.extend(entry.url for entry in sitemaps.entries(reply((before + hostile).encode())))

    assert raised.value.code == "parse.sitemap"
    assert seen == TWO


@pytest.mark.parametrize("tail", ["<loc>" + " " * 4000, "<loc>", "<loc><![CDATA[]]>"])
def test_a_search_after_a_fault_takes_no_longer_than_the_file_is_long(tail: str) -> None:
    body = urlset(*TWO).removesuffix("</urlset>") + "<a>&</a>" + tail * 500

    assert found(body) == TWO  # one that tries again and again runs into the test's time limit


def test_members_of_gzip_may_be_empty_but_are_bounded() -> None:
    empty = gzip.compress(b"")
    last = gzip.compress(b"http://a/2")

    assert found(gzip.compress(b"http://a/1\n") + empty * 100 + last) == TWO
    assert found(gzip.compress(b"http://a/1\n") + empty * 100_000 + last) == TWO[:1]


@pytest.mark.parametrize(
    ("encoding", "letter"),
    [("gb2312", "\u4e2d"), ("shift_jis", "\u4e2d"), ("euc-kr", "\uac00"), ("big5", "\u4e2d"),
     ("koi8-r", "\u0416"), ("latin1", "\xe9")],
)  # fmt: skip
def test_a_declared_encoding_is_obeyed(encoding: str, letter: str) -> None:
    body = f'<?xml version="1.0" encoding="{encoding}"?>' + urlset(f"http://a/{letter}")

    assert found(body.encode(encoding)) == found(urlset(f"http://a/{letter}"))


@pytest.mark.parametrize("label", ["utf-16", "rot13", "zip", "iso-2022-kr", "no-such"])
def test_a_wrong_or_dangerous_encoding_is_no_trouble(label: str) -> None:
    body = f'<?xml version="1.0" encoding="{label}"?>' + urlset(*TWO)

    assert found(body) in (TWO, [])


def test_bytes_that_do_not_fit_spoil_one_location_only() -> None:
    body = urlset("http://a/1", "http://a/?", "http://a/2").encode().replace(b"?", b"\xff")

    assert found(body) == ["http://a/1", "http://a/%EF%BF%BD", "http://a/2"]


@given(st.binary(max_size=300), st.integers(0, 300))
def test_no_bytes_raise_anything_else(noise: bytes, at: int) -> None:
    whole = urlset(*TWO).encode()

    for body in (noise, whole[:at] + noise + whole[at:]):
        with contextlib.suppress(SitemapError):
            for url in found(body):
                assert url.startswith(("http://", "https://"))
