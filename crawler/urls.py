"""URLs as the WHATWG standard reads them, in the one spelling the rest of the package relies on.

A canonical URL here is absolute, http or https, without user information and without fragment, all
bytes printable ASCII, never longer than `MAX_URL`. So its parts can be found by position:

    https://example.org:8080/a/b?c=d
    scheme─┘└───authority──┘└─target─┘     no user information, no fragment, path never empty

The parser is Ada (the one of Node.js), by the can_ada package. https://url.spec.whatwg.org/
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

import can_ada

from crawler import hostnames
from crawler.errors import InvalidURL
from crawler.query_encoding import in_encoding, is_utf_8

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_URL = 4096  # bytes; longer ones are traps or mistakes (nginx's default request line is 8 KiB)
_SHOWN = 120  # characters of a bad URL quoted in a message
# What may stand before user information: a scheme, and slashes of either kind.
_BEFORE_USER = re.compile(r"\s*(?:https?:|[a-z][a-z0-9+.-]*:(?=[/\\]))?[/\\\t\n\r]*", re.IGNORECASE)
_AUTHORITY = re.compile(r"[^/\\?#]*")
_ATS = ("@", "\uff20", "\ufe6b")  # the last two are read as the first


class Origin(NamedTuple):
    """Where a URL's server is."""

    scheme: str  # "http" or "https"
    host: str  # without brackets
    port: int
    authority: str  # as it goes into the Host field: no port when it is the scheme's own


def canonical(url: str, base: str | None = None) -> str:
    """The canonical spelling of `url`, joined to `base` when that is given.

    Raises:
        InvalidURL: it is no http(s) URL, has no host, or is longer than `MAX_URL`.
    """
    try:
        # can_ada spells joining as addition.
        parsed = can_ada.parse(url) if base is None else can_ada.parse(base) + url
    except (ValueError, TypeError):
        return _checked(_parse(url, base, url)[1], url)
    if hostnames.MOVED in url:
        return _checked(_parse(url, base, url)[1], url)
    href = parsed.href
    return _checked(href if "@" not in href else _without_user(parsed), url)


def seed(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What a person typed, as a canonical URL and the headers it implies.

    ``example.org/a`` means https; ``user:password@`` becomes an Authorization header (RFC 7617) and
    leaves the URL.

    Raises:
        InvalidURL: as `canonical`.
    """
    typed = text = text.strip()
    if text[:1] == "/" and text[1:2] != "/":  # a parser would take its first part for a host
        raise InvalidURL(f"not a URL, but a path without its site: {_quoted(text)}")
    if text and "://" not in text and not _has_scheme(text):
        text = "https://" + text.lstrip("/")
    try:
        href = can_ada.parse(text).href
        if "@" not in href and hostnames.MOVED not in text:
            return _checked(href, typed), ()
    except (ValueError, TypeError):
        pass  # InvalidURL, too, is raised again below
    (user, password), href = _parse(text, None, typed)
    if not user and not password:
        return _checked(href, typed), ()
    pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    authorization = "Basic " + base64.b64encode(pair).decode("ascii")
    return _checked(href, typed), (("Authorization", authorization),)


def without_user(text: str, *, is_url: bool = True) -> str:
    """`text` with ``***`` for user name and password, so that it may be kept and shown.

    Args:
        text: what a person typed as a URL.
        is_url: `seed` takes it. What it refuses may have the ``@`` behind a slash that somebody has
            in a password: then all before the last ``@`` is hidden.
    """
    before = _BEFORE_USER.match(text)
    start = before.end() if before is not None else 0
    if is_url:
        authority = _AUTHORITY.match(text, start)
        at = text.rfind("@", start, authority.end() if authority is not None else start)
    else:
        at = max(map(text.rfind, _ATS))
        if ":" not in text[:at] and "/" not in text[:at]:
            return text
    # No pattern spans it all: one that did took hours over a link of many slashes.
    return f"{text[:start]}***@{text[at + 1 :]}" if at >= 0 else text


def join(base: str, reference: str) -> str:
    """The canonical URL that `reference`, found on the page `base`, means. Raises InvalidURL."""
    return canonical(reference, base)


def joiner(base: str, encoding: str = "") -> Callable[[str], str | None]:
    """As `join` with this base, for many references: None where `join` raises.

    Args:
        base: a canonical URL.
        encoding: of the page, as `charset.sniff` names it: queries are sent in it.
    """
    if not is_utf_8(encoding):
        plain = joiner(base)
        return lambda reference: plain(in_encoding(reference, encoding))
    try:
        parsed = can_ada.parse(base)
    except ValueError:
        parsed = None

    def join(reference: str) -> str | None:
        try:
            if parsed is None or hostnames.MOVED in reference:
                return canonical(reference, base)
            joined = parsed + reference
            href = joined.href
            return _checked(href if "@" not in href else _without_user(joined), reference)
        except InvalidURL:
            return None
        except (ValueError, TypeError):
            return _or_none(reference, base)

    return join


def _or_none(reference: str, base: str) -> str | None:
    try:
        return canonical(reference, base)
    except InvalidURL:
        return None


def target(url: str) -> str:
    """Path and query of a canonical URL, as they go into the request line."""
    start = url.find("/", 8)
    return url[start:] if start > 0 else "/"


def origin(url: str) -> Origin:
    """Scheme, host and port of a canonical URL."""
    end = url.find("/", 8)
    return _origin(url if end < 0 else url[:end])


@lru_cache(maxsize=4096)
def _origin(prefix: str) -> Origin:
    scheme, _, authority = prefix.partition("://")
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = authority, ""
    default = 443 if scheme == "https" else 80
    return Origin(scheme, host.strip("[]"), int(port) if port else default, authority)


def _has_scheme(text: str) -> bool:
    """Whether it begins with a scheme, and not with a bare ``host:port``."""
    before, colon, after = text.partition(":")
    plausible = before.isascii() and before[:1].isalpha() and before.replace("-", "").isalnum()
    return bool(colon) and plausible and not after[:1].isdigit()


def _parse(url: str, base: str | None, shown: str) -> tuple[tuple[str, str], str]:
    """User and password of any URL, and the URL without them. Raises InvalidURL."""
    url = _scalar(url)
    if hostnames.MOVED in url:
        url = hostnames.mapped(url)
    places: list[int] = []
    try:
        parsed = can_ada.parse(url) if base is None else can_ada.parse(base) + url
    except ValueError as error:
        url, places = hostnames.masked(hostnames.mapped(url))
        masked, places_of_base = hostnames.masked(base or "")
        try:
            parsed = can_ada.parse(masked) + url if base is not None else can_ada.parse(url)
        except ValueError:
            raise InvalidURL(f"not a URL: {_quoted(shown)}") from error
        if places_of_base and not hostnames.names_host(url):
            same = parsed.hostname == can_ada.parse(masked).hostname
            places = places_of_base if same else []
    pair = parsed.username, parsed.password
    href = parsed.href if pair == ("", "") else _without_user(parsed)
    return pair, hostnames.unmasked(href, places) if places else href


def _scalar(text: str) -> str:
    """`text` with U+FFFD for lone surrogates, which no URL has (https://infra.spec.whatwg.org/)."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _without_user(parsed: can_ada.URL) -> str:
    parsed.username = ""
    parsed.password = ""
    return parsed.href


def _checked(href: str, url: str) -> str:
    """What Ada wrote, without its fragment. It never writes an http URL without a host."""
    if not href.startswith(("http://", "https://")):
        raise InvalidURL(f"only http and https can be fetched, not {_quoted(url)}")
    if "#" in href:
        href = href[: href.index("#")]
    if len(href) > MAX_URL:
        raise InvalidURL(f"the URL has {len(href)} bytes, more than {MAX_URL}: {_quoted(url)}")
    return href


def _quoted(url: str) -> str:
    url = without_user(url, is_url=False)
    return ascii(url if len(url) <= _SHOWN else url[:_SHOWN] + "...")
