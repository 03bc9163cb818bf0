"""Whether what was found may be on a private address: policy for every fetch of a crawl. Pure.

    seed ──► page ──► link, redirect, sitemap, robots.txt ──► public_only ──► checked at connect()

A private address (addresses.py) is fetched from only where a seed names it:

* a seed, and its robots.txt, may be anywhere: who typed it meant it;
* what a public page leads to may only be public, and so on from there, whatever leads to it: a
  link, a redirect, a sitemap, and the robots.txt of a host that is met on that way;
* a private page's sitemaps are of its own site, or public;
* a private page may redirect within its own site (its host, its registered domain, its address) and
  to names whose address the user has given. All else may only be public, names too: who owns a zone
  lets its names mean any address, so an open redirect would be a way to every machine inside.

`Request.public_only` carries the answer. Where the connection is made, all addresses of the name
are looked at, one of them is connected to, and the socket is asked for its peer: a name that was
public a moment ago is looked at like any other, and however an address is spelled, what is checked
is where packets go. Behind a proxy only addresses that are spelled out can be checked: what a name
means only the proxy knows. The proxy's own address is the user's choice.
Read beside it: hops.py, discovery.py; transports/resolve.py, where it is checked.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from crawler import urls
from crawler.addresses import is_public
from crawler.domains import registered_domain

if TYPE_CHECKING:
    from collections.abc import Container

    from crawler.model import Network, Response


def public_only(response: Response, *, proxied: bool) -> bool:
    """Whether what `response` leads to must be public, its own site included.

    Args:
        response: where it was found.
        proxied: it came through a proxy, so the peer's address says nothing about the host.
    """
    return response.request.public_only or _is_public(response, proxied=proxied)


def public_only_after(
    response: Response, url: str, *, proxied: bool, pinned: Container[tuple[str, int]] = ()
) -> bool:
    """Whether the `url` that `response` redirects to must be public.

    Args:
        response: the redirect.
        url: where it leads.
        proxied: it came through a proxy, so the peer's address says nothing about the host.
        pinned: hosts and ports whose address the user has given.
    """
    if public_only(response, proxied=proxied):
        return True
    _, host, port, _ = urls.origin(url)
    return (host, port) not in pinned and not is_of_its_site(response, url, proxied=proxied)


def pinned(network: Network) -> frozenset[tuple[str, int]]:
    """The hosts and ports whose address the user has given."""
    return frozenset((host.lower(), port) for host, port, _ in network.resolve)


def is_of_its_site(response: Response, url: str, *, proxied: bool) -> bool:
    """Whether `url` is on the site of `response`: its host, its domain or its very address."""
    here, there = urls.origin(response.url).host, urls.origin(url).host
    if here == there or (registered_domain(here) or here) == registered_domain(there):
        return True
    peer = here if proxied else response.peer.rpartition(" ")[0]
    if there == peer:
        return True
    return _is_loopback(peer) and (_is_loopback(there) or there == "localhost")


def _is_public(response: Response, *, proxied: bool) -> bool:
    if response.peer and not proxied:
        return is_public(response.peer.rpartition(" ")[0])
    host = urls.origin(response.url).host
    return is_public(host) if _is_literal(host) else True


def _is_literal(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
