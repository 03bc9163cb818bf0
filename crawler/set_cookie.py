"""What a Set-Cookie field says, read as browsers read it (RFC 6265 5.2, draft 6265bis 5.6). Pure.

    "k=v; Path=/; Max-Age=60; Secure" ──► ("k", "v", Attributes(path="/", expires=..., secure=True))

Read beside it: cookies.py, which decides what of it may be kept.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import NamedTuple

CONTROL = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")
_MOST_BYTES = 4096  # of name and value together (6265bis 5.7)
_MOST_ATTRIBUTE = 1024  # bytes of an attribute's value; longer ones are ignored
_LONGEST = 400 * 86_400.0  # seconds a cookie may live (6265bis 5.5)
_DELIMITER = re.compile(r"[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_NUMBER = re.compile(r"([0-9]+)(?![0-9])")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Attributes(NamedTuple):
    """What a Set-Cookie field says beside name and value."""

    domain: str = ""
    path: str = ""
    expires: float = math.inf
    secure: bool = False
    rooted: bool = False  # it has Path=/ in so many words


def parse(field: str, now: float) -> tuple[str, str, Attributes] | None:
    """Name, value and attributes of a Set-Cookie field; None when it is to be ignored (5.6)."""
    if CONTROL.search(field):
        return None
    pair, *rest = field.split(";")
    name, equals, value = pair.partition("=")
    name, value = name.strip(" \t"), value.strip(" \t")
    if not equals or not name or len(name) + len(value) > _MOST_BYTES:
        return None
    return name, value, _attributes(rest, now)


def _attributes(parts: list[str], now: float) -> Attributes:
    said: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition("=")
        value = value.strip(" \t")
        if len(value) <= _MOST_ATTRIBUTE:
            name = name.strip(" \t").lower()
            if name == "expires" and parse_date(value) is None:
                continue  # one that cannot be read leaves an earlier one as it is
            if name == "domain" and not value:
                continue
            if name == "max-age" and not re.fullmatch(r"-?[0-9]+", value):
                continue
            said[name] = value
    expires = math.inf
    if "max-age" in said:
        seconds = said["max-age"]
        expires = now + min(_LONGEST, float(seconds)) if seconds.strip("-0") else -math.inf
        if seconds.startswith("-"):
            expires = -math.inf
    elif "expires" in said:
        instant = parse_date(said["expires"])
        expires = min(instant, now + _LONGEST) if instant is not None else math.inf
    path = said.get("path", "")
    return Attributes(
        domain=canonical_domain(said.get("domain", "")),
        path=path,
        expires=expires,
        secure="secure" in said,
        rooted=path == "/",
    )


def parse_date(text: str) -> float | None:
    """The instant a cookie's date means, in seconds since 1970; None when it is none (5.1.1)."""
    clock: tuple[int, int, int] | None = None
    day = month = year = None
    for token in _DELIMITER.split(text):
        at = _CLOCK.match(token)
        number = _NUMBER.match(token)
        digits = len(number[1]) if number else 0
        if clock is None and at:
            clock = int(at[1]), int(at[2]), int(at[3])
        elif day is None and number and digits <= 2:
            day = int(number[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = 1 + _MONTHS.index(token[:3].lower())
        elif year is None and number and 2 <= digits <= 4:
            year = int(number[1])
            if year <= 99:
                year += 1900 if year >= 70 else 2000
    if clock is None or day is None or month is None or year is None or year < 1601:
        return None
    try:
        return datetime(year, month, day, *clock, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def canonical_domain(domain: str) -> str:
    """The domain as it is compared: without the dot at its front, in ASCII, in lower case."""
    domain = domain.removeprefix(".").lower()
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain
