"""What is peculiar to completions: memory that is the kernel's, a full queue, a refusal."""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from crawler import engines, fetch_all
from crawler.engines._ring import RECV, SEND, Ring
from crawler.model import Limits, Response
from crawler.serving.fixture import Site

Child = Callable[..., subprocess.CompletedProcess[str]]

REFUSED = engines.unavailable("uring")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="io_uring is Linux's")
needs_ring = pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "it runs")


class Told:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.ends: list[tuple[int, int, bytes]] = []

    def completed(self, kind: int, result: int, data: bytes) -> None:
        self.ends.append((kind, result, data))


@needs_ring
def test_bytes_come_with_the_completion() -> None:
    ring, told = Ring(), Told()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ring.recv(told, ours.fileno())
        ring.enter(0, 0.0)
        ring.take(10)
        assert told.ends == []
        ring.send(told, theirs.fileno(), b"hello")
        ring.enter(2, 1.0)
        ring.take(10)
        ring.close()

    assert sorted(told.ends) == [(SEND, 5, b""), (RECV, 5, b"hello")]


@needs_ring
def test_more_completions_than_the_queue_holds_are_not_lost() -> None:
    ring, told = Ring(entries=4, completions=4, buffers=64), Told()
    pairs = [socket.socketpair() for _ in range(40)]
    for number, (ours, theirs) in enumerate(pairs):
        ring.recv(told, ours.fileno())
        theirs.send(b"%d" % number)
    ring.enter(0, 0.0)
    for _ in range(40):
        ring.enter(0, 0.0)
        ring.take(3)
    ring.close()
    for pair in pairs:
        for sock in pair:
            sock.close()

    assert {data for _, _, data in told.ends} == {b"%d" % number for number in range(40)}


@needs_ring
def test_a_read_without_a_buffer_in_stock_leaves_the_bytes_where_they_are() -> None:
    ring, told = Ring(buffers=1), Told()
    pairs = [socket.socketpair() for _ in range(2)]
    for ours, theirs in pairs:
        theirs.send(b"hello")
        ring.recv(told, ours.fileno())
    ring.enter(2, 1.0)
    ring.take(10)
    assert sorted(told.ends) == [(RECV, -errno.ENOBUFS, b""), (RECV, 5, b"hello")]
    ring.recv(told, pairs[1][0].fileno())
    ring.enter(1, 1.0)
    ring.take(10)
    ring.close()
    for pair in pairs:
        for sock in pair:
            sock.close()

    assert told.ends[-1] == (RECV, 5, b"hello")


@needs_ring
def test_what_is_under_way_ends_before_the_memory_goes() -> None:
    ring, told = Ring(), Told()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(True)
        ring.recv(told, ours.fileno())
        ring.send(told, ours.fileno(), b"x" * 10_000_000)  # more than the peer's socket takes
        ring.enter(0, 0.0)
        ring.close()

    assert sorted(kind for kind, _, _ in told.ends) == [SEND, RECV]


@needs_ring
def test_a_socket_that_is_closed_takes_its_read_with_it() -> None:
    ring, told = Ring(), Told()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        number = ring.recv(told, ours.fileno())
        ring.cancel(number)
        ring.enter(1, 1.0)
        ours.close()
        theirs.settimeout(1.0)
        assert theirs.recv(1) == b""
        ring.take(10)
        ring.close()

    assert told.ends == [(RECV, -errno.ECANCELED, b"")]


@needs_ring
@pytest.mark.timeout(30)
def test_nothing_is_left_of_many_that_were_opened_and_closed(child: Child, site: Site) -> None:
    done = child("uring_cycles.py", f"{site.url}/page/1?delay=20", "500", timeout=25.0)

    assert done.returncode == 0, done.stderr
    before, after = json.loads(done.stdout)
    assert after[:2] == [before[0], 0]
    assert after[2] - before[2] < 20  # mappings
    assert after[3] - before[3] < 1000  # pages


class Large(BaseHTTPRequestHandler):
    """Answers with more than fits into one buffer."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "300000")
        self.end_headers()
        self.wfile.write(self.path.encode().ljust(300_000, b"."))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@needs_ring
def test_bodies_larger_than_a_buffer_and_than_the_budget_are_whole() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Large) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        urls = [f"http://127.0.0.1:{server.server_port}/{number}" for number in range(12)]

        limits = Limits(bodies=400_000)
        outcomes = list(fetch_all(urls, engine="uring", concurrency=12, limits=limits))

        server.shutdown()
    bodies = {outcome.body for outcome in outcomes if isinstance(outcome, Response)}
    assert bodies == {(b"/%d" % number).ljust(300_000, b".") for number in range(12)}


@needs_ring
def test_a_name_is_looked_up_beside_the_ring(site: Site) -> None:
    url = site.url.replace("127.0.0.1", "localhost") + "/page/1"

    (outcome,) = fetch_all([url], engine="uring", limits=Limits(retries=0))

    assert outcome.ok


@needs_ring
def test_an_interrupt_ends_the_wait_and_loses_nothing(child: Child, site: Site) -> None:
    done = child("loop_interrupted.py", "uring", f"{site.url}/page/1?delay=150")

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["interrupted", "200"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS, errno.ENOMEM, errno.EINVAL])
def test_a_kernel_that_refuses_is_told_of(child: Child, number: int) -> None:
    done = child("uring_refused.py", str(number))

    assert done.returncode == 0, done.stderr
    reason, kind = done.stdout.splitlines()
    assert errno.errorcode[number] in reason
    assert kind == "EngineUnavailable"


def test_the_list_of_engines_says_that_it_cannot_run_here(child: Child) -> None:
    done = child("uring_refused.py", str(errno.EPERM), "crawler", "engines")

    assert done.returncode == 0, done.stderr
    assert "cannot run here: engine 'uring': io_uring was refused (EPERM)" in done.stdout


def test_the_contract_is_skipped_with_the_reason_not_passed(child: Child) -> None:
    program = ("pytest", "-q", "-rs", "-p", "no:cacheprovider", "tests/engines/test_contract.py")

    done = child("uring_refused.py", str(errno.EPERM), *program, "-k", "uring and one_outcome")

    assert done.returncode == 0, done.stderr
    assert "skipped" in done.stdout
    assert "io_uring was refused (EPERM)" in done.stdout
    assert "passed" not in done.stdout
