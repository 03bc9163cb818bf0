"""Units people write, as the numbers the rest of the package counts in. Pure.

    seconds("500ms") -> 0.5        size("10Mi")  -> 10485760     header("Accept: */*")
    seconds("2m")    -> 120.0      rate("9000/m") -> 150.0       resolve("a.test:80:127.0.0.1")

The same words are read from the command line, the environment and TOML, where plain numbers mean
seconds, bytes and requests per second. Every refusal is a ValueError that shows a good example.
"""

from __future__ import annotations

import ipaddress
import math
import re
from base64 import b64encode

_SECONDS = {"us": 1e-6, "ms": 1e-3, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_PER = {"s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = re.compile(r"([0-9]*\.?[0-9]+)\s*([a-zA-Z]*)")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_STATUS = re.compile(r"[1-5](xx|[0-9]{2})$")
_FAMILIES = frozenset(
    {"retryable", "dns", "connect", "net", "tls", "proxy", "timeout", "proto", "body", "http"}
)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def seconds(text: str) -> float:
    """A duration: ``1.5``, ``500ms``, ``2m``, ``1h``."""
    value, unit = _split(text, "duration", "500ms, 1.5 or 2m")
    if unit.lower() not in _SECONDS:
        raise ValueError(f"not a duration: {text!r} (write 500ms, 1.5 or 2m)")
    return value * _SECONDS[unit.lower()]


def size(text: str) -> int:
    """A number of bytes: ``1500``, ``10M`` (10^7), ``10Mi`` (10 x 2^20)."""
    value, unit = _split(text, "size", "500K, 10M or 1Gi")
    unit = unit.lower()
    unit = unit if unit in _BYTES else unit.removesuffix("b")
    if unit not in _BYTES:
        raise ValueError(f"not a size: {text!r} (write 500K, 10M or 1Gi)")
    return int(value * _BYTES[unit])


def rate(text: str) -> float:
    """Requests per second: ``150/s``, ``9000/m``, ``150``."""
    count, slash, unit = text.partition("/")
    try:
        value = float(count)
    except ValueError:
        value = math.nan
    unit = unit.strip().lower() if slash else "s"
    if not (value >= 0 and math.isfinite(value)) or unit not in _PER:
        raise ValueError(f"not a rate: {text!r} (write 150/s or 9000/m)")
    return value / _PER[unit]


def count(text: str) -> int:
    """A whole number, 0 or more."""
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isdigit()):
        digits = stripped.removeprefix("-")
        less = digits != stripped and digits.isascii() and digits.isdigit()
        raise ValueError(f"not a whole number{' from 0' * less}: {text!r}")
    return int(stripped[:18])


def flag(text: str) -> bool:
    """``true`` or ``false``, also as ``1``/``0``, ``yes``/``no``, ``on``/``off``."""
    word = text.strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError(f"neither true nor false: {text!r}")


def header(line: str) -> tuple[str, str]:
    """``Name: value`` as its two parts; ``Name:`` takes away a field sent by default."""
    name, colon, value = line.partition(":")
    if not colon or not _TOKEN.fullmatch(name):
        raise ValueError(f"not a header field: {line!r} (write 'Name: value')")
    value = value.strip(" \t")
    if _CONTROL.search(value):
        raise ValueError(f"the header field {name!r} holds a control character")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(f"the header field {name!r} holds characters beyond Latin-1") from None
    return name, value


def user(text: str) -> str:
    """``NAME:PASSWORD`` as the value of Authorization (RFC 7617 2); "" for none."""
    if not text:
        return ""
    if ":" not in text or _CONTROL.search(text):  # neither is shown: half of it may be a password
        raise ValueError("not a name, a colon and a password (write NAME: where there is none)")
    return f"Basic {b64encode(text.encode('utf-8', 'surrogateescape')).decode('ascii')}"


def resolve(text: str) -> tuple[str, int, str]:
    """``HOST:PORT:ADDRESS``: the address to use instead of asking DNS; IPv6 with or without []."""
    host, _, rest = text.partition(":")
    port, _, address = rest.partition(":")
    address = address.strip("[]")
    if not host or not port.isdigit() or not 0 < int(port[:6]) < 65536:
        raise ValueError(f"not HOST:PORT:ADDRESS: {text!r} (like example.org:443:127.0.0.1)")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise ValueError(f"not an IP address: {address!r} in {text!r}") from None
    return host.lower(), int(port), address


def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A network: ``127.0.0.0/8``, ``fd00::/8``."""
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise ValueError(f"not a network: {text!r} (like 127.0.0.0/8): {error}") from error


def shard(text: str) -> tuple[int, int]:
    """``3/8``: the third of eight; ``1/1``, the whole, for nothing."""
    part, slash, parts = text.partition("/")
    if not text:
        return 1, 1
    if not (slash and part.isascii() and part.isdigit() and parts.isascii() and parts.isdigit()):
        raise ValueError(f"not a shard: {text!r} (write 3/8 for the third of eight)")
    if not 1 <= int(part[:6]) <= int(parts[:6]) <= 10_000:
        raise ValueError(f"no such shard: {text!r} (from 1/8 to 8/8 there are eight)")
    return int(part), int(parts)


def words(text: str) -> tuple[str, ...]:
    """A comma-separated list."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def pattern(text: str) -> re.Pattern[str]:
    """A regular expression."""
    from crawler.scope import pattern as compiled

    return compiled(text)


def retry_words(text: str) -> tuple[str, ...]:
    """What is tried again: ``retryable``, ``429``, ``5xx``, ``connect``, ``timeout.idle``."""
    found = words(text)
    for word in found:
        if not (word in _FAMILIES or word.partition(".")[0] in _FAMILIES or _STATUS.match(word)):
            raise ValueError(
                f"not a reason to try again: {word!r} (write retryable, a status like 429 or 5xx, "
                "or an error code like connect or timeout.idle)"
            )
    return found


def share(text: str) -> float:
    """The share of failed URLs that fails the run: ``none``, ``any``, ``all`` or ``5%``.

    From 0 (any failure does) to 1 (only when all failed); infinity for ``none``.
    """
    word = text.strip().lower()
    named = {"none": math.inf, "any": 0.0, "all": 1.0}
    if word in named:
        return named[word]
    try:
        percent = float(word.removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not word.endswith("%") or not 0 <= percent <= 100:
        raise ValueError(f"not a share: {text!r} (write none, any, all or 5%)")
    return percent / 100


def _split(text: str, noun: str, examples: str) -> tuple[float, str]:
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a {noun}: {text!r} (write {examples})")
    return float(match[1]), match[2]
