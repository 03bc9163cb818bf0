"""Which addresses an exchange may connect to: its own host's, or the proxy's, as policy allows.

    find(transfer) ──► addresses, or the error, at once when they are known
                   └─► None: they come by `answered`, once `wake` is readable

Read beside it: _resolve.py (the threads), transports/resolve.py (the cache, the policy).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from crawler import urls
from crawler.errors import AddressBlocked, FetchError
from crawler.transports.resolve import check_name, check_public

if TYPE_CHECKING:
    from crawler.engines._resolve import Resolver
    from crawler.engines._transfer import Transfer
    from crawler.model import Request
    from crawler.transports._proxy import Proxy
    from crawler.transports.resolve import Address

Found: TypeAlias = "tuple[Address, ...] | FetchError"


class Lookups:
    """Who waits for the addresses of what.

    Attributes:
        wake: a socket that becomes readable when `answered` has something.
    """

    def __init__(self, resolver: Resolver, proxy: Proxy | None) -> None:
        self._resolver = resolver
        self._proxy = proxy
        self._asking: dict[tuple[str, int], list[Transfer]] = {}
        self.wake = resolver.wake
        self.close = resolver.close

    def find(self, transfer: Transfer) -> Found | None:
        """What is known; None when it has to be asked for."""
        origin, proxy = urls.origin(transfer.request.url), self._proxy
        host, port, public_only = origin.host, origin.port, transfer.request.public_only
        if proxy is not None:
            # The user named the proxy, so its address is allowed.
            host, port, public_only = proxy.host, proxy.port, False
        found = self._resolver.peek(host, port, public_only=public_only)
        if found is None:
            self._asking.setdefault((host, port), []).append(transfer)
            self._resolver.ask(host, port)
        return found

    def refused(self, request: Request) -> AddressBlocked | None:
        """The error when policy keeps the request from the host that it names."""
        try:
            if request.public_only:
                check_name(urls.origin(request.url).host)
        except AddressBlocked as error:
            return error
        return None

    def answered(self) -> list[tuple[Transfer, Found]]:
        """Those who waited, with what was found; they may have ended meanwhile.

        Raises whatever is no FetchError: a bug of ours.
        """
        ready: list[tuple[Transfer, Found]] = []
        for (host, port), answer in self._resolver.answers():
            for transfer in self._asking.pop((host, port), ()):
                if isinstance(answer, FetchError):
                    # A new one for each: an error belongs to one outcome.
                    ready.append((transfer, type(answer)(str(answer), code=answer.code)))
                elif isinstance(answer, BaseException):
                    raise answer
                else:
                    ready.append((transfer, self._judged(transfer, host, answer)))
        return ready

    def _judged(self, transfer: Transfer, host: str, found: tuple[Address, ...]) -> Found:
        if transfer.request.public_only and self._proxy is None:
            try:
                check_public(host, found)
            except AddressBlocked as error:
                return error
        return found
