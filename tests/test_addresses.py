"""Which addresses are public: every way to spell a private one is seen through."""

from __future__ import annotations

import pytest

from crawler.addresses import is_private_name, is_public


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "255.255.255.255", "224.0.0.1", "198.18.0.1", "240.0.0.1", "::", "::1", "fe80::1",
     "fe80::1%eth0", "fec0::1", "fc00::1", "ff02::1", "::127.0.0.1", "::ffff:127.0.0.1",
     "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1",
     "2001:db8::1", "not an address", ""],
)  # fmt: skip
def test_private_and_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("host", "is_private"),
    [
        ("10.0.0.1", True),
        ("::1", True),
        ("fe80::1%lo", True),
        ("8.8.8.8", False),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("a.localhost", True),
        ("printer.local", True),
        ("metadata.google.internal", True),
        ("router.home.arpa", True),
        ("intranet", True),
        ("intranet.", True),
        ("example.org", False),
        ("local.example", False),
        ("notlocalhost.org", False),
    ],
)
def test_a_host_may_say_by_itself_that_it_is_private(host: str, is_private: bool) -> None:
    assert is_private_name(host) is is_private
