"""What pages ask of robots: the words, the robots they are for, the colons that name none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.meta_robots import Directives, of_content, of_headers
from crawler.model import Headers


@pytest.mark.parametrize(
    ("text", "follow", "index"),
    [
        ("", True, True),
        ("all", True, True),
        ("index, follow", True, True),
        ("nofollow", False, True),
        ("noindex", True, False),
        ("NOINDEX,NOFOLLOW", False, False),
        (" noindex nofollow ", False, False),
        ("none", False, False),
        ("follow, nofollow", False, True),
        ("nofollowing, xnoindex", True, True),
        ("max-snippet:-1, noindex", True, False),
    ],
)
def test_the_words_of_a_meta_element(text: str, follow: bool, index: bool) -> None:
    assert of_content(text) == Directives(follow, index)


@pytest.mark.parametrize(
    ("values", "follow", "index"),
    [
        ([], True, True),
        (["nofollow"], False, True),
        (["noindex", "nofollow"], False, False),
        (["otherbot: none"], True, True),
        (["OurBot: none"], False, False),
        (["otherbot: noindex, nofollow"], True, True),
        (["nofollow, otherbot: noindex"], False, True),
        (["otherbot: noindex, ourbot: nofollow"], False, True),
        (["max-snippet:-1, nofollow"], False, True),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST, noindex"], True, False),
        (["max-image-preview:large", "ourbot:noindex"], True, False),
        ([":none"], True, True),
    ],
)
def test_the_rules_of_headers_are_for_everyone_or_for_the_robot_they_name(
    values: list[str], follow: bool, index: bool
) -> None:
    headers = Headers(tuple(("X-Robots-Tag", value) for value in values))

    assert of_headers(headers, "ourbot") == Directives(follow, index)


@given(st.lists(st.text(max_size=40)), st.text(max_size=10))
def test_no_text_makes_it_raise(values: list[str], agent: str) -> None:
    of_headers(Headers(tuple(("x-robots-tag", value) for value in values)), agent)
    of_content(",".join(values))
