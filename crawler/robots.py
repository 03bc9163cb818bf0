"""robots.txt: what a host allows us, and which of its lines says so. Pure.

    judge(outcome) ──► Robots ──► rules.verdict(url) ──► allowed or not, and the line

RFC 9309: of all groups that name our product token, or else of all for ``*``, the rule with the
longest path decides, and Allow wins a tie. A file that cannot be had forbids everything for a while
when the fault is the server's (5xx, 429, no answer), and nothing when it says that there is none
(other 4xx). Beyond the RFC: Crawl-delay, Sitemap, the misspellings that other readers forgive, and
an Allow for ``index.html`` that allows its folder.

Facts. Parsing is bounded: 500 KiB (2.5), `_MOST_RULES` rules, no pattern is ever a regular
expression: a star is looked for from left to right, which finds a match where there is one.
"""

from __future__ import annotations

import codecs
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from crawler import urls
from crawler.errors import InvalidURL
from crawler.model import Failure, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawler.model import Outcome

SIZE = 500 * 1024  # bytes that are read: RFC 9309 2.5
_MOST_RULES = 10_000
_MOST_SITEMAPS = 100
_LINE = 16 * 1024  # bytes of one line that are read
MOST_DELAY = 30.0  # seconds
_LATER = 300.0  # seconds until an unreachable robots.txt is asked for again
_NO_HOST = ("connect.", "dns.", "tls.", "proxy.", "policy.")  # families of codes
_TOKEN = re.compile(r"[^\s/*]+")
_KEYS = {
    "user-agent": "agent", "useragent": "agent", "user agent": "agent",
    "allow": "allow",
    "disallow": "disallow", "dissallow": "disallow", "dissalow": "disallow",
    "disalow": "disallow", "diasllow": "disallow", "disallaw": "disallow",
    "sitemap": "sitemap", "site-map": "sitemap",
    "crawl-delay": "delay", "crawldelay": "delay", "crawl delay": "delay",
}  # fmt: skip
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
         (codecs.BOM_UTF16_BE, "utf-16-be"))  # fmt: skip
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_RESERVED = frozenset(":/?#[]@!$&'()*+,;=%")  # RFC 3986 2.2: escaped or not, they differ
_RAW = re.compile(r"[^\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a URL may be fetched."""

    allowed: bool
    line: str = ""  # of robots.txt, that decided; "" when none did


_YES = Verdict(allowed=True)


@dataclass(frozen=True, slots=True)
class _Rule:
    parts: tuple[str, ...]  # the pattern between its stars
    to_end: bool  # it ended in "$"
    length: int
    allows: bool
    line: str

    @property
    def rank(self) -> tuple[int, bool]:
        """The highest decides."""
        return self.length, self.allows

    def matches(self, path: str) -> bool:
        first, *rest = self.parts
        if not path.startswith(first):
            return False
        place = len(first)
        last = rest.pop() if rest and self.to_end else None
        for part in rest:
            found = path.find(part, place)
            if found < 0:
                return False
            place = found + len(part)
        if last is not None:
            return len(path) - len(last) >= place and path.endswith(last)
        return not self.to_end or place == len(path)


# The rules by the length of what stands before their first star, and by that text: of thousands, a
# verdict looks at few. The highest rank comes first.
_Index: TypeAlias = "tuple[tuple[int, dict[str, tuple[_Rule, ...]]], ...]"


def _index(rules: list[_Rule]) -> _Index:
    lengths: dict[int, dict[str, list[_Rule]]] = {}
    for rule in sorted(rules, key=lambda rule: rule.rank, reverse=True):
        beginning = rule.parts[0]
        lengths.setdefault(len(beginning), {}).setdefault(beginning, []).append(rule)
    return tuple(
        (length, {text: tuple(found) for text, found in beginnings.items()})
        for length, beginnings in lengths.items()
    )


@dataclass(frozen=True, slots=True)
class Rules:
    """What one robots.txt says to one product token."""

    delay: float = 0.0  # seconds between two requests; 0.0 where it asks for none
    sitemaps: tuple[str, ...] = ()
    _rules: _Index = field(default=(), repr=False, hash=False)

    def verdict(self, url: str) -> Verdict:
        """Whether the canonical `url` of this host may be fetched."""
        if not self._rules:
            return _YES
        # A star or dollar sign of a pattern is none of the path's.
        path = _normal(urls.target(url)).replace("*", "%2A").replace("$", "%24")
        if path == "/robots.txt":
            return _YES
        best: _Rule | None = None
        for length, beginnings in self._rules:
            for rule in beginnings.get(path[:length], ()):
                if best is not None and rule.rank <= best.rank:
                    break
                if rule.matches(path):
                    best = rule
                    break
        return Verdict(best.allows, best.line) if best is not None else _YES


ALLOW_ALL = Rules()
_ALL = _Rule(("/",), to_end=False, length=1, allows=False, line="")
DISALLOW_ALL = Rules(_rules=_index([_ALL]))


@dataclass(frozen=True, slots=True)
class Robots:
    """What came of asking for a robots.txt."""

    rules: Rules | None  # None: nothing may be fetched, for `retry_in` seconds
    retry_in: float = 0.0
    reason: str = ""  # in words, for people
    body: bytes = b""  # what the rules were read from
    code: str = ""  # why there are none, as a stable word


def judge(outcome: Outcome, agent: str, *, strict: bool = False) -> Robots:
    """What the final outcome of fetching a robots.txt means for its host (RFC 9309 2.3.1).

    Args:
        outcome: after redirects.
        agent: our product token.
        strict: 401 and 403 forbid everything.
    """
    if isinstance(outcome, Failure):
        return _failed(outcome, agent)
    status = outcome.status
    if status == 429 or status >= 500:
        return Robots(None, _LATER, f"robots.txt: {status}", code="robots.unreachable")
    if strict and status in {401, 403}:
        return Robots(DISALLOW_ALL, reason=f"robots.txt: {status}")
    if status >= 300:
        return Robots(ALLOW_ALL, reason=f"robots.txt: {status}")
    body = outcome.body
    if len(body) > SIZE:
        body = _whole_lines(body[:SIZE])
    return Robots(parse(body, outcome.request.url, agent), body=body)


def _whole_lines(body: bytes) -> bytes:
    """Without the last line, which was cut: half a path forbids more than its host means to."""
    return body[: max(body.rfind(b"\n"), body.rfind(b"\r")) + 1]


def _failed(failure: Failure, agent: str) -> Robots:
    error = failure.error
    if error.code.startswith(("redirect.", "http.")):
        return Robots(ALLOW_ALL, reason=f"robots.txt: {error.code}")
    partial = error.partial
    if error.code == "body.too_large" and isinstance(partial, Response):
        body = _whole_lines(partial.body[:SIZE])
        return Robots(parse(body, failure.request.url, agent), body=body)
    # Without a connection there is no host to ask: what its pages would come to is known already.
    if error.code.startswith(_NO_HOST):
        return Robots(None, 0.0, f"robots.txt: {error}", code=error.code)
    return Robots(None, _LATER, f"robots.txt: {error.code}", code="robots.unreachable")


def parse(body: bytes, url: str, agent: str) -> Rules:
    """The rules for the product token `agent` in the robots.txt at `url`; never raises."""
    token = agent.lower()
    ours, anyones = _Group(), _Group()
    sitemaps: list[str] = []
    tries = 0
    named: list[_Group] = []  # what the rules that follow are for
    in_rules = False  # a rule was read since the last user-agent line
    for line in _lines(body[:SIZE]):
        key, value = _split(line)
        if key == "agent":
            if in_rules:
                named = []
                in_rules = False
            group = _named(value, token, ours, anyones)
            if group is not None and group not in named:
                named.append(group)
        elif key in {"allow", "disallow"}:
            in_rules = True
            for group in named:
                group.add(value, line, allows=key == "allow")
        elif key == "delay":
            for group in named:
                group.delay = _seconds(value) or group.delay
        elif key == "sitemap" and tries < 2 * _MOST_SITEMAPS:
            tries += 1
            sitemaps += _joined(url, value)
    group = ours if ours.is_named else anyones
    return Rules(group.delay, tuple(dict.fromkeys(sitemaps))[:_MOST_SITEMAPS], _index(group.rules))


class _Group:
    """The rules of all groups for one product token."""

    def __init__(self) -> None:
        self.is_named = False
        self.delay = 0.0
        self.rules: list[_Rule] = []

    def add(self, value: str, line: str, *, allows: bool) -> None:
        """Take a rule; one without a path says nothing."""
        if not value or len(self.rules) >= _MOST_RULES:
            return
        self.rules.append(_rule(_normal(value), line, allows=allows))
        folder, slash, name = value.rpartition("/")
        if allows and slash and name.startswith("index.htm"):
            self.rules.append(_rule(_normal(f"{folder}/$"), line, allows=True))


def _rule(pattern: str, line: str, *, allows: bool) -> _Rule:
    to_end = pattern.endswith("$")
    plain = (pattern[:-1] if to_end else pattern).replace("$", "%24")
    parts = tuple(plain.split("*"))
    return _Rule(parts, to_end, len(pattern), allows, line)


def _named(value: str, token: str, ours: _Group, anyones: _Group) -> _Group | None:
    """The group that a user-agent line opens, when it concerns us."""
    if value.startswith("*") and not value[1:2].strip():
        group = anyones
    elif _token(value) == token and token:
        group = ours
    else:
        return None
    group.is_named = True
    return group


def agent_token(user_agent: str) -> str:
    """The product token of a User-Agent field: what robots.txt calls us."""
    return _token(user_agent)


def _token(text: str) -> str:
    match = _TOKEN.match(text)
    return match[0].lower() if match else ""


def _lines(body: bytes) -> Iterator[str]:
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            text = body[len(bom) :].decode(encoding, "replace")
            break
    else:
        text = body.decode("utf-8", "surrogateescape")
    for line in re.split(r"[\r\n]+", text.replace("\0", "")):
        yield line[:_LINE]


def _split(line: str) -> tuple[str, str]:
    """The key, as this module names it, and the value; "" for what is no line of ours."""
    line = line.partition("#")[0].strip()
    key, colon, value = line.partition(":")
    known = _KEYS.get(key.strip().lower(), "") if colon else ""
    if known:
        return known, value.strip()
    words = line.split(None, 1)
    if len(words) == 2 and words[0].lower() in _KEYS:
        return _KEYS[words[0].lower()], words[1].strip()
    return "", ""


def _seconds(value: str) -> float:
    """A Crawl-delay, at most `MOST_DELAY`; 0.0 for what is none."""
    try:
        seconds = float(value)
    except ValueError:
        return 0.0
    return min(seconds, MOST_DELAY) if seconds > 0 and not math.isnan(seconds) else 0.0


def _joined(url: str, value: str) -> list[str]:
    if not value:
        return []
    try:
        return [urls.join(url, value)]
    except InvalidURL:
        return []


def _normal(path: str) -> str:
    """One spelling for paths that mean the same (RFC 9309 2.2.2): escapes where they are needed."""
    if "%" in path:
        path = _ESCAPE.sub(_unescaped, path)
    return path if path.isascii() and path.isprintable() and " " not in path else _escaped(path)


def _unescaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    plain = "\x20" < character < "\x7f" and character not in _RESERVED
    return character if plain else match[0].upper()


def _escaped(path: str) -> str:
    return _RAW.sub(
        lambda match: "".join(
            f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogateescape")
        ),
        path,
    )
