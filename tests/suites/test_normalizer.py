"""Which URLs crawler-commons and urlcanon hold to be one page: here they have one key.

The file is read from the folder that CRAWLER_SUITES names. Where a server may tell two spellings
apart they stay two, and RULED says why in one line.
"""

from __future__ import annotations

from suites.suite import Suite, rows

from crawler import urls
from crawler.errors import InvalidURL
from crawler.sameness import key

SLASHES = "an empty segment is a segment: RFC 3986 3.3, the URL Standard, and many servers"
PARAMETERS = "parameters may have an order, and an empty value is not a missing one"
SCHEME = "a link without a scheme is relative; only what people type gets one, and that is https"

RULED = {
    **{f"cc-basic#{number}": SLASHES for number in range(56, 62)},
    **{f"cc-basic#{number}": PARAMETERS for number in (92, 93, 95, 96, 99, *range(101, 107))},
    "cc-basic#86": SCHEME,
}


def key_of(text: str | None, base: str | None = None) -> str | None:
    try:
        return key(urls.canonical(text, base or None)) if text is not None else None
    except InvalidURL:
        return None


def run() -> dict[str, bool]:
    return {
        case["id"]: key_of(case["in"], case.get("base")) == key_of(case["out"])
        for case in rows("normalizer_cc")
    }


SUITES = [Suite("normalizer_cc", 494, run, RULED)]


def test_what_is_one_page_has_one_key_or_there_is_a_ruling():
    SUITES[0].check()


def test_canonical_urls_and_keys_stay_as_they_are():
    for case in rows("normalizer_cc"):
        try:
            url = urls.canonical(case["in"], case.get("base") or None)
        except InvalidURL:
            continue

        assert urls.canonical(url) == url
        assert key(key(url)) == key(url)
        assert urls.canonical(key(url)) == key(url)
