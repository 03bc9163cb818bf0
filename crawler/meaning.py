"""What a mark means: whether it leads to a page that may be followed, and by which reference. Pure.

https://html.spec.whatwg.org/ 4.6.6 (link types).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from crawler import glance, marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crawler.marks import Attributes, Mark

_KNOWN = 8192  # tags whose meaning is kept: many stand on every page of a site
_LONG = 500  # bytes of a tag whose meaning is not
# Relation types that lead to another page (4.6.6, and what HTML 4 had: 6.12).
_LEADING = {
    *("alternate", "author", "help", "license", "next", "prev", "search", "start", "first", "last"),
    *("contents", "toc", "index", "glossary", "copyright", "chapter", "section", "subsection"),
    *("appendix", "bookmark", "up", "top", "home", "previous"),
}
_HTML_TYPES = frozenset({"", "text/html", "application/xhtml+xml"})


def followed(name: str, attributes: Attributes) -> str | None:
    """The reference of a link; None when it asks not to be followed, or stays on its page."""
    reference = attributes.get(marks.FOLLOWED[name])
    if reference is None:
        reference = attributes.get("xlink:href") or ""
    rel = attributes.get("rel")
    if rel is not None and "nofollow" in rel.lower().split():
        return None
    at = reference.find("#")
    if at == 0:
        return None
    # White space before it is part of the path; at an end it would be none.
    return reference[:at] if at > 0 and reference[at - 1] > " " else reference


def of_tags(tags: Iterable[bytes]) -> list[str | Mark | None]:
    """What tags seen at a glance mean: a reference that is followed, another mark, or nothing.

    Raises:
        Doubt: it takes a parser to tell.
    """
    return [_kept(tag) if len(tag) < _LONG else _of_tag(tag) for tag in tags]


def _of_tag(tag: bytes) -> str | Mark | None:
    link = glance.LINK.fullmatch(tag)
    if link is not None:
        return link[1].decode("utf-8", "replace")
    mark = glance.mark(tag)
    if mark is None:
        return None
    name, attributes = mark
    if name in marks.FOLLOWED:
        return followed(name, attributes)
    if name == "link":
        rel, kind = relations(attributes)
        if "canonical" not in rel:
            return attributes.get("href") or "" if leads(rel, kind) else None
    return mark


_kept = lru_cache(maxsize=_KNOWN)(_of_tag)


def relations(attributes: Attributes) -> tuple[frozenset[str], str]:
    """The relations of a link element, and the type of what it leads to."""
    rel = frozenset((attributes.get("rel") or "").lower().split())
    return rel, (attributes.get("type") or "").partition(";")[0].strip().lower()


def leads(rel: frozenset[str], kind: str) -> bool:
    """Whether a link of these relations leads to a page that may be followed."""
    return (
        not rel.isdisjoint(_LEADING)
        and "stylesheet" not in rel
        and "nofollow" not in rel
        and kind in _HTML_TYPES
    )
