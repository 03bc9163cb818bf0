"""Memory for bodies: beyond it all wait but the first."""

from __future__ import annotations

import threading
from typing import Any

from crawler.model import Limits, Network, Request
from crawler.transports._attempt import Attempt
from crawler.transports._bodies import Bodies
from crawler.transports.via_socket import SocketTransport

LIMITS = Limits(bodies=1000)


def attempt(limits: Limits = LIMITS) -> Attempt:
    return Attempt(Request("http://a.test/"), limits)


def test_with_room_nobody_waits() -> None:
    bodies = Bodies(lambda _: None)
    one, other = attempt(), attempt()

    assert not bodies.hold(one, 400)
    assert not bodies.hold(other, 600)
    assert not bodies.hold(one, 400)


def test_without_room_the_second_waits_for_the_first() -> None:
    first, second = attempt(), attempt()
    bodies = Bodies(lambda _: bodies.release(first))

    assert not bodies.hold(first, 2000)

    assert bodies.hold(second, 500)
    assert not bodies.hold(second, 900)


def test_a_wait_for_room_ends_at_the_deadline() -> None:
    bodies = Bodies(lambda _: None)
    late = attempt(Limits(bodies=1000, timeout=0.0))

    bodies.hold(attempt(), 2000)

    assert not bodies.hold(late, 10)


def test_bodies_that_do_not_fit_together_come_one_after_the_other(serve: Any) -> None:
    def talk(server: Any, connection: Any) -> None:
        server.read(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n")
        for _ in range(30):
            connection.sendall(b"x" * 10_000)
            server.rest(0.001)

    server = serve(talk)
    transport = SocketTransport(Network(), concurrency=4)
    limits = Limits(bodies=100_000)
    sizes: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: sizes.append(len(transport.exchange(Request(server.url), limits).body))
        )
        for _ in range(4)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sizes == [300_000] * 4
    transport.close()
