"""The elements of a page that refer to something, in order, and its title: by two parsers.

    fast  lexbor, by selectolax: a browser's tree, in C. Its work grows with the square of nesting.
    bs4   BeautifulSoup over lxml: thirty times slower, and the reference the other is tested by.

A mark is an element's name and its attributes. What marks mean is decided in extract.py, once for
both. Pure.
"""

from __future__ import annotations

import re
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from bs4 import BeautifulSoup
    from bs4.builder._lxml import LXMLTreeBuilder
    from selectolax.lexbor import LexborNode

    Attributes: TypeAlias = dict[str, str | None]
    Mark: TypeAlias = tuple[str, Attributes]
    Parser: TypeAlias = Callable[[str, bool], tuple[list[Mark], str]]


class Unparsable(Exception):
    """The parser gave up: out of memory, or not able to make sense of it."""


_MAX_TITLE = 1000  # characters
# Elements whose attribute is followed: hyperlinks, and documents shown within this one.
FOLLOWED = {"a": "href", "area": "href", "iframe": "src", "frame": "src"}
# Elements that need something to be shown, and the attributes that name it.
REQUISITES = {
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "script": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "track": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "input": ("src",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
    "feimage": ("href", "xlink:href"),
    "body": ("background",),
    "table": ("background",),
    "td": ("background",),
    "th": ("background",),
}
_WANTED = "a[href],area[href],iframe[src],frame[src],base[href],link[href],meta[content],title"
_SVG_LINKS = r",a[xlink\:href]"
_WANTED_TOO = "".join(
    f",{name}[{names[0]}]" if len(names) == 1 else f",{name}" for name, names in REQUISITES.items()
)
_WHITE = re.compile(r"[\t\n\f\r ]+")
_DECLARATION = re.compile(r"\A[\t\n\f\r \ufeff]*<\?xml[^>]*+>", re.IGNORECASE)


def by_lexbor(text: str, with_requisites: bool) -> tuple[list[Mark], str]:
    """The marks of a page and its title, by selectolax."""
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError

    try:
        tree = LexborHTMLParser(text)
    except (SelectolaxError, MemoryError) as error:
        raise Unparsable(str(error)) from error
    wanted = _WANTED + _SVG_LINKS if "xlink:" in text else _WANTED
    title: str | None = None
    marks: list[Mark] = []
    for node in tree.css(wanted + _WANTED_TOO if with_requisites else wanted):
        name = node.tag or ""
        if name != "title":
            marks.append((name, node.attributes))
        elif title is None and not _is_drawn(node):
            title = node.text()
    return marks, folded(title or "")


def _is_drawn(node: LexborNode) -> bool:
    """Whether it is the title of a drawing."""
    parent = node.parent
    while parent is not None and parent.tag not in {"head", "body"}:
        if parent.tag == "svg":
            return True
        parent = parent.parent
    return False


# What BeautifulSoup's tree has as elements and a browser's has not.
_NO_ELEMENTS = ("template", "iframe", "noembed", "noframes", "textarea", "title", "xmp", "svg")


def by_soup(text: str, with_requisites: bool) -> tuple[list[Mark], str]:
    """The marks of a page and its title, by BeautifulSoup over lxml."""
    tree = soup(text, builder=None if with_requisites else _builder())
    names = {*FOLLOWED, "base", "link", "meta"}
    if with_requisites:
        names |= set(REQUISITES)
    marks: list[Mark] = []
    for element in tree.find_all(list(names)):
        attributes: Attributes = {name: str(value) for name, value in element.attrs.items()}
        around = {parent.name for parent in element.parents}
        outside = around.isdisjoint(_NO_ELEMENTS[:-1])
        if outside and refers(element.name, attributes, with_requisites):
            marks.append((element.name, attributes))
    for title in tree.find_all("title"):
        if {parent.name for parent in title.parents}.isdisjoint(_NO_ELEMENTS):
            return marks, folded(title.get_text())
    return marks, ""


@cache
def _builder() -> type[LXMLTreeBuilder]:
    """Has a tree made of marks and what is in them, without the rest: in a third of the time."""
    from bs4.builder._lxml import LXMLTreeBuilder as Builder

    names = frozenset({*FOLLOWED, "base", "link", "meta", *_NO_ELEMENTS})

    class OfMarks(Builder):
        """Hands nothing on that stands in no mark."""

        soup: Any

        def start(self, tag: Any, attrib: Any, nsmap: Any = {}) -> None:  # noqa: B006 - as it is
            if len(self.soup.tagStack) > 1 or (tag in names and (attrib or tag != "a")):
                super().start(tag, attrib, nsmap)

        def end(self, tag: Any) -> None:
            if len(self.soup.tagStack) > 1:
                super().end(tag)

        def data(self, data: Any) -> None:
            if len(self.soup.tagStack) > 1:
                super().data(data)

        def comment(self, text: Any) -> None:
            """No mark."""

        def pi(self, target: str, data: str) -> None:
            """No mark."""

        def doctype(self, name: str, pubid: str, system: str) -> None:
            """No mark."""

    return OfMarks


def refers(name: str, attributes: Attributes, with_requisites: bool) -> bool:
    """Whether an element of that name and these attributes is a mark."""
    if name in FOLLOWED:
        return FOLLOWED[name] in attributes or "xlink:href" in attributes
    if name in {"base", "link"}:
        return "href" in attributes
    if name == "meta":
        return "content" in attributes
    names = REQUISITES.get(name, ())
    return with_requisites and (len(names) > 1 or not attributes.keys().isdisjoint(names))


def soup(
    text: str, *, with_lists: bool = False, builder: type[LXMLTreeBuilder] | None = None
) -> BeautifulSoup:
    """The text as BeautifulSoup's tree; attributes as they are written, or `class` as a list.

    Args:
        text: the page.
        with_lists: values that are lists become lists.
        builder: what makes the tree of what lxml reads; None = all of it.

    Raises:
        Unparsable: lxml cannot make sense of it.
    """
    from bs4 import BeautifulSoup
    from bs4.exceptions import ParserRejectedMarkup

    # libxml2 ends a document at a NUL, where the standard has a replacement character; and what
    # begins as XML makes BeautifulSoup warn that it should be read as XML.
    text = _DECLARATION.sub("", text.replace("\0", "\ufffd"), count=1)
    more = {} if with_lists else {"multi_valued_attributes": None}
    try:
        if "<" in text:
            return BeautifulSoup(text, "lxml", builder=builder, **more)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it may be a URL or the name of a file
            return BeautifulSoup(text, "lxml", builder=builder, **more)
    except (ParserRejectedMarkup, RecursionError, MemoryError) as error:
        raise Unparsable(str(error)) from error


def folded(title: str) -> str:
    """The title as it is shown."""
    return _WHITE.sub(" ", title).strip(" ")[:_MAX_TITLE]


PARSERS: dict[str, Parser] = {"fast": by_lexbor, "bs4": by_soup}
