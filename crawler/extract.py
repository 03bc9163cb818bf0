"""What a page refers to: its links, what it needs to be shown, its title, what it asks of robots.

    Response ─► is it HTML? ─► text ─► elements that refer ─► joined to the base ─► Found
                sniffing       charset     marks                 urls

Read as a browser with scripting off does: <noscript> holds links, <template> and comments hold
none. Nothing a page contains makes this raise.
https://html.spec.whatwg.org/ 4.6 (links), 2.4.1 (URLs), 4.2.3 (base). Pure.

Read beside it: marks.py (the two parsers), flat.py (without a tree, for what is nested too deep for
them), references.py (refresh, srcset, Link), parsing.py (in another process, what may take long).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crawler import flat, marks, meta_robots, references, sniffing, urls
from crawler.charset import decode_as, sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crawler.marks import Attributes
    from crawler.model import Response

MAX_TEXT = 2 * 1024 * 1024  # characters of a page that are parsed; the rest is not looked at
MAX_LINKS = 5000  # of one page that are kept; Heritrix keeps 6000
PARSERS = tuple(marks.PARSERS)
_PARSERS: dict[str, marks.Parser] = {**marks.PARSERS, "flat": flat.by_tags}
# Below these the worst arrangements known take lexbor 0.1 s (measured: attributes of one element
# 0.1 s, unclosed formatting elements 0.07 s and 60 MB); both costs grow with the square or worse.
SMALL = 32 * 1024  # bytes
PLAIN = 1500  # tags; a tenth of PostgreSQL's documentation has more
_MAX_REFERENCE = 4 * urls.MAX_URL  # characters before joining: white space and dots may vanish

# Relation types that lead to another page (4.6.6, and what HTML 4 had: 6.12).
_LEADING = {
    *("alternate", "author", "help", "license", "next", "prev", "search", "start", "first", "last"),
    *("contents", "toc", "index", "glossary", "copyright", "chapter", "section", "subsection"),
    *("appendix", "bookmark", "up", "top", "home", "previous"),
}
_NEEDED = {
    *("stylesheet", "icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon"),
    *("preload", "modulepreload", "manifest", "prefetch"),
}
_HTML_TYPES = frozenset({"", "text/html", "application/xhtml+xml"})
# Names under the base's folder, written out: what joining does to them is only to put them there.
_PLAIN = re.compile(r"(?:[A-Za-z0-9_~-][A-Za-z0-9_.~-]*/)*+[A-Za-z0-9_~-][A-Za-z0-9_.~-]*")
# A share of some Windows network: a browser would go to a host of that name.
_BACKWARD = re.compile(r"[\x00- ]*(?:https?:)?/*\\", re.IGNORECASE)
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
        parser: ``fast``, or ``bs4`` for the reference; ``flat`` never takes long (see flat.py).
        agent: our product token, for what is said to one robot alone.
    """
    content_type = response.headers.get("content-type", "")
    page = _Page(agent, with_requisites=requisites)
    page.take_headers(response)
    if sniffing.is_html(response.body, content_type):
        page.encoding = sniff(response.body, content_type)
        text = decode_as(page.encoding, response.body)
        if len(text) > MAX_TEXT:
            text = text[:MAX_TEXT]
            page.warning = "parse.too_large"
        if sniffing.is_xhtml(content_type):
            text = _EMPTY_RAW.sub(r"<\1\2></\1>", text)
        page.take_text(text, parser)
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
        attribute = marks.FOLLOWED.get(name)
        if attribute is not None:
            reference = attributes.get(attribute)
            if reference is None:
                reference = attributes.get("xlink:href") or ""
            rel = attributes.get("rel")
            if rel is None or "nofollow" not in rel.lower().split():
                at = reference.find("#")
                # White space before it is part of the path; at an end it would be none.
                self.links[reference[:at] if at > 0 and reference[at - 1] > " " else reference] = (
                    None
                )
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
        by_url = urls.joiner(url)
        base = (_joined(urls.joiner(url, self.encoding), self.base) if self.base else "") or url
        join = urls.joiner(base, self.encoding)
        links: dict[str, None] = {}
        requisites: dict[str, None] = {}
        dropped = _join_all(self.header_links, by_url, url, links)
        dropped += _join_all(self.links, join, base, links)
        dropped += _join_all(self.header_requisites, by_url, url, requisites)
        dropped += _join_all(self.requisites, join, base, requisites)
        canonical = ""
        if self.canonical is not None:
            canonical = _joined(join, self.canonical)
        elif self.header_canonical is not None:
            canonical = _joined(by_url, self.header_canonical)
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
        rel = frozenset((attributes.get("rel") or "").lower().split())
        kind = (attributes.get("type") or "").partition(";")[0].strip().lower()
        if "canonical" in rel and self.canonical is None and href:
            self.canonical = href
        if _leads(rel, kind):
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
        if _leads(link.rel, kind):
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


def _leads(rel: frozenset[str], kind: str) -> bool:
    """Whether a link of these relations leads to a page that may be followed."""
    return (
        not rel.isdisjoint(_LEADING)
        and "stylesheet" not in rel
        and "nofollow" not in rel
        and kind in _HTML_TYPES
    )


def _join_all(
    found: dict[str, None], join: Callable[[str], str | None], base: str, into: dict[str, None]
) -> int:
    """Add the URLs of the references to `into`; how many were none."""
    dropped = 0
    folder = base[: base.partition("?")[0].rindex("/") + 1]
    plain = _PLAIN.fullmatch
    for reference in found:
        if len(into) >= MAX_LINKS:
            dropped += 1
        elif plain(reference) and len(folder) + len(reference) <= urls.MAX_URL:
            into[folder + reference] = None
        elif reference[:1] != "#" and (url := _joined(join, reference)):
            into[url] = None
        elif reference[:1] != "#":
            dropped += 1
    return dropped


def _joined(join: Callable[[str], str | None], reference: str) -> str:
    if len(reference) > _MAX_REFERENCE or _BACKWARD.match(reference):
        return ""
    return join(reference) or ""
