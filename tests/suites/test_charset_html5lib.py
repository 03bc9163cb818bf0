"""html5lib's cases of encodings: which one a page is in, by its bytes and its Content-Type.

The file is read from the folder that CRAWLER_SUITES names.
"""

from __future__ import annotations

import base64

from suites.suite import Suite, rows

from crawler.charset import sniff

RULED = {"html5lib/tests1.dat#1 scripted": "a script writes the <meta>, and no script runs here"}


def run() -> dict[str, bool]:
    return {
        case["id"] + " scripted" * bool(case.get("scripted")): sniff(
            base64.b64decode(case["bytes_b64"]), case["content_type"] or ""
        )
        == case["expect_encoding"]
        for case in rows("charset_html5lib")
    }


SUITES = [Suite("charset_html5lib", 114, run, RULED)]


def test_the_encoding_is_what_html5lib_says() -> None:
    SUITES[0].check()
