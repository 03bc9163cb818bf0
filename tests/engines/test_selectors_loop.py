"""What is peculiar to the loop engine; what it shares with the others is in test_contract.py."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import trustme

from crawler.drive import drive
from crawler.engines import selectors_loop
from crawler.engines._resolve import Resolver
from crawler.model import Limits, Network, Request, Response, most_idle

SMALL = Limits(timeout=3.0, connect=1.0, first_byte=1.0, idle=1.0, dns=1.0, stagger=0.05)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """A raw server: `answer(connection, number)` is run in a thread for each connection."""

    def __init__(self, answer, *, host="127.0.0.1", backlog=1024):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.bind((host, 0))
        self.listener.listen(backlog)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.accepted = 0
        self.open = []
        self.threads = []
        self.answer = answer
        self.accepter = threading.Thread(target=self._accept, daemon=True)
        self.accepter.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            self.open.append(connection)
            thread = threading.Thread(
                target=self._run, args=(connection, self.accepted), daemon=True
            )
            self.threads.append(thread)
            thread.start()

    def _run(self, connection, number):
        with contextlib.suppress(OSError, ssl.SSLError):
            self.answer(connection, number)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.accepter.join()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for connection in self.open:
            connection.close()


@pytest.fixture
def serve():
    servers = []

    def start(answer, **options):
        servers.append(Server(answer, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def start_engine():
    engines = []

    def start(*, concurrency=10, limits=SMALL, resolver=None, **network):
        engine = selectors_loop.SelectorsLoop(
            concurrency=concurrency, limits=limits, network=Network(**network), resolver=resolver
        )
        engines.append(engine)
        return engine

    yield start
    for engine in engines:
        engine.close()


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


class Listed:
    def __init__(self, requests):
        self.requests = iter(requests)

    def take(self):
        return next(self.requests, None)


def run(engine, requests, concurrency=10):
    turns = drive(engine, Listed(requests), concurrency)
    return [outcome for ended in turns for outcome in ended]


def one(engine, request):
    (outcome,) = run(engine, [request if isinstance(request, Request) else Request(request)])
    return outcome


def head(connection):
    """The bytes of a request, its head at least; b"" at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    return data


def good(connection, _number):
    while head(connection):
        connection.sendall(OK)


@contextlib.contextmanager
def blackhole(host="127.0.0.1"):
    """A port whose SYNs are dropped: the backlog is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((host, 0))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.mark.skipif(sys.platform != "linux", reason="every 127.x.y.z is local only on Linux")
def test_a_blackholed_first_address_costs_one_stagger(serve, start_engine):
    with blackhole("127.0.0.2") as port:
        listener = socket.create_server(("127.0.0.3", port))
        with listener:

            def accept():
                with listener.accept()[0] as connection:
                    good(connection, 1)

            thread = threading.Thread(target=accept, daemon=True)
            thread.start()
            resolve = (("two.test", port, "127.0.0.2"), ("two.test", port, "127.0.0.3"))
            engine = start_engine(resolve=resolve)

            outcome = one(engine, f"http://two.test:{port}/")

            engine.close()
            thread.join()
    assert isinstance(outcome, Response)
    assert outcome.peer == f"127.0.0.3 {port}"
    assert SMALL.stagger <= outcome.timing.connect < SMALL.connect


def test_addresses_that_refuse_do_not_cost_a_stagger(serve, start_engine):
    server = serve(good)
    limits = Limits(stagger=5.0, timeout=3.0)
    addresses = ("127.0.0.2", "127.0.0.3", "127.0.0.1")
    resolve = tuple(("three.test", server.port, address) for address in addresses)
    engine = start_engine(limits=limits, resolve=resolve)

    outcome = one(engine, f"http://three.test:{server.port}/")

    assert outcome.peer == f"127.0.0.1 {server.port}"


def test_without_any_address_that_answers_the_connect_times_out(start_engine):
    with blackhole() as port:
        engine = start_engine(limits=Limits(connect=0.1, timeout=3.0))

        outcome = one(engine, f"http://127.0.0.1:{port}/")

    assert (outcome.code, outcome.error.retry) == ("connect.timeout", "backoff")


def test_a_connection_closed_while_idle_is_not_used_again(serve, start_engine):
    closed = threading.Event()

    def answer(connection, number):
        head(connection)
        connection.sendall(OK)
        if number == 1:
            connection.shutdown(socket.SHUT_WR)
            closed.set()
        good(connection, number)

    server = serve(answer)
    engine = start_engine()
    first = one(engine, server.url)
    closed.wait()

    second = one(engine, server.url)

    assert (first.reused, second.reused, server.accepted) == (False, False, 2)


def test_a_get_whose_kept_connection_dies_unanswered_is_sent_again_at_once(serve, start_engine):
    def answer(connection, number):
        head(connection)
        connection.sendall(OK)
        head(connection)
        if number > 1:
            connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)

    server = serve(answer)
    engine = start_engine()
    one(engine, server.url)

    outcome = one(engine, server.url)

    assert isinstance(outcome, Response)
    assert (outcome.reused, server.accepted) == (False, 2)


def test_a_post_whose_kept_connection_dies_unanswered_is_not(serve, start_engine):
    def answer(connection, _number):
        head(connection)
        connection.sendall(OK)
        head(connection)
        connection.shutdown(socket.SHUT_RDWR)

    server = serve(answer)
    engine = start_engine()
    one(engine, server.url)

    outcome = one(engine, Request(server.url + "/", method="POST", body=b"x"))

    assert outcome.code in {"net.empty_reply", "net.reset"}
    assert server.accepted == 1


def test_bytes_on_an_idle_connection_never_become_an_answer(serve, start_engine):
    sent = threading.Event()

    def answer(connection, number):
        head(connection)
        connection.sendall(OK)
        if number == 1:
            connection.sendall(OK.replace(b"ok", b"NO"))
        sent.set()
        good(connection, number)

    server = serve(answer)
    engine = start_engine()
    one(engine, server.url)
    sent.wait()
    time.sleep(0.005)

    second = one(engine, server.url)

    assert (second.body, server.accepted) == (b"ok", 2)


def test_keep_alive_ends_after_the_number_of_requests_allowed(serve, start_engine):
    server = serve(good)
    engine = start_engine(limits=Limits(keep_requests=3))

    outcomes = run(engine, [Request(f"{server.url}/{n}") for n in range(7)], concurrency=1)

    assert [outcome.reused for outcome in outcomes] == [False, True, True] * 2 + [False]


def test_idle_connections_are_bounded_and_hosts_that_take_turns_keep_theirs(serve, start_engine):
    servers = [serve(good) for _ in range(5)]
    engine = start_engine(concurrency=1)

    first = run(engine, [Request(server.url) for server in servers], concurrency=1)
    again = run(engine, [Request(server.url) for server in servers[1:]], concurrency=1)

    assert len(engine._kept) == most_idle(1) == 4
    assert [outcome.reused for outcome in first + again] == [False] * 5 + [True] * 4


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
def test_closing_gives_back_every_descriptor(start_engine):
    before = descriptors()
    server = Server(lambda connection, _number: head(connection) and connection.recv(1))
    engine = start_engine()
    for n in range(5):
        engine.start(Request(f"{server.url}/{n}"))
    engine.start(Request("http://localhost:1/"))
    while server.accepted < 5:
        engine.wait(0.001)

    engine.close()
    server.close()

    assert descriptors() == before


def test_a_thousand_connections_at_once(serve, start_engine):
    number = 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3 * number:
        pytest.skip("needs 3000 descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3 * number), hard))
    program = Path(__file__).parent.parent / "scripts" / "loop_server.py"
    with subprocess.Popen(
        [sys.executable, program, str(number)], stdout=subprocess.PIPE, text=True
    ) as child:
        port = int(child.stdout.readline())
        try:
            engine = start_engine(concurrency=number, limits=Limits(timeout=8.0))

            outcomes = run(
                engine, [Request(f"http://127.0.0.1:{port}/{n}") for n in range(number)], number
            )
            engine.close()
        finally:
            child.terminate()

    # The server answers none before all have come.
    assert {outcome.ok for outcome in outcomes} == {True}
    assert sorted(int(outcome.body) for outcome in outcomes) == list(range(number))


def test_connects_are_spread_over_turns(start_engine):
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        engine = start_engine(concurrency=300)
        for n in range(300):
            engine.start(Request(f"http://127.0.0.1:{listener.getsockname()[1]}/{n}"))
        at_once = engine._open

        engine.wait(0.0)

        assert (at_once, engine._open) == (256, 300)


@pytest.mark.parametrize("allowed", [12, 20])
def test_without_descriptors_fewer_connections_do_the_same_work(serve, allowed):
    gate = threading.Event()

    def answer(connection, _number):
        while head(connection):
            gate.wait(0.01)
            connection.sendall(OK)

    server = serve(answer)
    program = Path(__file__).parent.parent / "scripts" / "loop_starved.py"

    done = subprocess.run(
        [sys.executable, program, server.url, str(allowed)],
        capture_output=True,
        text=True,
        timeout=8,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        check=False,
    )

    assert done.stdout == "100 fetched\n", done.stderr
    assert done.stderr.count("out of descriptors") == 1


def test_without_any_descriptor_the_request_fails_as_our_own_fault(serve):
    server = serve(good)
    program = Path(__file__).parent.parent / "scripts" / "loop_starved.py"

    done = subprocess.run(
        [sys.executable, program, server.url, "0"],
        capture_output=True,
        text=True,
        timeout=8,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        check=False,
    )

    assert done.stdout == "local.too_many_files " * 100 + "\n", done.stderr


def test_a_silent_resolver_does_not_stop_other_hosts(serve, start_engine):
    server = serve(good)
    asked, release = [], threading.Event()

    def getaddrinfo(host, port, *_):
        asked.append(host)
        if host.startswith("silent"):
            release.wait(5)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    limits = Limits(dns=0.3, timeout=3.0)
    resolver = Resolver(Network(), getaddrinfo=getaddrinfo)
    engine = start_engine(limits=limits, resolver=resolver)
    names = [f"silent{n}.test" for n in range(20)] + ["good.test"] * 20
    requests = [Request(f"http://{name}:{server.port}/") for name in names]

    outcomes = run(engine, requests, concurrency=40)
    release.set()

    assert [o.status for o in outcomes[:20]] == [200] * 20
    assert {o.code for o in outcomes[20:]} == {"dns.timeout"}
    assert asked.count("good.test") == 1


def test_bodies_under_way_stay_within_their_budget_and_all_arrive(serve, start_engine):
    size, number = 400_000, 8

    def answer(connection, _number):
        head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        connection.sendall(bytes(size))

    server = serve(answer)
    engine = start_engine(limits=Limits(bodies=500_000, timeout=5.0))
    most = 0
    for n in range(number):
        engine.start(Request(f"{server.url}/{n}"))
    outcomes = []
    while len(outcomes) < number:
        outcomes += engine.wait(0.001)
        most = max(most, engine.budget.held)

    assert [len(outcome.body) for outcome in outcomes] == [size] * number
    # One goes on beyond the budget, and each of the others may have read once more.
    assert most <= 500_000 + size + number * 65536
    assert engine.budget.held == 0


def test_https_goes_through_a_tunnel_of_the_proxy(serve, start_engine, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("example.test").configure_cert(settings)
    seen = []

    def answer(connection, _number):
        seen.append(head(connection))
        connection.sendall(b"HTTP/1.0 200 Connection established\r\n\r\n")
        with settings.wrap_socket(connection, server_side=True) as secured:
            while data := head(secured):
                seen.append(data)
                secured.sendall(OK)

    server = serve(answer)
    proxy = f"http://user:secret@127.0.0.1:{server.port}"
    engine = start_engine(proxy=proxy, ca_file=tmp_path / "ca.pem")

    outcomes = run(
        engine, [Request("https://example.test/a"), Request("https://example.test/b")], 1
    )

    assert [outcome.body for outcome in outcomes] == [b"ok", b"ok"]
    assert [outcome.reused for outcome in outcomes] == [False, True]
    assert seen[0].startswith(b"CONNECT example.test:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n" in seen[0]
    assert all(b"Proxy-Authorization" not in data for data in seen[1:])


def test_http_gives_the_proxy_the_absolute_url_and_shares_its_connections(serve, start_engine):
    seen = []

    def answer(connection, _number):
        while data := head(connection):
            seen.append(data.split(b"\r\n")[0])
            connection.sendall(OK)

    server = serve(answer)
    engine = start_engine(proxy=server.url)

    run(engine, [Request("http://a.test/x"), Request("http://b.test/y")], concurrency=1)

    assert seen == [b"GET http://a.test/x HTTP/1.1", b"GET http://b.test/y HTTP/1.1"]
    assert server.accepted == 1


def test_behind_a_proxy_a_spelled_out_private_address_is_refused(serve, start_engine):
    server = serve(good)
    engine = start_engine(proxy=server.url)
    assert one(engine, Request("http://93.184.216.34/", public_only=True)).ok

    outcome = one(engine, Request("http://127.0.0.1/inside", public_only=True))

    assert outcome.code == "policy.address_blocked"


def test_a_tls_session_is_taken_up_by_the_next_connection(serve, start_engine, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(settings)
    resumed = []

    def answer(connection, _number):
        with settings.wrap_socket(connection, server_side=True) as secured:
            resumed.append(secured.session_reused)
            head(secured)
            secured.sendall(OK)

    server = serve(answer)
    engine = start_engine(ca_file=tmp_path / "ca.pem")

    for _ in range(2):
        outcome = one(engine, f"https://127.0.0.1:{server.port}/")
        assert outcome.body == b"ok"

    assert resumed == [False, True]


def test_a_dripped_body_ends_at_the_deadline_with_what_had_come(serve, start_engine):
    done = threading.Event()

    def answer(connection, _number):
        head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        while not done.wait(0.01):
            connection.sendall(b"x")

    server = serve(answer)
    engine = start_engine(limits=Limits(timeout=0.2, idle=1.0))

    outcome = one(engine, server.url)
    done.set()

    assert outcome.code == "timeout.deadline"
    assert outcome.error.partial.truncated == "time"
    assert 0.2 <= outcome.elapsed < 1.0


def test_a_kept_connection_to_a_private_address_serves_no_public_page(serve, start_engine):
    server = serve(good)
    engine = start_engine()
    assert one(engine, Request(server.url)).ok

    outcome = one(engine, Request(server.url, public_only=True))

    assert outcome.code == "policy.address_blocked"
    assert server.accepted == 1


def test_closing_abandons_what_is_under_way(serve, start_engine):
    server = serve(lambda connection, _number: connection.recv(1 << 20) and connection.recv(1))
    engine = start_engine()
    before = threading.active_count()
    for n in range(5):
        engine.start(Request(f"{server.url}/{n}"))
    engine.start(Request("http://localhost:1/"))
    engine.wait(0.02)

    engine.close()

    assert all(not t.name.startswith("crawler-dns") for t in threading.enumerate())
    assert threading.active_count() <= before + 5


def test_with_nothing_under_way_only_the_time_passes(start_engine):
    engine = start_engine()
    begun = time.monotonic()

    assert engine.wait(None) == []
    assert engine.wait(0.02) == []
    assert 0.02 <= time.monotonic() - begun < 0.5
