"""Names to addresses: what is asked, what is remembered, what is refused."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest

from crawler.errors import FetchError
from crawler.model import Network
from crawler.transports.resolve import Address, AddressCache, lookup

V4, V6 = socket.AF_INET, socket.AF_INET6


class Resolver:
    """Answers as getaddrinfo does, and counts."""

    def __init__(self, *hosts: str, error: OSError | None = None) -> None:
        self.hosts = hosts
        self.error = error
        self.asked = 0
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, host: str, port: int, family: int, kind: int) -> list[Any]:
        self.asked += 1
        self.go_on.wait(5)
        if self.error is not None:
            raise self.error
        rows = [(V6 if ":" in found else V4, kind, 6, "", (found, port)) for found in self.hosts]
        return [row for row in rows if family in {0, row[0]}]


def code(host: str, network: Network = Network(), **options: Any) -> str:
    with pytest.raises(FetchError) as caught:
        lookup(host, 80, network, **options)
    return caught.value.code


def test_families_take_turns() -> None:
    found = lookup("a.test", 80, Network(), getaddrinfo=Resolver("::1", "::2", "10.0.0.1", "::3"))

    assert [address.host for address in found] == ["::1", "10.0.0.1", "::2", "::3"]


@pytest.mark.parametrize(("family", "hosts"), [(4, ["10.0.0.1"]), (6, ["::1"])])
def test_only_the_family_that_is_wanted(family: int, hosts: list[str]) -> None:
    found = lookup("a.test", 80, Network(family=family), getaddrinfo=Resolver("::1", "10.0.0.1"))

    assert [address.host for address in found] == hosts


def test_a_literal_is_not_asked_for() -> None:
    resolver = Resolver("10.0.0.1")

    assert lookup("127.0.0.1", 8, Network(), getaddrinfo=resolver) == (Address(V4, "127.0.0.1", 8),)
    assert lookup("[::1]", 8, Network(), getaddrinfo=resolver) == (Address(V6, "::1", 8),)
    assert resolver.asked == 0


def test_a_pinned_name_is_not_asked_for() -> None:
    resolver = Resolver("10.0.0.1")
    network = Network(resolve=(("A.test", 80, "127.0.0.9"), ("a.test", 80, "::1")))

    pinned = lookup("a.test", 80, network, getaddrinfo=resolver)

    assert [address.host for address in pinned] == ["127.0.0.9", "::1"]
    assert lookup("a.test", 81, network, getaddrinfo=resolver)[0].host == "10.0.0.1"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no name"), "dns.nxdomain"),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), "dns.servfail"),
        (socket.gaierror(socket.EAI_FAIL, "failed"), "dns.servfail"),
        (UnicodeError("label too long"), "dns.bad_name"),
        (OSError(5, "broken"), "dns.servfail"),
    ],
)
def test_the_errors_of_the_resolver_have_codes(error: Any, expected: str) -> None:
    assert code("a.test", getaddrinfo=Resolver(error=error)) == expected


@pytest.mark.parametrize("host", ["a..b", "." + "a", "x" * 64 + ".test", "a." * 130 + "test"])
def test_what_can_be_no_name_is_not_asked_for(host: str) -> None:
    resolver = Resolver("10.0.0.1")

    assert code(host, getaddrinfo=resolver) == "dns.bad_name"
    assert resolver.asked == 0


def test_no_addresses_is_not_the_same_as_no_name() -> None:
    assert code("a.test", getaddrinfo=Resolver()) == "dns.no_address"
    assert code("127.0.0.1", Network(family=6)) == "dns.no_address"


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    resolver = Resolver("93.184.216.34", "127.0.0.1")

    assert code("a.test", public_only=True, getaddrinfo=resolver) == "policy.address_blocked"
    assert len(lookup("a.test", 80, Network(), getaddrinfo=resolver)) == 2


def cache(resolver: Resolver, clock: Any = time.monotonic) -> AddressCache:
    return AddressCache(Network(), getaddrinfo=resolver, clock=clock)


def test_a_name_is_asked_for_once_a_minute() -> None:
    now = [100.0]
    resolver = Resolver("10.0.0.1")
    kept = cache(resolver, lambda: now[0])

    kept.get("a.test", 80, timeout=1)
    kept.get("a.test", 80, timeout=1)
    assert resolver.asked == 1

    now[0] += 60.0
    kept.get("a.test", 80, timeout=1)
    assert resolver.asked == 2


def test_a_definite_no_is_remembered_and_a_failure_is_not() -> None:
    resolver = Resolver(error=socket.gaierror(socket.EAI_NONAME, "no name"))
    kept = cache(resolver)
    for _ in range(2):
        with pytest.raises(FetchError):
            kept.get("a.test", 80, timeout=1)
    assert resolver.asked == 1

    resolver.error = socket.gaierror(socket.EAI_AGAIN, "again")
    for _ in range(2):
        with pytest.raises(FetchError):
            kept.get("b.test", 80, timeout=1)
    assert resolver.asked == 3


def test_the_address_policy_is_asked_each_time() -> None:
    kept = cache(Resolver("10.0.0.1"))

    assert kept.get("a.test", 80, timeout=1)
    with pytest.raises(FetchError) as caught:
        kept.get("a.test", 80, timeout=1, public_only=True)

    assert caught.value.code == "policy.address_blocked"


def test_many_who_want_one_name_ask_once() -> None:
    resolver = Resolver("10.0.0.1")
    resolver.go_on.clear()
    kept = cache(resolver)
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(kept.get("a.test", 80, timeout=5)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    while not resolver.asked:
        time.sleep(0.001)

    resolver.go_on.set()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert resolver.asked == 1


def test_a_silent_resolver_is_not_waited_for() -> None:
    resolver = Resolver("10.0.0.1")
    resolver.go_on.clear()
    kept = cache(resolver)

    with pytest.raises(FetchError) as caught:
        kept.get("a.test", 80, timeout=0.02)
    resolver.go_on.set()

    assert caught.value.code == "dns.timeout"


def test_the_oldest_names_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.transports.resolve._MOST_NAMES", 3)
    resolver = Resolver("10.0.0.1")
    kept = cache(resolver)

    for name in "abcda":
        kept.get(f"{name}.test", 80, timeout=1)

    assert resolver.asked == 5
    assert kept.peek("b.test", 80) is None
