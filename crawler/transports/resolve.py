"""Host names to addresses: a look-up, and a cache that asks once for each name.

    lookup("example.org", 443, network) -> (Address(...), Address(...))

Facts. getaddrinfo blocks, cannot be called off and knows no time limit (resolv.conf's is 2 x 5 s),
so it runs beside the caller, who waits as long as `Limits.dns` says. It tells NXDOMAIN (EAI_NONAME)
from a name without addresses (EAI_NODATA), but not SERVFAIL from silence (both EAI_AGAIN).
Families are interleaved as RFC 8305 section 4 wants, so that a dead IPv6 costs one stagger.
Read beside it: _dial.py (who connects to them), addresses.py (which are public).
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from crawler.addresses import is_private_name, is_public
from crawler.errors import AddressBlocked, FetchError, FetchTimeout, ResolveError

if TYPE_CHECKING:
    from crawler.model import Network

GetAddrInfo: TypeAlias = Callable[..., Sequence[tuple[int, int, int, str, tuple[object, ...]]]]

_MOST_NAMES = 10_000
_TTL = 60.0  # seconds; getaddrinfo does not tell the record's own
_LONGEST_NAME = 253  # characters, RFC 1035 2.3.4 without the root's
_LONGEST_LABEL = 63  # characters, RFC 1035 2.3.4
_DEFINITE = frozenset({"dns.nxdomain", "dns.no_address", "dns.bad_name"})  # worth remembering


class Address(NamedTuple):
    """Where to connect to."""

    family: int  # socket.AF_INET or socket.AF_INET6
    host: str  # a literal
    port: int


class Event(Protocol):
    """The part of threading.Event and gevent.event.Event that is used here."""

    def set(self) -> None:
        """Wake who waits."""
        ...

    def wait(self, timeout: float | None = None) -> object:
        """Block until set, or until the time has passed."""
        ...

    def is_set(self) -> bool:
        """Whether it was set."""
        ...


def lookup(
    host: str,
    port: int,
    network: Network,
    *,
    public_only: bool = False,
    getaddrinfo: GetAddrInfo | None = None,
) -> tuple[Address, ...]:
    """The addresses of `host`, best first, families in turn. Blocks as long as the resolver does.

    Raises:
        ResolveError: there is none.
        AddressBlocked: `public_only`, and one of them is private.
    """
    known = _without_dns(host, port, network)
    if known is None:
        known = _interleaved(_asked(host, port, network, getaddrinfo or socket.getaddrinfo))
    if public_only:
        check_public(host, known)
    return known


def check_public(host: str, addresses: tuple[Address, ...]) -> None:
    """Raise AddressBlocked when one of the addresses is not public: a name may not mix the two."""
    for address in addresses:
        if not is_public(address.host):
            raise AddressBlocked(
                f"{host} has the private address {address.host}, and a public page led to it",
                code="policy.address_blocked",
            )


def check_name(host: str) -> None:
    """Raise AddressBlocked when the host says by itself that it is private.

    All there is to check behind a proxy: what any other name means only the proxy knows.
    """
    if is_private_name(host):
        raise AddressBlocked(
            f"{host} is private, and a public page led to it", code="policy.address_blocked"
        )


class AddressCache:
    """`lookup` remembered for a minute, asked once at a time for each name, bounded in time.

    Threads and greenlets share one. What differs between them comes in from outside.

    Args:
        network: whose `resolve` and `family` hold.
        getaddrinfo: the look-up; None means socket's.
        start: runs a function beside the caller.
        event: makes what the caller waits on until it has ended.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        network: Network,
        *,
        getaddrinfo: GetAddrInfo | None = None,
        start: Callable[[Callable[[], None]], object] | None = None,
        event: Callable[[], Event] = threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._network = network
        self._getaddrinfo = getaddrinfo
        self._start = start or _in_thread
        self._event = event
        self._clock = clock
        self._answers: dict[tuple[str, int], _Answer] = {}
        self._asking: dict[tuple[str, int], _Question] = {}
        # Held for a few dictionary operations, never across a wait: safe among greenlets, too.
        self._lock = threading.Lock()

    def peek(
        self, host: str, port: int, *, public_only: bool = False
    ) -> tuple[Address, ...] | FetchError | None:
        """What is known without asking: addresses, the error, or None."""
        answer = self._answers.get((host, port))
        if answer is None:
            try:
                known = _without_dns(host, port, self._network)
            except ResolveError as error:
                return error
            if known is None:
                return None
            answer = _Answer(known, None, self._clock() + _TTL)
            self._keep((host, port), answer)
        elif answer.expires <= self._clock():
            return None
        try:
            return answer.give(host, public_only=public_only)
        except FetchError as error:
            return error

    def get(
        self, host: str, port: int, *, public_only: bool = False, timeout: float
    ) -> tuple[Address, ...]:
        """The addresses of `host`; blocks for `timeout` seconds at most.

        Raises:
            ResolveError: there is none.
            FetchTimeout: ``dns.timeout``, the resolver has not answered; a late answer is kept.
            AddressBlocked: `public_only`, and one of them is private.
        """
        known = self.peek(host, port, public_only=public_only)
        if known is None:
            question = self._ask(host, port)
            question.answered.wait(timeout)
            if question.bug is not None:
                raise question.bug
            if question.answer is None:
                raise FetchTimeout(
                    f"no answer from DNS for {host} in {timeout:.3g} s", code="dns.timeout"
                )
            return question.answer.give(host, public_only=public_only)
        if isinstance(known, FetchError):
            raise known
        return known

    def abandon(self) -> None:
        """Wake everyone who waits for an answer, without one."""
        for question in tuple(self._asking.values()):
            question.answered.set()

    def _ask(self, host: str, port: int) -> _Question:
        key = (host, port)
        with self._lock:
            question = self._asking.get(key)
            if question is not None:
                return question
            question = self._asking[key] = _Question(self._event())
        self._start(lambda: self._resolve(key, question))
        return question

    def _resolve(self, key: tuple[str, int], question: _Question) -> None:
        try:
            answer = self._looked_up(key)
        except BaseException as error:
            question.bug = error
            raise
        else:
            question.answer = answer
            if answer.error is None or answer.error.code in _DEFINITE:
                self._keep(key, answer)
        finally:
            with self._lock:
                self._asking.pop(key, None)
            question.answered.set()

    def _looked_up(self, key: tuple[str, int]) -> _Answer:
        try:
            found = lookup(*key, self._network, getaddrinfo=self._getaddrinfo)
        except FetchError as error:
            return _Answer((), error, self._clock() + _TTL)
        return _Answer(found, None, self._clock() + _TTL)

    def _keep(self, key: tuple[str, int], answer: _Answer) -> None:
        with self._lock:
            self._answers.pop(key, None)
            while len(self._answers) >= _MOST_NAMES:
                del self._answers[next(iter(self._answers))]
            self._answers[key] = answer


class _Answer(NamedTuple):
    addresses: tuple[Address, ...]
    error: FetchError | None
    expires: float  # monotonic

    def give(self, host: str, *, public_only: bool) -> tuple[Address, ...]:
        if self.error is not None:
            # A new one each time: a raised exception collects tracebacks.
            raise type(self.error)(str(self.error), code=self.error.code)
        if public_only:
            check_public(host, self.addresses)
        return self.addresses


class _Question:
    """A look-up under way."""

    def __init__(self, answered: Event) -> None:
        self.answered = answered
        self.answer: _Answer | None = None
        self.bug: BaseException | None = None


def _in_thread(function: Callable[[], None]) -> None:
    # A daemon, because a resolver that hangs must not keep the program from ending.
    threading.Thread(target=function, name="crawler-dns", daemon=True).start()


def _without_dns(host: str, port: int, network: Network) -> tuple[Address, ...] | None:
    """Pinned addresses and literals; None for a name that has to be asked for."""
    pinned = [
        pin for name, at, pin in network.resolve if at == port and name.lower() == host.lower()
    ]
    if pinned:
        literals = [_literal(pin, port) for pin in pinned]
        if None in literals:
            raise ResolveError(f"{host} is pinned to what is no address: {pinned}")
        found = [literal for literal in literals if literal is not None]
    else:
        literal = _literal(host, port)
        if literal is None:
            return None
        found = [literal]
    wanted = [address for address in found if _family_fits(address, network)]
    if not wanted:
        raise ResolveError(f"{host} is no IPv{network.family} address", code="dns.no_address")
    return tuple(wanted)


def _literal(host: str, port: int) -> Address | None:
    try:
        parsed = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6
    return Address(family, str(parsed), port)


def _family_fits(address: Address, network: Network) -> bool:
    return network.family == 0 or (network.family == 6) == (address.family == socket.AF_INET6)


def _asked(
    host: str,
    port: int,
    network: Network,
    getaddrinfo: GetAddrInfo,
) -> list[Address]:
    labels = host.removesuffix(".").split(".")
    if len(host) > _LONGEST_NAME + 1 or not all(0 < len(n) <= _LONGEST_LABEL for n in labels):
        raise ResolveError(f"no DNS name can be {host[:80]!r}", code="dns.bad_name")
    families = {4: socket.AF_INET, 6: socket.AF_INET6}
    try:
        rows = getaddrinfo(
            host, port, families.get(network.family, socket.AF_UNSPEC), socket.SOCK_STREAM
        )
    except UnicodeError as error:
        raise ResolveError(f"no DNS name can be {host[:80]!r}", code="dns.bad_name") from error
    except OSError as error:
        raise _unresolved(host, error, network.family) from error
    found = [
        Address(int(family), str(where[0]), port)
        for family, _, _, _, where in rows
        if family in {socket.AF_INET, socket.AF_INET6}
    ]
    if not found:
        raise ResolveError(f"{host} has no address", code="dns.no_address")
    return list(dict.fromkeys(found))


def _unresolved(host: str, error: OSError, family: int) -> ResolveError:
    if isinstance(error, socket.gaierror):
        if error.errno == socket.EAI_NONAME and family:
            # Asked for one family alone, a name that has only the other one looks unknown.
            message = f"{host} has no IPv{family} address, or there is no such host"
            return ResolveError(message, code="dns.no_address")
        if error.errno == socket.EAI_NONAME:
            return ResolveError(f"no such host: {host}")
        if error.errno in {getattr(socket, "EAI_NODATA", None), socket.EAI_FAMILY}:
            return ResolveError(f"{host} has no address", code="dns.no_address")
        if error.errno == getattr(socket, "EAI_ADDRFAMILY", None):
            return ResolveError(f"{host} has no address of that family", code="dns.no_address")
    return ResolveError(f"DNS failed for {host}: {error.strerror or error}", code="dns.servfail")


def _interleaved(addresses: list[Address]) -> tuple[Address, ...]:
    if not addresses:
        return ()
    first = [address for address in addresses if address.family == addresses[0].family]
    other = [address for address in addresses if address.family != addresses[0].family]
    mixed: list[Address] = []
    for position, address in enumerate(first):
        mixed.append(address)
        if position < len(other):
            mixed.append(other[position])
    return tuple(mixed + other[len(first) :])
