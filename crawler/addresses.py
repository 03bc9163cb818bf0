"""Which addresses belong to the public internet. Pure.

`ipaddress.is_global` answers yes for several spellings that reach private hosts: IPv4-compatible
(``::127.0.0.1``), NAT64 (``64:ff9b::7f00:1``), 6to4 (``2002:7f00:1::``), site-local (``fec0::1``)
and multicast. Here an address that embeds another is judged by both.
RFC 6890 (special-purpose registries), RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4291 (IPv4-mapped);
of names RFC 6761 (localhost), RFC 6762 (local), RFC 8375 (home.arpa), and ICANN's internal.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_LOW_32_BITS = 0xFFFFFFFF
_NOT_OF_THE_INTERNET = (".localhost", ".local", ".internal", ".home.arpa")


@lru_cache(maxsize=4096)
def is_public(address: str) -> bool:
    """Whether `address`, an IPv4 or IPv6 literal, is a public unicast one; else False."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        embedded = _embedded(parsed)
        if embedded is not None:
            return _is_public_itself(embedded)
        if parsed.is_site_local or parsed in _NAT64_LOCAL:
            return False
    return _is_public_itself(parsed)


def is_private_name(host: str) -> bool:
    """Whether a host says by itself that it is private, before anybody is asked for its address.

    Private are the addresses that are not public, names that no public zone can have, and names of
    one label, which somebody's own zone completes.
    """
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        name = host.lower().removesuffix(".")
        return "." not in name or name.endswith(_NOT_OF_THE_INTERNET)
    return not is_public(host)


def _is_public_itself(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets for this IPv6 address would end at."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & _LOW_32_BITS)
    return None
