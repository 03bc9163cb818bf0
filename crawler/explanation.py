"""What is known of one URL before and after it is fetched, in words. Pure.

    typed ──► canonical, what was changed ──► key, origin, domain ──► scope ──► robots ──► attempts

Read beside it: explain_command.py (who asks the host), urls.py, sameness.py, scope.py, robots.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler import urls
from crawler.domains import registered_domain
from crawler.model import Failure, Request
from crawler.safety import safe_text
from crawler.sameness import fingerprint, key
from crawler.traps import FINE, Ruling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawler.model import Outcome, Skip
    from crawler.robots import Robots
    from crawler.scope import Scope

_LABEL = 13  # columns
_SITEMAPS = 3  # shown
_PARTS = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?[/\\]*(?:(?P<user>[^/\\?#]*)@)?"
    r"(?P<host>\[[^\]]*\]|[^/\\?#:]*)(?::(?P<port>\d*))?"
    r"(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
    re.DOTALL,
)
_USER = re.compile(r"//[^/\\?#]*@")
_DOTS = re.compile(r"(?:^|[/\\])(?:\.|%2e){1,2}(?=[/\\]|\Z)", re.IGNORECASE)
_RAW = re.compile(r"[^\x21-\x7e]|[\"<>`{}^]")


@dataclass(frozen=True, slots=True)
class Explanation:
    """One URL, as a crawl sees it."""

    typed: str
    url: str  # canonical
    changes: tuple[str, ...]  # what is different in it, in words
    key: str  # what it is compared by
    fingerprint: str  # 16 hexadecimal digits
    origin: str
    domain: str  # registered; "" when it has none
    scope: Ruling  # code "" where it belongs to the crawl
    judged_by: str  # the kind of scope and its seeds; "" when none were given


def explain(typed: str, scope: Scope | None = None, *, seeds: tuple[str, ...] = ()) -> Explanation:
    """What is to be said of the URL a person typed. Raises InvalidURL.

    Args:
        typed: the URL.
        scope: of the crawl in question.
        seeds: of that crawl; without them the URL is a seed itself.
    """
    url, _ = urls.seed(typed)
    origin = urls.origin(url)
    request = Request(url, depth=1 if seeds else 0)
    return Explanation(
        typed=_USER.sub("//***@", typed),
        url=url,
        changes=tuple(_changes(typed, url)),
        key=key(url),
        fingerprint=fingerprint(url).hex(),
        origin=request.origin,
        domain=registered_domain(origin.host),
        scope=scope.ruling(request) if scope is not None else FINE,
        judged_by=f"{scope.kind} of {', '.join(seeds)}" if scope is not None and seeds else "",
    )


def _changes(typed: str, url: str) -> Iterator[str]:
    text = typed.strip()
    if text != typed:
        yield "white space around it was dropped"
    if re.search(r"[\t\n\r]", text):
        yield "line ends and tabs were dropped"
        text = re.sub(r"[\t\n\r]+", "", text)
    if "://" not in text and not url.startswith(text.partition(":")[0].lower() + ":"):
        yield "https was assumed"
        text = "https://" + text.lstrip("/")
    parts = _PARTS.fullmatch(text)
    if parts is None:
        return
    if parts["scheme"] and not parts["scheme"].islower():
        yield "the scheme is in lower case"
    if parts["user"] is not None:
        yield "user information became a header"
    host = urls.origin(url).host
    if parts["host"].strip("[]") != host:
        plain = parts["host"].lower() == host
        yield "the host is in lower case" if plain else f"the host is {host}"
    if parts["port"] is not None and not urls.origin(url).authority.endswith(f":{parts['port']}"):
        yield "the port is the scheme's own"
    yield from _changes_of_path(parts["path"], parts["query"] or "")
    if parts["fragment"] is not None:
        yield "the fragment is never sent"


def _changes_of_path(path: str, query: str) -> Iterator[str]:
    if not path:
        yield "the path is /"
    if "\\" in path:
        yield "backslashes are slashes"
    if _DOTS.search(path):
        yield "dot segments were resolved"
    if _RAW.search(path + query):
        yield "what may not stand in a URL was escaped"


def lines(explanation: Explanation) -> Iterator[str]:
    """What is known without asking anybody."""
    yield _line("typed", explanation.typed)
    yield _line("canonical", explanation.url)
    for change in explanation.changes:
        yield _line("", change)
    if explanation.key != explanation.url:
        yield _line("compared as", explanation.key)
    yield _line("fingerprint", explanation.fingerprint)
    yield _line("origin", explanation.origin)
    yield _line("domain", explanation.domain or "none: an address, a suffix or a single label")
    scope = explanation.scope
    said = f"{scope.code}: {scope.why}" if scope.code else "belongs to the crawl"
    if not explanation.judged_by and not scope.code:
        said = "a seed: asked for by name"
    yield _line("scope", said)
    if explanation.judged_by:
        yield _line("", f"judged by the {explanation.judged_by}")


def lines_of_rules(robots: Robots) -> Iterator[str]:
    """What a robots.txt says to all URLs of its host."""
    if robots.rules is None:
        return
    if robots.rules.delay:
        yield _line("robots", f"asks for {robots.rules.delay:g} s between two requests")
    for sitemap in robots.rules.sitemaps[:_SITEMAPS]:
        yield _line("robots", f"names the sitemap {sitemap}")


def lines_of_verdict(robots: Robots, url: str) -> Iterator[str]:
    """What a robots.txt says about `url`."""
    if robots.rules is None:
        yield _line("robots", f"{robots.code}: nothing may be fetched")
        return
    verdict = robots.rules.verdict(url)
    said = "allowed" if verdict.allowed else "robots.disallowed"
    why = repr(verdict.line.strip()) if verdict.line else robots.reason or "no line is about it"
    yield _line("robots", f"{said}: {why}")


def lines_of_attempt(outcome: Outcome, number: int) -> Iterator[str]:
    """One exchange: what was asked for, where the time went, what came."""
    request, timing = outcome.request, outcome.timing
    again = f"  (attempt {request.attempt})" if request.attempt > 1 else ""
    yield _line(f"exchange {number}", f"{request.method} {request.url}{again}")
    phases = [("dns", timing.dns), ("connect", timing.connect), ("tls", timing.tls),
              ("first byte", timing.first_byte)]  # fmt: skip
    took = [f"{name} {seconds * 1000:.1f} ms" for name, seconds in phases if seconds]
    took.append(f"total {outcome.elapsed * 1000:.1f} ms")
    yield _line("", "   ".join(took))
    if isinstance(outcome, Failure):
        yield _line("", f"{outcome.error.code}: {outcome.error}")
        return
    where = "reused connection" if outcome.reused else "new connection"
    yield _line("", f"from {outcome.peer or 'an unknown address'}, HTTP/{outcome.http_version},"
                f" {where}")  # fmt: skip
    yield _line("", f"{outcome.status} {outcome.reason}   {len(outcome.raw):,} bytes"
                f"   {outcome.headers.get('content-type', 'no Content-Type')}")  # fmt: skip
    location = outcome.headers.get("location")
    if location:
        yield _line("", f"Location: {location}")
    for warning in outcome.warnings:
        yield _line("", warning)


def lines_of_end(outcome: Outcome) -> Iterator[str]:
    """What a record of it would say."""
    if isinstance(outcome, Failure):
        yield _line("in the end", f"failed: {outcome.error.code}: {outcome.error}")
        return
    if not outcome.ok:
        yield _line("in the end", f"failed: http.{outcome.status}")
        return
    hops = len(outcome.request.via)
    after = f" after {hops} redirect{'s' if hops > 1 else ''}" if hops else ""
    yield _line("in the end", f"fetched{after}: {len(outcome.body):,} bytes of content")


def lines_of_skip(skip: Skip) -> Iterator[str]:
    """Why it was not asked for."""
    yield _line("in the end", f"not fetched: {skip.code}: {skip.reason.strip()}")


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{safe_text(text)}".rstrip()
