"""What a page refers to: its links, what it needs to be shown, its title, what it asks of robots.

    Response ─► is it HTML? ─► text ─► elements that refer ─► joined to the base ─► Found
                sniffing       charset   glance, marks           joining

Read as a browser with scripting off does: <noscript> holds links, <template> and comments hold
none. Nothing a page contains makes this raise.
https://html.spec.whatwg.org/ 4.6 (links), 2.4.1 (URLs), 4.2.3 (base). Pure.

Read beside it: glance.py (most pages, without a tree), marks.py (the two parsers), flat.py (without
a tree, for what is nested too deep for them), references.py (refresh, srcset, Link), styles.py,
joining.py, parsing.py (in another process, what may take long).
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crawler import flat, glance, joining, marks, meaning, meta_robots, references, sniffing, styles
from crawler.charset import decode, decode_as, sniff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawler.marks import Attributes
    from crawler.model import Response

MAX_TEXT = 2 * 1024 * 1024  # characters of a page that are parsed; the rest is not looked at
MAX_LINKS = 5000  # of one page that are kept; Heritrix keeps 6000
PARSERS = tuple(marks.PARSERS)
_PARSERS: dict[str, marks.Parser] = {
    **marks.PARSERS,
    "tree": marks.by_lexbor,
    "flat": flat.by_tags,
}
# Below these the worst arrangements known take lexbor 0.1 s (measured: attributes of one element
# 0.1 s, unclosed formatting elements 0.07 s and 60 MB); both costs grow with the square or worse.
SMALL = 32 * 1024  # bytes
PLAIN = 1500  # tags; a tenth of PostgreSQL's documentation has more

_NEEDED = {
    *("stylesheet", "icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon"),
    *("preload", "modulepreload", "manifest", "prefetch"),
}
# An empty element in XML; the HTML parser would take the rest of the page for its text.
_EMPTY_RAW = re.compile(
    r"<(title|script|style|textarea|iframe|noscript|noframes|noembed|xmp|a|template)\b"
    r"((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)/>",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Found:
    """What a page refers to. URLs are canonical, in the order they come first, each once.

    Attributes:
        links: what a crawl may go to, unless `follow` is False: links that say nofollow are not
            among them. At most `MAX_LINKS`.
        requisites: pictures, scripts, style sheets and the like; only when asked for.
        title: of the document, white space folded.
        canonical: the URL the page itself prefers; "" when it says none.
        follow: False when the page asks robots not to follow its links.
        index: False when the page asks robots not to index it.
        dropped: references that are no http(s) URL, too long, or beyond the limits.
        warning: why it was not parsed to its end: ``parse.timeout``, ``parse.too_large``,
            ``parse.died`` (its process), ``parse.failed`` (the parser); "" when it was.
    """

    links: tuple[str, ...] = ()
    requisites: tuple[str, ...] = ()
    title: str = ""
    canonical: str = ""
    follow: bool = True
    index: bool = True
    dropped: int = 0
    warning: str = ""


def links(response: Response) -> Iterator[str]:
    """Absolute, canonical http(s) URLs that the page links to, each once, in order."""
    yield from extract(response, parser=tamed(response, "fast")).links


def tamed(response: Response, parser: str) -> str:
    """The parser, or ``flat`` for a page that it may take long for."""
    is_wild = not is_tame(response.body) and flat.is_deep(response.text[:MAX_TEXT])
    return "flat" if is_wild else parser


def is_tame(body: bytes) -> bool:
    """Whether no arrangement of it can keep a parser busy for long."""
    return len(body) <= SMALL and body.count(b"<") <= PLAIN


def extract(
    response: Response, *, requisites: bool = False, parser: str = "fast", agent: str = ""
) -> Found:
    """What the page refers to; of what is not HTML only what its headers say.

    Args:
        response: the page, its content decoded.
        requisites: also what it needs to be shown.
        parser: ``fast``, or ``bs4`` for the reference; ``tree``, which is ``fast`` without a glance
            first; ``flat`` never takes long (see flat.py).
        agent: our product token, for what is said to one robot alone.
    """
    content_type = response.headers.get("content-type", "")
    page = _Page(agent, with_requisites=requisites)
    page.take_headers(response)
    if sniffing.is_html(response.body, content_type):
        page.encoding = sniff(response.body, content_type)
        if parser == "fast" and page.take_glance(response.body, content_type):
            return page.found(response.url)
        text = decode_as(page.encoding, response.body)
        if len(text) > MAX_TEXT:
            text = text[:MAX_TEXT]
            page.warning = "parse.too_large"
        if sniffing.is_xhtml(content_type):
            text = _EMPTY_RAW.sub(r"<\1\2></\1>", text)
        page.take_text(text, parser)
        if requisites:
            page.requisites.update(dict.fromkeys(styles.of_page(text)))
    elif requisites and styles.is_sheet(content_type):
        text = decode(response.body[:MAX_TEXT], content_type)
        page.header_requisites.update(dict.fromkeys(styles.of_sheet(text)))
    return page.found(response.url)


def glanced(response: Response, *, agent: str = "") -> Found | None:
    """What the page refers to, requisites aside, as `extract` has it; None when that may take long.

    This takes a large page some milliseconds, whatever it holds.
    """
    content_type = response.headers.get("content-type", "")
    page = _Page(agent, with_requisites=False)
    page.take_headers(response)
    if sniffing.is_html(response.body, content_type):
        page.encoding = sniff(response.body, content_type)
        if not page.take_glance(response.body, content_type):
            return None
    return page.found(response.url)


@dataclass(slots=True)
class _Page:
    """What was found so far: references as they are written, keyed by themselves, in order."""

    agent: str
    with_requisites: bool
    encoding: str = ""
    title: str = ""
    warning: str = ""
    follow: bool = True
    index: bool = True
    base: str | None = None
    canonical: str | None = None
    header_canonical: str | None = None
    links: dict[str, None] = field(default_factory=dict)
    requisites: dict[str, None] = field(default_factory=dict)
    header_links: dict[str, None] = field(default_factory=dict)
    header_requisites: dict[str, None] = field(default_factory=dict)

    def take(self, name: str, attributes: Attributes) -> None:
        """One element that may refer to something."""
        if name in marks.FOLLOWED:
            reference = meaning.followed(name, attributes)
            if reference is not None:
                self.links[reference] = None
        elif name == "link":
            self._take_link(attributes)
        elif name == "meta":
            self._take_meta(attributes)
        elif name == "base" and self.base is None:
            self.base = attributes.get("href") or ""
        if self.with_requisites:
            self._take_requisites(name, attributes)

    def take_text(self, text: str, parser: str) -> None:
        """The page itself."""
        try:
            found, self.title = _PARSERS[parser](text, self.with_requisites)
        except marks.Unparsable:
            self.warning = "parse.failed"
            return
        for name, attributes in found:
            self.take(name, attributes)

    def take_glance(self, body: bytes, content_type: str) -> bool:
        """The page itself without a parser; False when it takes one."""
        if self.with_requisites or len(body) > MAX_TEXT or sniffing.is_xhtml(content_type):
            return False
        if self.encoding == "utf-8":
            body = body.removeprefix(BOM_UTF8)
        elif self.encoding != "windows-1252" or not body.isascii():
            body = decode_as(self.encoding, body).encode("utf-8", "surrogatepass")
        try:
            every = meaning.of_tags(glance.tags(body))
        except glance.Doubt:
            return False
        title: str | None = None
        for meant in every:
            if isinstance(meant, str):
                self.links[meant] = None
            elif meant is not None and meant[0] != "title":
                self.take(*meant)
            elif meant is not None and title is None:
                title = meant[1][""]
        self.title = marks.folded(title or "")
        return True

    def take_headers(self, response: Response) -> None:
        """What the header fields say: they speak of any kind of body."""
        headers = response.headers
        directives = meta_robots.of_headers(headers, self.agent)
        self.follow, self.index = directives.follow, directives.index
        if "link" in headers:
            for link in references.links(", ".join(headers.all("link"))):
                self._take_header_link(link)
        if (refresh := headers.get("refresh")) is not None and (to := references.refresh(refresh)):
            self.header_links[to] = None

    def found(self, url: str) -> Found:
        """All of it, joined."""
        base = (joining.one(self.base, url, self.encoding) if self.base else "") or url
        links: dict[str, None] = {}
        requisites: dict[str, None] = {}
        dropped = joining.every(self.header_links, url, "", links, MAX_LINKS)
        dropped += joining.every(self.links, base, self.encoding, links, MAX_LINKS)
        dropped += joining.every(self.header_requisites, url, "", requisites, MAX_LINKS)
        dropped += joining.every(self.requisites, base, self.encoding, requisites, MAX_LINKS)
        canonical = ""
        if self.canonical is not None:
            canonical = joining.one(self.canonical, base, self.encoding)
        elif self.header_canonical is not None:
            canonical = joining.one(self.header_canonical, url)
        return Found(
            tuple(links),
            tuple(requisites),
            self.title,
            canonical,
            self.follow,
            self.index,
            dropped,
            self.warning,
        )

    def _take_link(self, attributes: Attributes) -> None:
        href = attributes.get("href") or ""
        rel, kind = meaning.relations(attributes)
        if "canonical" in rel and self.canonical is None and href:
            self.canonical = href
        if meaning.leads(rel, kind):
            self.links[href] = None
        if self.with_requisites and rel & _NEEDED:
            self.requisites[href] = None
            for candidate in references.srcset(attributes.get("imagesrcset") or ""):
                self.requisites[candidate] = None

    def _take_header_link(self, link: references.Link) -> None:
        if "anchor" in link.parameters:
            return  # it is said of another document (RFC 8288, 3.2)
        kind = link.parameters.get("type", "").partition(";")[0].strip().lower()
        if "canonical" in link.rel and self.header_canonical is None:
            self.header_canonical = link.target
        if meaning.leads(link.rel, kind):
            self.header_links[link.target] = None
        if self.with_requisites and link.rel & _NEEDED:
            self.header_requisites[link.target] = None

    def _take_meta(self, attributes: Attributes) -> None:
        content = attributes.get("content") or ""
        name = (attributes.get("name") or "").strip(references.SPACE).lower()
        if name and (name == "robots" or name == self.agent.lower()):
            directives = meta_robots.of_content(content)
            self.follow = self.follow and directives.follow
            self.index = self.index and directives.index
        elif (attributes.get("http-equiv") or "").lower() == "refresh":
            to = references.refresh(content)
            if to:
                self.links[to] = None

    def _take_requisites(self, name: str, attributes: Attributes) -> None:
        for attribute in marks.REQUISITES.get(name, ()):
            value = attributes.get(attribute)
            if not value:
                continue
            if attribute == "srcset":
                for candidate in references.srcset(value):
                    self.requisites[candidate] = None
            elif name != "input" or (attributes.get("type") or "").lower() == "image":
                self.requisites[value] = None
