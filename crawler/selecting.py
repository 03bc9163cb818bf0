"""Values taken from a page by CSS selectors, and its text as people read it. By BeautifulSoup.

    title=h1               the text of the first <h1>, with that of the elements in it
    price=.price::text     the text of the first .price itself, without that of elements in it
    next=a.next::attr(href)
    tags[]=.tag            a list, of all that match

White space is folded and trimmed, of attributes only trimmed. Selectors are soupsieve's: CSS 4 as
far as a page without script and style has it. Pure. https://www.w3.org/TR/selectors-4/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from crawler import marks, sniffing
from crawler.charset import decode
from crawler.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bs4 import BeautifulSoup
    from bs4.element import PageElement, Tag

    from crawler.model import Response

    Value: TypeAlias = str | list[str] | None

MAX_TEXT = 2 * 1024 * 1024  # characters of a page that are looked at
MAX_VALUE = 256 * 1024  # characters of one value, of a list together
MAX_VALUES = 1000  # of a list
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_PART = re.compile(r"::\s*(?:(text)|attr\(\s*([^\s()\"']+)\s*\))\s*\Z", re.IGNORECASE)
_WHITE = re.compile(r"[\t\n\f\r ]+")
_UNSEEN = frozenset(
    {"script", "style", "template", "noscript", "head", "title", "iframe", "object", "svg", "math"}
    | {"select", "button", "textarea", "audio", "video", "canvas", "noframes", "datalist"}
)
_AROUND = frozenset({"nav", "aside", "footer"})  # of a page that does not say what its main part is
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog"}
    | {"dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2"}
    | {"h3", "h4", "h5", "h6", "header", "hgroup", "hr", "legend", "li", "main", "menu", "nav"}
    | {"ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul"}
    | {"caption", "search"}
)
_CELLS = frozenset({"td", "th"})


@dataclass(frozen=True, slots=True)
class Selector:
    """What one field takes from a page.

    Attributes:
        css: which elements.
        attribute: which attribute of them; "" for their text.
        is_own: only the text that stands in the element itself.
        is_list: all of them instead of the first.
    """

    name: str
    css: str
    attribute: str = ""
    is_own: bool = False
    is_list: bool = False

    def of(self, page: BeautifulSoup) -> Value:
        """What it finds there; None, or an empty list, when that is nothing."""
        import soupsieve

        values: list[str] = []
        left = MAX_VALUE
        for element in soupsieve.compile(self.css).iselect(page):
            value = self._value(element, left)
            if value is None:
                continue
            if not self.is_list:
                return value
            values.append(value)
            left -= len(value)
            if len(values) >= MAX_VALUES or left <= 0:
                break
        return values if self.is_list else None

    def _value(self, element: Tag, most: int) -> str | None:
        if not self.attribute:
            return _folded(_cut(element, most, is_own=self.is_own))[:most]
        value = element.get(self.attribute)
        return None if value is None else str(value).strip("\t\n\f\r ")[:most]


def selector(text: str) -> Selector:
    """The selector that ``NAME=CSS`` on the command line means.

    Raises:
        ConfigError: it means none; the message says why.
    """
    name, equals, css = text.partition("=")
    name, css = name.strip(), css.strip()
    is_list = name.endswith("[]")
    name = name.removesuffix("[]")
    if not equals or not _NAME.fullmatch(name):
        raise ConfigError(
            f"--select takes NAME=SELECTOR, as in title=h1, not {text!r}: "
            "a name has letters, digits and _ . -"
        )
    part = _PART.search(css)
    attribute = ""
    if part is not None:
        attribute = (part[2] or "").lower()
        css = css[: part.start()].strip()
    _check(text, css)
    is_own = part is not None and not attribute
    return Selector(name, css, attribute, is_own=is_own, is_list=is_list)


def selectors(texts: Iterable[str]) -> tuple[Selector, ...]:
    """The selectors of several ``NAME=CSS``. Raises ConfigError, also for a name given twice."""
    chosen = tuple(selector(text) for text in texts)
    names = [one.name for one in chosen]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"--select names {name!r} twice; {name}[]=SELECTOR gives a list")
    return chosen


def page(response: Response) -> BeautifulSoup | None:
    """The page as a tree; None when it is not HTML, or cannot be read as such."""
    content_type = response.headers.get("content-type", "")
    if not sniffing.is_html(response.body, content_type):
        return None
    try:
        return marks.soup(decode(response.body, content_type)[:MAX_TEXT])
    except marks.Unparsable:
        return None


def readable_text(response: Response) -> str:
    """The text of the page as people read it: a line for each paragraph. "" when it is no page."""
    tree = page(response)
    return "" if tree is None else text_of(tree)


def text_of(tree: BeautifulSoup) -> str:
    """The text of its main part where it says which that is, else of its body."""
    around = _AROUND
    root = tree.find("main") or tree.find(role="main")
    if root is None:
        articles = tree.find_all("article", limit=2)
        root = articles[0] if len(articles) == 1 else None
    if root is None:
        root = tree.body or tree
    else:
        around = frozenset()
    lines: list[str] = []
    line: list[str] = []
    for piece in _pieces(root, around):
        if piece != "\n":
            line.append(piece)
        elif line:
            lines.append("".join(line))
            line.clear()
    lines.append("".join(line))
    folded = ("\t".join(_folded(cell) for cell in text.split("\t")).strip() for text in lines)
    return "\n".join(text for text in folded if text)[:MAX_TEXT]


def _pieces(root: PageElement, around: frozenset[str]) -> Iterator[str]:
    """Texts without tabs and line ends; a line end around blocks, a tab between cells."""
    from bs4.element import NavigableString, Tag

    # Not recursive: pages may be nested deeper than Python's stack.
    stack: list[PageElement | str] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Tag):
            if node.name in _UNSEEN or node.name in around:
                continue
            before, after = _edges(node.name)
            if after:
                stack.append(after)
            stack.extend(reversed(node.contents))
            if before:
                stack.append(before)
        elif type(node) is NavigableString:
            parent = node.parent
            if parent is not None and parent.name == "pre":
                yield from _lines(node)
            else:
                yield _WHITE.sub(" ", node)
        elif type(node) is str:
            yield node


def _edges(name: str) -> tuple[str, str]:
    """What stands before and after such an element."""
    if name in _BLOCKS or name == "br":
        return "\n", "\n"
    return "", "\t" if name in _CELLS else ""


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield line.expandtabs()
        yield "\n"


def _cut(element: Tag, most: int, *, is_own: bool) -> str:
    """The element's text, not much more of it than that: it may hold the whole page."""
    pieces: list[str] = []
    length = 0
    strings = element.find_all(string=True, recursive=False) if is_own else element.strings
    for string in strings:
        pieces.append(string)
        length += len(string)
        if length > 4 * most + 1024:  # most of it may be white space
            break
    return "".join(pieces)


def _check(text: str, css: str) -> None:
    import soupsieve

    if not css:
        raise ConfigError(f"--select {text!r} has no selector after the name")
    try:
        soupsieve.compile(css)
    except (soupsieve.SelectorSyntaxError, NotImplementedError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(f"--select {text!r}: {css!r} is no CSS selector: {reason}") from error


def _folded(text: str) -> str:
    return _WHITE.sub(" ", text).strip(" ")
