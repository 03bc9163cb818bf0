"""The small grammars of HTML by others' cases: srcset, meta refresh, charset, registered domains.

Read from the folder that CRAWLER_SUITES names. Every case must agree; where one does not on
purpose, RULED says why in one line.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from crawler import domains, marks, references
from crawler.charset import sniff

FLOOR = {"srcset": 229, "meta_refresh": 69, "mime_charset": 27, "psl": 78}  # of as many
RULED: dict[str, str] = {}
CONTROLS: dict[int, None] = dict.fromkeys(range(32))  # the expected values came without
TABS = str.maketrans("", "", "\t\n\r")  # what reading a URL takes out of it


def cases() -> list[dict[str, Any]]:
    folder = os.environ.get("CRAWLER_SUITES")
    if not folder:
        return []
    with gzip.open(Path(folder) / "html_small.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def answer(case: dict[str, Any], parser: str) -> tuple[object, object]:
    """Ours and the one that is expected."""
    if case["kind"] == "srcset":
        quote = '"' if "'" in case["srcset_html"] else "'"
        value = attribute(f"<img srcset={quote}{case['srcset_html']}{quote}>", "srcset", parser)
        return (references.srcset(value) or [""])[0].translate(CONTROLS), case["first"]
    if case["kind"] == "meta_refresh":
        reference = references.refresh(case["content"])
        expected = case["expect"]
        ours = None if reference is None else reference.translate(TABS)
        return ours, None if expected is None else expected["url"] or ""
    if case["kind"] == "mime_charset":
        default = "windows-1252"  # of a body that says nothing
        return sniff(b"", case["content_type"]), (case["encoding"] or default).lower()
    return domains.registered_domain(case["host"] or ""), case["registrable"] or ""


def attribute(markup: str, name: str, parser: str) -> str:
    found, _ = marks.PARSERS[parser](markup, True)
    return next(attributes[name] for element, attributes in found if element == "img") or ""


@pytest.mark.parametrize("parser", marks.PARSERS)
def test_the_small_grammars_agree(parser: str) -> None:
    rows = cases()
    if not rows:
        pytest.skip("CRAWLER_SUITES does not name the folder of outside suites")
    agreed: Counter[str] = Counter()
    missed = {}

    for case in rows:
        ours, expected = answer(case, parser)
        if ours == expected:
            agreed[case["kind"]] += 1
        else:
            missed[case["id"]] = (ours, expected)

    assert set(missed) == set(RULED), missed
    assert agreed == FLOOR
