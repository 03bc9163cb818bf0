"""What a state file says, where that is nothing a crawl ever wrote: one error, whatever it was."""

from __future__ import annotations

import contextlib
import zlib
from typing import TYPE_CHECKING

from crawler.errors import FrontierError

if TYPE_CHECKING:
    from collections.abc import Iterator


def url(value: object) -> str:
    """The value, which is to be a URL or an origin. Raises ValueError."""
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise ValueError(f"no URL: {value!r:.80}")
    return value


@contextlib.contextmanager
def as_error() -> Iterator[None]:
    """Turn what goes wrong with a value of the file into a FrontierError."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error) as error:
        raise FrontierError(
            f"the state of the crawl is damaged: a value cannot be read ({error});"
            " begin anew with another --state"
        ) from error
