"""The small grammars of HTML by others' cases: srcset, meta refresh, charset, registered domains.

Read from the folder that CRAWLER_SUITES names. Every case agrees, by every parser of pages.
"""

from __future__ import annotations

from typing import Any

from suites.suite import Suite, rows

from crawler import domains, marks, references
from crawler.charset import sniff

CONTROLS: dict[int, None] = dict.fromkeys(range(32))  # the expected values came without
TABS = str.maketrans("", "", "\t\n\r")  # what reading a URL takes out of it


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


def agrees(case: dict[str, Any]) -> bool:
    answers = (answer(case, parser) for parser in marks.PARSERS)
    return all(ours == expected for ours, expected in answers)


def run() -> dict[str, bool]:
    return {case["id"]: agrees(case) for case in rows("html_small")}


SUITES = [Suite("html_small", 403, run)]


def test_the_small_grammars_agree() -> None:
    SUITES[0].check()
