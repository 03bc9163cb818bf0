"""The URL tests of the web platform: what a reference means, which hosts there are.

The file is read from the folder that CRAWLER_SUITES names. A crawler wants the http(s) URLs; all
else has to be refused. User information and fragments are dropped, so they are not compared.
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from crawler import urls
from crawler.errors import InvalidURL


def cases(kind: str) -> list[dict[str, Any]]:
    folder = os.environ.get("CRAWLER_SUITES")
    if not folder:
        pytest.skip("CRAWLER_SUITES does not name the folder of outside suites")
    with gzip.open(Path(folder) / "wpt_url.jsonl.gz", "rt") as lines:
        return [case for line in lines if (case := json.loads(line))["kind"] == kind]


def meant(reference: str, base: str | None = None) -> str | None:
    try:
        return urls.canonical(reference, base)
    except InvalidURL:
        return None


def expected(case: dict[str, Any]) -> str | None:
    if case["failure"] or not case["href"].startswith(("http:", "https:")):
        return None
    href = case["href"].partition("#")[0]
    if case["expect"]["username"] or case["expect"]["password"]:
        scheme, _, rest = href.partition("//")
        href = f"{scheme}//{rest.partition('@')[2]}"
    return str(href)


def test_every_reference_means_what_the_standard_says():
    missed = [
        case["id"] for case in cases("url") if meant(case["input"], case["base"]) != expected(case)
    ]

    assert missed == []


def test_every_host_is_written_as_the_standard_says():
    for case in cases("ascii"):
        host = case["output"]

        assert meant(f"http://{case['input']}/") == (f"http://{host}/" if host else None), case


def test_a_query_is_sent_in_the_encoding_of_its_page():
    for case in cases("pct"):
        for encoding, query in case["output"].items():
            join = urls.joiner("http://a.example/", encoding)

            assert join(f"?{case['input']}") == f"http://a.example/?{query}", (case, encoding)
