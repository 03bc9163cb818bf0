"""Which canonical URLs are one page: the key by which a crawl knows what it has seen. Pure.

A key is compared, never fetched: a server gets the spelling that the page had.

| spellings | why they are one |
|---|---|
| /%7Ea, /~a; /%c3, /%C3; /a|b, /a%7Cb; /50%, /50%25 | RFC 3986 6.2.2: the same octets |
| http://a./, http://a/ | the dot is the DNS root |
| /a?, /a?&, /a; /a?b&, /a?&b, /a?b | a field without anything in it |
| /a;jsessionid=1F.., /a?PHPSESSID=0c.. | a session is not a page |

What a server may tell apart stays apart: the case of a path, the order of parameters, double
slashes. Session identifiers are those of Heritrix's StripSessionIDs, by name and length.
"""

from __future__ import annotations

import re
from hashlib import blake2b

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?|[\[\]^`{|}]")
_SPELT = {f"{octet:02X}": chr(octet) for octet in _UNRESERVED}
_PATH_SESSION = re.compile(r";jsessionid=[\w.!~-]{16,}", re.IGNORECASE | re.ASCII)
_SESSION = re.compile(
    r"(?:jsessionid=[\w.!~-]{16,}|phpsessid=[\w,-]{22,}|aspsessionid[a-z]{8}=[a-z]{24}"
    r"|sid=[0-9a-z]{32})\Z",
    re.IGNORECASE | re.ASCII,
)


def key(url: str) -> str:
    """The text that all spellings of the canonical `url` share."""
    # Most URLs have none of these, and a look costs less than a search.
    if not ("%" in url or ";" in url or "|" in url or "^" in url or "./" in url or ".:" in url
            or "[" in url or "]" in url or "{" in url or "}" in url or "`" in url
            or ("?" in url and _is_odd(url))):  # fmt: skip
        return url
    start = url.find("/", 8)
    path, mark, query = url[start:].partition("?")
    path = _PATH_SESSION.sub("", _ESCAPE.sub(_spelt, path))
    query = _query(_ESCAPE.sub(_spelt, query)) if mark else ""
    return f"{_without_dot(url[:start])}{path}{'?' if query else ''}{query}"


def fingerprint(url: str) -> bytes:
    """8 bytes that stand for the canonical `url` and its other spellings.

    Two of 10^7 pages share theirs with a probability of 3 in 10^6.
    """
    return blake2b(key(url).encode("ascii"), digest_size=8).digest()


def _spelt(match: re.Match[str]) -> str:
    digits = match[1]
    if digits:
        digits = digits.upper()
        return _SPELT.get(digits) or "%" + digits
    return f"%{ord(match[0]):02X}"


def _is_odd(url: str) -> bool:
    """Whether the query may have a session in it, or a field of nothing."""
    return (
        url.endswith(("?", "&"))
        or "&&" in url
        or "?&" in url
        or "sid" in url
        or "SID" in url
        or "sess" in url.lower()
    )


def _query(query: str) -> str:
    return "&".join(field for field in query.split("&") if field and not _SESSION.match(field))


def _without_dot(origin: str) -> str:
    if "./" not in origin + "/" and ".:" not in origin:
        return origin
    scheme, _, authority = origin.partition("://")
    host, colon, port = authority.partition(":")
    return f"{scheme}://{host.rstrip('.') or host}{colon}{port}"
