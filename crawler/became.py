"""What an outcome makes of its URL: the state, and what the frontier keeps. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crawler.contracts import Facts, State
from crawler.errors import FetchError
from crawler.model import Failure, Skip

if TYPE_CHECKING:
    from typing import TypeGuard

    from crawler.model import Final, Request


_DONE = (State.DONE, Facts())
_BAD_LINES = frozenset({"url.invalid", "url.duplicate"})


def became(final: Final, *, validators: bool = True) -> tuple[State, Facts]:
    """The state of the URL, and what is kept of its outcome.

    Without `validators` nothing is kept of a page that is done.
    """
    if isinstance(final, Skip):
        return State.SKIPPED, Facts(final.code)
    if isinstance(final, Failure):
        partial = final.error.partial
        return State.FAILED, Facts(final.error.code, partial.status if partial is not None else 0)
    if not final.ok:
        code = "body.truncated" if final.truncated else f"http.{final.status}"
        return State.FAILED, Facts(code, final.status)
    if not validators:
        return _DONE
    headers = final.headers
    known = dict(final.request.headers) if final.status == 304 else {}
    return State.DONE, Facts(
        "",
        final.status,
        headers.get("etag", known.get("If-None-Match", "")),
        headers.get("last-modified", known.get("If-Modified-Since", "")),
    )


def is_bad_line(final: Final) -> TypeGuard[Failure]:
    """Whether it is of a line that came to no request: no frontier knows of it."""
    return isinstance(final, Failure) and final.error.code in _BAD_LINES


def never_made(request: Request, code: str, reason: str) -> Failure:
    """The outcome of a request that was never made."""
    error = FetchError(reason, code=code)
    return Failure(request, error, datetime.now(UTC), 0.0, attempts=0)
