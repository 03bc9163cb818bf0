"""The encoding of a body: what wins and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.charset import decode, is_label, sniff
from crawler.labels import ENCODINGS, LABELS

META = b'<meta charset="koi8-r">'


@pytest.mark.parametrize(
    ("body", "content_type", "name"),
    [
        (b"\xef\xbb\xbf" + META, "text/html; charset=iso-8859-2", "utf-8"),
        (b"\xff\xfea\0", "text/html", "utf-16le"),
        (META, "text/html; charset=iso-8859-2", "iso-8859-2"),
        (META, 'text/html;charset="ISO-8859-2"', "iso-8859-2"),
        (META, r'text/html;charset="\iso-8859\-2";charset=utf-8', "iso-8859-2"),
        (META, 'text/html;x=";charset=utf-8";charset=iso-8859-2', "iso-8859-2"),
        (META, 'text/html;charset="iso-8859-2', "iso-8859-2"),
        (META, 'text/html;charset=iso-8859-2"', "koi8-r"),
        (META, "text/html;xcharset=iso-8859-2;charset =iso-8859-2", "koi8-r"),
        (META, "text/html; charset=nonsense", "koi8-r"),
        (META, "text/html", "koi8-r"),
        (b"<!--" + b"x" * 5000 + b"-->" + META, "", "koi8-r"),
        (b"<?xml version='1.0' encoding='koi8-r'?><a/>", "text/xml", "koi8-r"),
        ("é".encode(), "", "utf-8"),
        (b"\xe9", "", "windows-1252"),
        (b"plain", "", "windows-1252"),
        ("漢".encode() * 200_000, "", "utf-8"),  # the guess ends within a character
        (b"a" * 9999 + b"\xe9" + b"a" * 9999, "", "windows-1252"),
    ],
)
def test_the_mark_wins_over_the_header_over_the_markup_over_the_guess(body, content_type, name):
    assert sniff(body, content_type) == name


@pytest.mark.parametrize(
    "label",
    ["punycode", "idna", "unicode_escape", "utf-7", "\0", "undefined", "rot13", "hex", "zlib",
     "raw_unicode_escape", "mbcs", "x" * 5000, "", "utf-8\0"],
)  # fmt: skip
def test_a_label_of_python_alone_is_no_label(label):
    """HT02. Each of these is a trap in bytes.decode."""
    assert not is_label(label)

    assert sniff(b"<b>\xe9", f"text/html; charset={label}") == "windows-1252"
    assert decode(b"+ADw-script+AD4-\xe9", f"text/html; charset={label}") == "+ADw-script+AD4-é"


def test_every_label_leads_to_a_codec_that_decodes_anything():
    everything = bytes(range(256)) * 2

    for label, name in LABELS.items():
        assert isinstance(decode(everything, f"text/html; charset={label}"), str)
        assert is_label(f" {label.upper()}\n")
        assert name in ENCODINGS


def test_the_mark_is_no_text_and_bad_bytes_are_replaced():
    """HT01."""
    assert decode(b"\xef\xbb\xbfa\xff", "text/html; charset=koi8-r") == "a\ufffd"
    assert decode(b"\xfe\xff\0a", "") == "a"
    assert decode("é".encode("latin-1"), "text/html; charset=utf-8") == "\ufffd"


@given(st.binary(max_size=300), st.text(max_size=30))
def test_no_bytes_and_no_label_raise(body, label):
    for head in (b"", b"<meta ", b"<meta charset=", b"\xff\xfe", b"<?xml encoding="):
        assert isinstance(decode(head + body, f"text/html; charset={label}"), str)


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "body",
    [b"<meta " * 20_000, b"<a " + b"b=' " * 20_000, b"<!--" * 20_000, b"<a =" + b"=" * 99_999,
     b"<meta charset" + b" " * 99_999, b"<?xml " + b" encoding " * 20_000],
)  # fmt: skip
def test_hostile_markup_is_linear_work(body):
    assert sniff(body + b"charset", "") == "windows-1252"
