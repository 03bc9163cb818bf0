"""Cookies of one crawl: taken from answers, given to requests, by the rules of browsers.

    answer's Set-Cookie ──► Jar.take ──► kept by (name, domain, path)
    request ◄── "a=1; b=2" ◄── Jar.header: same site, path below, not expired, Secure only over TLS

Off unless asked for: a crawl that carries no cookies sees what everybody sees. The rules are those
of RFC 6265 with the changes browsers agreed on (draft-ietf-httpbis-rfc6265bis): no cookie for a
public suffix, or every customer of it would get it; the prefixes __Host- and __Secure- hold what
they promise; http cannot replace what was set over https. `Jarred` puts a jar over any engine, so
that redirects and retries, which are requests of their own, need no thought of cookies.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crawler import domains, urls
from crawler.errors import InputError
from crawler.model import Failure, Purpose, Response
from crawler.set_cookie import CONTROL, canonical_domain, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from crawler.contracts import Engine
    from crawler.model import Outcome, Request
    from crawler.set_cookie import Attributes

MOST = 3000  # cookies in a jar
_MOST_OF_DOMAIN = 180
_MOST_HEADER = 16 * 1024  # bytes of a Cookie field: servers refuse more than that
_ADDRESS = re.compile(r"[0-9.]+|.*:.*")


@dataclass(slots=True)
class Cookie:
    """One cookie; `expires` is in seconds since 1970, infinite until the end of the crawl."""

    name: str
    value: str
    domain: str
    path: str
    host_only: bool
    secure: bool
    expires: float
    created: int  # the jar's count


class Jar:
    """Cookies by the names of their hosts.

    Args:
        clock: seconds since 1970: servers say when a cookie ends by the calendar.
    """

    def __init__(
        self, *, clock: Callable[[], float] = lambda: datetime.now(UTC).timestamp()
    ) -> None:
        self._clock = clock
        self._by_domain: dict[str, dict[tuple[str, str, bool], Cookie]] = {}
        self._made = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def take(self, url: str, fields: Iterable[str]) -> None:
        """Keep what the Set-Cookie fields of an answer from `url` say, as far as they may."""
        for field in fields:
            self._take(url, field)

    def header(self, url: str) -> str:
        """The Cookie field for a request to `url`; "" for none (6265bis 5.8.3)."""
        if not self._by_domain:
            return ""
        origin = urls.origin(url)
        path = urls.target(url).partition("?")[0]
        now = self._clock()
        found = [
            cookie
            for domain in _domains(origin.host)
            for cookie in self._by_domain.get(domain, {}).values()
            if cookie.expires > now
            and (not cookie.host_only or domain == origin.host)
            and (not cookie.secure or origin.scheme == "https")
            and path_matches(path, cookie.path)
        ]
        found.sort(key=lambda cookie: (-len(cookie.path), cookie.created))
        text = ""
        for cookie in found:
            pair = f"{cookie.name}={cookie.value}"
            if len(text) + len(pair) + 2 > _MOST_HEADER:
                break
            text = f"{text}; {pair}" if text else pair
        return text

    def add(self, cookie: Cookie) -> None:
        """Keep a cookie; one that has expired removes its like."""
        same = self._by_domain.setdefault(cookie.domain, {})
        before = len(same)
        older = same.pop((cookie.name, cookie.path, cookie.host_only), None)
        if cookie.expires > self._clock():
            self._made += 1
            cookie.created = older.created if older is not None else self._made
            same[cookie.name, cookie.path, cookie.host_only] = cookie
            if len(same) > _MOST_OF_DOMAIN:
                del same[next(iter(same))]
        self._size += len(same) - before
        if not same:
            del self._by_domain[cookie.domain]
        while self._size > MOST:
            self._size -= len(self._by_domain.pop(next(iter(self._by_domain))))

    def _take(self, url: str, field: str) -> None:
        found = parse(field, self._clock())
        if found is None:
            return
        name, value, told = found
        origin = urls.origin(url)
        host, domain = origin.host, told.domain
        if domain and domain != host and not domain_matches(host, domain):
            return
        if domain and _is_public_suffix(domain):
            if domain != host:
                return  # everybody below it would get the cookie
            domain = ""
        over_tls = origin.scheme == "https"
        path = told.path if told.path.startswith("/") else default_path(urls.target(url))
        cookie = Cookie(name, value, domain or host, path, not domain, told.secure, told.expires, 0)
        if told.secure and not over_tls:
            return
        if _breaks_its_prefix(cookie, told) or (not over_tls and self._covers_secure(cookie)):
            return
        self.add(cookie)

    def _covers_secure(self, cookie: Cookie) -> bool:
        """Whether a cookie from http would stand in for one that was set over TLS (5.7, 16)."""
        return any(
            other.secure and other.name == cookie.name and path_matches(cookie.path, other.path)
            for domain in _domains(cookie.domain)
            for other in self._by_domain.get(domain, {}).values()
        )


class Jarred:
    """An engine whose requests carry the cookies of a jar, and whose answers fill it."""

    def __init__(self, engine: Engine, jar: Jar) -> None:
        self._engine = engine
        self._jar = jar
        self._asked: dict[Request, Request] = {}  # what was sent, by the request as it was given
        self.close = engine.close

    def start(self, request: Request, /) -> None:
        """Begin the exchange, with the cookies for its URL unless it brings its own."""
        value = "" if request.purpose is Purpose.ROBOTS else self._jar.header(request.url)
        if value and not any(name.lower() == "cookie" for name, _ in request.headers):
            sent = replace(request, headers=(*request.headers, ("Cookie", value)))
            self._asked[sent] = request
            request = sent
        self._engine.start(request)

    def wait(self, timeout: float | None, /) -> list[Outcome]:
        """What has ended, of the requests as they were given."""
        return [self._heard(outcome) for outcome in self._engine.wait(timeout)]

    def _heard(self, outcome: Outcome) -> Outcome:
        reply = outcome.error.partial if isinstance(outcome, Failure) else outcome
        if reply is not None and outcome.request.purpose is not Purpose.ROBOTS:
            fields = reply.headers.all("set-cookie")
            if fields:
                self._jar.take(outcome.request.url, fields)
        given = self._asked.pop(outcome.request, None)
        if given is None:
            return outcome
        if isinstance(outcome, Failure) and isinstance(reply, Response):
            outcome.error.partial = replace(reply, request=given)
        return replace(outcome, request=given)


def domain_matches(host: str, domain: str) -> bool:
    """Whether `host` is `domain` or below it (RFC 6265 5.1.3)."""
    return host == domain or (host.endswith("." + domain) and not _ADDRESS.fullmatch(host))


def path_matches(path: str, of_cookie: str) -> bool:
    """Whether `path` is the cookie's or below it (RFC 6265 5.1.4)."""
    if not path.startswith(of_cookie):
        return False
    return len(path) == len(of_cookie) or of_cookie.endswith("/") or path[len(of_cookie)] == "/"


def default_path(target: str) -> str:
    """The path of a cookie that names none: the folder of the page (RFC 6265 5.1.4)."""
    path = target.partition("?")[0]
    end = path.rfind("/")
    return path[:end] if end > 0 else "/"


def load(path: Path, jar: Jar) -> int:
    """Fill the jar from a file as browsers' exports and curl write it; how many cookies it had.

    Raises:
        InputError: it cannot be read, or is no such file.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"cannot read cookies from {str(path)!r}: {reason}") from error
    for number, line in enumerate(lines, 1):
        text = line.removeprefix("#HttpOnly_")
        if not text.strip() or text.startswith("#"):
            continue
        parts = text.split("\t")
        if len(parts) != 7 or CONTROL.search("".join(parts)) or not parts[4].isdigit():
            raise InputError(
                f"{path}:{number}: not a line of a cookies.txt: seven fields with tabs between"
            )
        host, below, folder, secure, expires, *pair = parts
        domain = canonical_domain(host)
        # Header fields are bytes here, as in all requests: the file's are sent as they are.
        name, value = (part.encode().decode("latin-1") for part in pair)
        jar.add(
            Cookie(
                name,
                value,
                domain,
                folder or "/",
                # Of a public suffix none reaches the names below, whoever wrote the file.
                below.upper() != "TRUE" or _is_public_suffix(domain),
                secure.upper() == "TRUE",
                float(expires) if int(expires) else math.inf,
                0,
            )
        )
    return len(jar)


def _domains(host: str) -> Iterable[str]:
    """The host, and all names above it."""
    yield host
    if not _ADDRESS.fullmatch(host):
        while "." in host:
            host = host.partition(".")[2]
            yield host


def _is_public_suffix(domain: str) -> bool:
    if "." not in domain:
        return True
    return not _ADDRESS.fullmatch(domain) and not domains.registered_domain(domain)


def _breaks_its_prefix(cookie: Cookie, told: Attributes) -> bool:
    name = cookie.name.lower()
    if name.startswith("__secure-"):
        return not cookie.secure
    if name.startswith("__host-"):
        return not (cookie.secure and cookie.host_only and told.rooted and not told.domain)
    return False
