"""What style sheets need to be shown: a page's own, in its attributes, and those in files. Pure.

    <style>@import "a.css"</style> <p style="background: url(b.png)">  ──► a.css, b.png
    text/css                                                            ──► its references

Read beside it: css.py (the grammar), sinks/_relinked.py (where they are changed).
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from crawler import css, flat

if TYPE_CHECKING:
    from collections.abc import Iterator

# Without one of these styles refer to nothing; `\` and digits may spell any of them.
# It is looked for by the sign in it, which is rare.
_REFERS = re.compile(
    r"[(@\\](?:(?<=[uU][rR][lL]\()|(?<=[sS][rR][cC]\()|(?<=(?i:image-set)\()"
    r"|(?<=@)(?i:import)|(?<=\\)[0-6])"
)
_DATA = re.compile(r"\s*+data:", re.IGNORECASE)  # no document, and long


def is_sheet(content_type: str) -> bool:
    """Whether that is a style sheet: browsers take no other type for one."""
    return content_type.partition(";")[0].strip(" \t").lower() == "text/css"


def of_sheet(text: str) -> Iterator[str]:
    """The references of a style sheet, or of what a style attribute holds."""
    for begin, end in css.references(text):
        if not _DATA.match(text, begin):
            yield css.meaning(text[begin:end])


def refers(text: str) -> bool:
    """Whether it may hold references."""
    return _REFERS.search(text) is not None


def of_page(text: str) -> Iterator[str]:
    """The references of the styles in an HTML page."""
    if not refers(text):
        return
    for tag, held in flat.tags(text):
        if tag[2].lower() == "style" and refers(held):
            yield from of_sheet(held)
        if "style" in tag[3].lower():
            for begin, end in attributes(tag):
                yield from of_sheet(unescape(text[begin:end]))


def attributes(tag: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Where the values of style attributes stand in a tag that `flat.tags` found."""
    for found in flat.ATTRIBUTE.finditer(tag.string, *tag.span(3)):
        which = found.lastindex or 1
        if which > 1 and found[1].lower() == "style":
            yield found.span(which)
