"""References as a page has them, joined to its base: canonical URLs, or nothing. Pure.

Most are names under the base's folder, written out, and joining them is putting them there.
https://html.spec.whatwg.org/ 2.4.1 (URLs).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crawler import urls

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_MAX_REFERENCE = 4 * urls.MAX_URL  # characters before joining: white space and dots may vanish
_PLAIN = re.compile(r"(?:[A-Za-z0-9_~-][A-Za-z0-9_.~-]*/)*+[A-Za-z0-9_~-][A-Za-z0-9_.~-]*")
# A share of some Windows network: a browser would go to a host of that name.
_BACKWARD = re.compile(r"[\x00- ]*(?:https?:)?/*\\", re.IGNORECASE)


def one(reference: str, base: str, encoding: str = "") -> str:
    """The URL that the reference means on a page of that base; "" for none that is http(s).

    Args:
        reference: as it was written.
        base: a canonical URL.
        encoding: of the page: queries are sent in it.
    """
    return _joined(urls.joiner(base, encoding), reference)


def every(
    references: Collection[str], base: str, encoding: str, into: dict[str, None], most: int
) -> int:
    """Add the URLs of the references to `into`, up to so many; how many were none, or too many."""
    if not references:
        return 0
    dropped = 0
    folder = base[: base.partition("?")[0].rindex("/") + 1]
    longest = urls.MAX_URL - len(folder)
    plain = _PLAIN.fullmatch
    join: Callable[[str], str | None] | None = None
    for reference in references:
        if len(into) >= most:
            dropped += 1
        elif plain(reference) and len(reference) <= longest:
            into[folder + reference] = None
        elif reference[:1] != "#":
            join = join or urls.joiner(base, encoding)
            if url := _joined(join, reference):
                into[url] = None
            else:
                dropped += 1
    return dropped


def _joined(join: Callable[[str], str | None], reference: str) -> str:
    if len(reference) > _MAX_REFERENCE or _BACKWARD.match(reference):
        return ""
    return join(reference) or ""
