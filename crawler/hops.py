"""Where a redirect leads: the next request, or why there is none. Pure.

The rules, and what they answer:

* only http and https: a jump to file:, ftp: or data: ends here;
* a change of origin drops every header but the harmless four, and the body: credentials never
  leave the origin they were given for (CPython issue 77842, requests and X-Api-Key);
* user information in a Location is dropped, never turned into credentials;
* the same request twice is a loop, known at once instead of after thirty hops;
* after a public page only public addresses may follow (reach.py).

RFC 9110 section 15.4.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from crawler import urls
from crawler.drafts import link_request
from crawler.errors import InvalidURL, RedirectError, StatusError, TooManyRedirects
from crawler.model import Purpose
from crawler.reach import is_of_its_site, public_only, public_only_after

if TYPE_CHECKING:
    from collections.abc import Container

    from crawler.model import Request, Response

REDIRECTS = frozenset({301, 302, 303, 307, 308})
SAFE_HEADERS = frozenset({"user-agent", "accept", "accept-language", "accept-encoding"})
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EIGHT_BIT = re.compile(r"[\x80-\xff]")


def hop(
    response: Response,
    *,
    follow: int,
    proxied: bool,
    pinned: Container[tuple[str, int]] = (),
) -> Request:
    """The request that a redirect asks for.

    Args:
        response: the redirect.
        follow: redirects followed at most.
        proxied: it came through a proxy, so the peer's address says nothing about the host.
        pinned: hosts and ports whose address the user has given.

    Raises:
        StatusError: there is no Location, or an empty one; `.partial` is the response.
        RedirectError: the Location is not usable, or not allowed.
        TooManyRedirects: `follow` hops were made, or this one was made before.
    """
    request = response.request
    url = _next_url(response)
    method = _method(request.method, response.status)
    if method == request.method and (url == request.url or url in request.via):
        raise TooManyRedirects(f"{request.url} redirects to {url} again", code="redirect.loop")
    if len(request.via) >= follow:
        raise TooManyRedirects(f"more than {follow} redirects, the last to {url}")
    next_request = replace(
        request,
        url=url,
        method=method,
        via=(*request.via, request.url),
        attempt=1,
        public_only=public_only_after(response, url, proxied=proxied, pinned=pinned),
    )
    if method != request.method:
        next_request = replace(next_request, headers=_without_content(request), body=b"")
    if next_request.origin != request.origin:
        safe = tuple(field for field in next_request.headers if field[0].lower() in SAFE_HEADERS)
        next_request = replace(next_request, headers=safe, body=b"")
    return next_request


class Links:
    """Makes the requests for what `page` links to: pages, or the entries of a sitemap.

    Within its origin they carry the fields of the page's own request; elsewhere only the harmless
    four, so that credentials stay where they were given for.

    Args:
        page: where the links stand.
        proxied: it came through a proxy, so the peer's address says nothing about the host.
    """

    def __init__(self, page: Response, *, proxied: bool = False) -> None:
        request = page.request
        self._page = request.url
        self._origin = request.origin + "/"
        fields = (field for field in request.headers if not _is_of_one_url(field[0]))
        self._fields = tuple(fields)
        self._safe = tuple(field for field in self._fields if field[0].lower() in SAFE_HEADERS)
        self._response = page
        self._proxied = proxied
        self._public_only = public_only(page, proxied=proxied)

    def to(self, url: str, *, depth: int, purpose: Purpose = Purpose.PAGE) -> Request:
        """The request for the canonical `url`."""
        # Pages are of a seed's site, or the scope refuses them; a sitemap may be anywhere.
        elsewhere = purpose is not Purpose.PAGE and not is_of_its_site(
            self._response, url, proxied=self._proxied
        )
        return link_request(
            url,
            self._fields if url.startswith(self._origin) else self._safe,
            depth=depth,
            parent=self._page,
            purpose=purpose,
            public_only=self._public_only or elsewhere,
        )


def downgraded(request: Request) -> bool:
    """Whether its redirects left https for http."""
    chain = (*request.via, request.url)
    return any(
        before.startswith("https:") and after.startswith("http:")
        for before, after in pairwise(chain)
    )


def _next_url(response: Response) -> str:
    locations = set(response.headers.all("location"))
    location = next(iter(locations), "").strip(" \t")
    if not location:
        error = StatusError(
            f"{response.status} without a Location", code="http.redirect_without_location"
        )
        error.partial = response
        raise error
    if len(locations) > 1:
        raise RedirectError(f"{len(locations)} different Location fields")
    shown = ascii(location[:120])
    if _CONTROL.search(location):
        raise RedirectError(f"the Location has control characters: {shown}")
    scheme = _SCHEME.match(location)
    if scheme and scheme.group().lower() not in {"http:", "https:"}:
        raise RedirectError(
            f"only http and https are followed, not {shown}", code="redirect.forbidden_scheme"
        )
    # Header values are latin-1 text here: what is above ASCII is a byte, and stays that byte.
    location = _EIGHT_BIT.sub(lambda match: f"%{ord(match.group()):02X}", location)
    try:
        return urls.join(response.request.url, location)
    except InvalidURL as error:
        raise RedirectError(f"the Location is not usable: {error}") from error


def _method(method: str, status: int) -> str:
    """RFC 9110 15.4: 303 means GET; 301 and 302 turn POST into GET by long custom."""
    if method == "HEAD" or status in {307, 308}:
        return method
    return "GET" if status == 303 or method == "POST" else method


def _is_of_one_url(name: str) -> bool:
    return name.lower().startswith(("content-", "if-"))


def _without_content(request: Request) -> tuple[tuple[str, str], ...]:
    return tuple(field for field in request.headers if not field[0].lower().startswith("content-"))
