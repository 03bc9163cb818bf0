"""From addresses to a connection: races, limits, and whose fault a failure is."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.errors import FetchError
from crawler.model import Limits, Network, Request
from crawler.transports._attempt import Attempt
from crawler.transports._dial import Dialer, connect_error
from crawler.transports.resolve import Address

LIMITS = Limits(connect=0.4, stagger=0.05, timeout=2.0)


@pytest.fixture
def deaf() -> Iterator[int]:
    """The port of a listener whose queue is full: it answers no SYN any more."""
    if not Path("/proc/sys/net/ipv4").is_dir():
        pytest.skip("full listen queues drop SYNs on Linux only")
    with socket.socket() as listener:
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        time.sleep(0.02)
        yield listener.getsockname()[1]
        for sock in waiting:
            sock.close()


def dialler(port: int, *addresses: str) -> tuple[Dialer, Attempt]:
    network = Network(resolve=tuple(("a.test", port, address) for address in addresses))
    return Dialer(network), Attempt(Request(f"http://a.test:{port}/"), LIMITS)


def test_the_next_address_is_tried_when_the_first_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dialer, attempt = dialler(listener.getsockname()[1], "127.0.0.3", "127.0.0.1")

        stream = dialer.dial(attempt)

        assert stream.address.host == "127.0.0.1"
        stream.close()


def test_a_silent_address_costs_one_stagger(deaf: int) -> None:
    with socket.create_server(("127.0.0.1", deaf)):
        dialer, attempt = dialler(deaf, "127.0.0.2", "127.0.0.1")
        began = time.monotonic()

        stream = dialer.dial(attempt)

        assert stream.address.host == "127.0.0.1"
        assert time.monotonic() - began < LIMITS.connect
        stream.close()


def test_silence_everywhere_ends_at_the_limit(deaf: int) -> None:
    dialer, attempt = dialler(deaf, "127.0.0.2")

    with pytest.raises(FetchError) as caught:
        dialer.dial(attempt)

    assert caught.value.code == "connect.timeout"


def test_the_last_failure_is_told_when_all_fail(deaf: int) -> None:
    dialer, attempt = dialler(deaf, "127.0.0.2", "127.0.0.3")

    with pytest.raises(FetchError) as caught:
        dialer.dial(attempt)

    assert caught.value.code == "connect.timeout"


@pytest.mark.usefixtures("fds")
def test_no_descriptor_is_left_by_a_race(deaf: int) -> None:
    with socket.create_server(("127.0.0.1", deaf)) as listener:
        dialer, attempt = dialler(deaf, "127.0.0.2", "127.0.0.3", "127.0.0.1")

        dialer.dial(attempt).close()
        listener.accept()[0].close()


def test_a_dialler_that_was_aborted_dials_no_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dialer, attempt = dialler(listener.getsockname()[1], "127.0.0.1")
        dialer.abort()

        with pytest.raises(FetchError):
            dialer.dial(attempt)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ECONNREFUSED, "connect.refused"),
        (errno.EHOSTUNREACH, "connect.unreachable"),
        (errno.ENETUNREACH, "connect.unreachable"),
        (errno.ECONNRESET, "connect.reset"),
        (errno.ETIMEDOUT, "connect.timeout"),
        (errno.EMFILE, "local.too_many_files"),
        (errno.ENFILE, "local.too_many_files"),
        (errno.EADDRNOTAVAIL, "local.no_ports"),
    ],
)
def test_the_kernel_says_whose_fault_it_is(number: int, code: str) -> None:
    address = Address(socket.AF_INET, "192.0.2.1", 80)

    assert connect_error(OSError(number, "said"), address).code == code
