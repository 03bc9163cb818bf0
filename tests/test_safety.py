"""Text from outside is shown without steering the terminal it is shown on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.safety import safe_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢 😀 text", "plain é 漢 😀 text"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
        ("\0\x7f\x80\x9b\x9f", "\\x00\\x7f\\x80\\x9b\\x9f"),
        ("exe\u202etxt", "exe\\u202etxt"),
        ("\u200e\u200f\u202a\u2066\u2069", "\\u200e\\u200f\\u202a\\u2066\\u2069"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud800\udfff", "\\ud800\\udfff"),
    ],
)
def test_what_is_not_plain_printing_is_shown_as_its_number(text, shown):
    assert safe_text(text) == shown


@given(st.text(st.characters()))
def test_nothing_that_steers_is_left(text):
    shown = safe_text(text)

    assert len(shown.splitlines()) <= 1
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in shown)
    shown.encode("utf-8")
    assert safe_text(shown) == shown
