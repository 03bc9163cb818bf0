"""Queries of pages in old encodings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import urls
from crawler.labels import ENCODINGS
from crawler.query_encoding import in_encoding


@pytest.mark.parametrize(
    ("reference", "encoding", "meant"),
    [
        ("?q=да", "windows-1251", "/?q=%E4%E0"),
        ("?q=да", "koi8-r", "/?q=%C4%C1"),
        ("?q=да", "utf-8", "/?q=%D0%B4%D0%B0"),
        ("?q=да", "utf-16le", "/?q=%D0%B4%D0%B0"),
        ("да?q=да#да", "windows-1251", "/%D0%B4%D0%B0?q=%E4%E0"),
        ("да", "windows-1251", "/%D0%B4%D0%B0"),
        ("?q=да&x=a b%20c'd", "windows-1251", "/?q=%E4%E0&x=a%20b%20c%27d"),
        ("?q=\u20ac", "windows-1252", "/?q=%80"),
        ("?q=\u20ac", "gbk", "/?q=%80"),
        ("?q=\u20ac", "gb18030", "/?q=%A2%E3"),
        ("?q=\u20ac", "iso-8859-2", "/?q=%26%238364%3B"),
        ("?q=\u2212", "shift_jis", "/?q=%81|"),
        ("?q=\u2212", "euc-jp", "/?q=%A1%DD"),
        ("?q=\uff0d", "euc-jp", "/?q=%A1%DD"),
        ("?q=\uff71", "shift_jis", "/?q=%B1"),
        ("?q=\uff71\u2212", "iso-2022-jp", "/?q=%1B$B%%22!]%1B(B"),
        ("?q=\uff10", "iso-2022-jp", "/?q=%1B$B%230%1B(B"),
        ("?q=\u5341", "big5", "/?q=%A4Q"),
        ("?q=\udcff", "windows-1251", "/?q=%26%2365533%3B"),
        ("?\n q=да", "windows-1251", "/?%20q=%E4%E0"),
    ],
)
def test_the_query_goes_in_the_encoding_of_the_page(
    reference: str, encoding: str, meant: str
) -> None:
    assert urls.joiner("http://a.example/", encoding)(reference) == "http://a.example" + meant


@given(st.text(), st.sampled_from(sorted(ENCODINGS)))
def test_only_the_query_changes_and_never_raises(text: str, encoding: str) -> None:
    plain, joined = (urls.joiner("http://a.example/b/", name)(text) for name in ("", encoding))

    if plain is None or joined is None:
        assert plain is joined
        return
    assert joined.partition("?")[0] == plain.partition("?")[0]
    assert urls.canonical(joined) == joined


@given(st.text(st.characters(max_codepoint=0x7E)), st.sampled_from(sorted(ENCODINGS)))
def test_ascii_is_ascii_in_every_encoding(text: str, encoding: str) -> None:
    if encoding != "iso-2022-jp":
        assert in_encoding(text, encoding) == text
