"""Pages that came twice, and pages that only say they are pages."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime

import pytest

from crawler.duplicates import Duplicates
from crawler.headers import Headers
from crawler.model import Request, Response

PAGE = b"<title>Opening hours</title><p>from eight"
GONE = b"<html><title>Page not found</title><p>nothing here"
WALL = b"<title>Just a moment...</title>"


def page(path: str, body: bytes = PAGE, *, status: int = 200, host: str = "a.example") -> Response:
    return Response(
        request=Request(f"http://{host}{path}"),
        status=status,
        reason="OK",
        headers=Headers(()),
        body=body,
        raw=body,
        http_version="1.1",
        peer="",
        started=datetime(2026, 1, 1, tzinfo=UTC),
        elapsed=0.0,
    )


def flags(*pages: Response) -> list[tuple[str, ...]]:
    duplicates = Duplicates()
    return [duplicates.flag(response) for response in pages]


def test_the_first_page_with_a_body_is_no_duplicate_and_the_next_is() -> None:
    assert flags(page("/a"), page("/b")) == [(), ("warn.duplicate_body",)]


@pytest.mark.parametrize(
    "other",
    [
        page("/a"),  # the same page, fetched again
        page("/%61"),
        page("/b", b"<p>other"),
        page("/b", host="b.example"),
        page("/b", host="a.example:81"),
        page("/b", status=404),
    ],
)
def test_what_is_no_duplicate(other: Response) -> None:
    assert flags(page("/a"), other)[1] == ()


def test_empty_bodies_are_no_duplicates() -> None:
    assert flags(page("/a", b""), page("/b", b"")) == [(), ()]


def test_one_body_for_several_urls_whose_title_says_not_found_is_a_soft_404() -> None:
    found = flags(*(page(f"/{number}", GONE) for number in range(4)))

    assert found == [
        (),
        ("warn.duplicate_body",),
        ("warn.duplicate_body", "warn.soft_404"),
        ("warn.duplicate_body", "warn.soft_404"),
    ]


def test_one_body_for_several_urls_with_a_captcha_is_a_soft_block() -> None:
    found = flags(*(page(f"/{number}", WALL) for number in range(3)))

    assert found[-1] == ("warn.duplicate_body", "warn.soft_block")


def test_one_body_for_several_urls_with_any_other_title_is_only_a_duplicate() -> None:
    found = flags(*(page(f"/{number}") for number in range(5)))

    assert found[-1] == ("warn.duplicate_body",)


@pytest.mark.parametrize(
    "body",
    [
        "<title>404</title>no {path} here",
        "<title>404</title><a href='http://a.example{path}'>again</a>",
        "<title>404</title>no file {name}",
        "<title>404</title>no {path}".replace("{path}", "{html}"),
    ],
)
def test_an_error_page_that_repeats_the_address_is_still_the_same_page(body: str) -> None:
    pages = []
    for number in range(3):
        name = f"page-{number}?a={number}&b"
        path = f"/folder/{name}"
        text = body.format(path=path, name=name, html=path.replace("&", "&amp;"))
        pages.append(page(path, text.encode()))

    assert flags(*pages) == [(), (), ("warn.soft_404",)]


def test_pages_that_differ_in_their_own_address_alone_are_no_duplicates() -> None:
    found = flags(*(page(f"/page/{n}", b"<title>Page</title>/page/%d" % n) for n in range(5)))

    assert found == [()] * 5


def test_the_most_recent_bodies_are_known_and_memory_has_a_bound() -> None:
    tracemalloc.start()
    duplicates = Duplicates(most=100)
    for number in range(1000):
        duplicates.flag(page(f"/{number}", b"%d" % number))
    before = tracemalloc.get_traced_memory()[0]

    for number in range(1000, 2000):
        duplicates.flag(page(f"/{number}", b"%d" % number))

    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 50_000
    assert duplicates.flag(page("/x", b"1999")) == ("warn.duplicate_body",)
    assert duplicates.flag(page("/x", b"1000")) == ()
