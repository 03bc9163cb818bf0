"""Registered domains, by the public suffix list (https://publicsuffix.org/list/). Pure.

    www.example.co.uk        the public suffix is co.uk, under which anyone may register a name;
        └──────┬────┘        the registered domain is the label before it, and it
    registered domain

The list also has suffixes of private owners (github.io): what their customers keep there are
domains of their own. A name that is a suffix itself, an address and a single label have none.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


@functools.lru_cache(maxsize=4096)
def registered_domain(host: str) -> str:
    """The registered domain of `host`, in lower case; "" when it has none."""
    last = host.rstrip(".").rpartition(".")[2]
    # The last label of an IPv4 address is a number, that of a name never (URL Standard 3.5).
    if ":" in host or last.isdigit() or last[:2].lower() == "0x":
        return ""
    return _list().privatesuffix(host) or ""


@functools.cache
def _list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # reads the list, 60 ms: only where it is asked

    return PublicSuffixList()
