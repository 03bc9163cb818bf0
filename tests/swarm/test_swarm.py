"""Both ways to run a swarm, against servers that behave and servers that do not."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading

import pytest

from crawler.dialogue import Plan, message
from crawler.swarm_command import WAYS

BY = pytest.mark.parametrize("by", WAYS)


def echo(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        sock.sendall(data)


def silent(sock: socket.socket) -> None:
    while sock.recv(65536):
        pass


def swap(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        sock.sendall(data[:-2] + b"!\n")


def half(sock: socket.socket) -> None:
    data = sock.recv(65536)
    sock.sendall(data[: len(data) // 2])
    sock.shutdown(socket.SHUT_WR)
    sock.recv(1)


def extra(sock: socket.socket) -> None:
    sock.sendall(sock.recv(65536) + b"more")
    sock.recv(1)


def drip(sock: socket.socket) -> None:
    for byte in sock.recv(65536):
        sock.sendall(bytes((byte,)))
    echo(sock)


def rude(sock: socket.socket) -> None:
    sock.recv(65536)


@BY
def test_every_reply_of_an_honest_server_is_right(by: str, fds: None, raw) -> None:
    seen = WAYS[by]("127.0.0.1", raw(echo), Plan(clients=60, messages=5))

    assert (
        seen.made, seen.refused, seen.sent, seen.right, seen.wrong, seen.missing,
    ) == (60, 0, 300, 300, 0, 0)  # fmt: skip
    assert seen.clean
    assert 0 < seen.latency[0] <= seen.latency[1] <= seen.latency[2]


@BY
def test_a_reply_may_come_byte_by_byte(by: str, raw) -> None:
    assert WAYS[by]("127.0.0.1", raw(drip), Plan(clients=2, messages=3)).clean


@BY
def test_a_message_larger_than_the_kernels_buffers_comes_back_whole(by: str, raw) -> None:
    seen = WAYS[by]("127.0.0.1", raw(echo), Plan(clients=2, messages=1, size=300_000))

    assert seen.clean


@BY
@pytest.mark.parametrize(
    ("vice", "wrong", "why"),
    [
        (silent, 0, "no reply in time"),
        (swap, 4, "another reply than the message"),
        (half, 0, "closed by the server after 32 bytes of a reply"),
        (extra, 4, "4 bytes after the reply"),
        (rude, 0, "closed by the server"),
    ],
)
def test_what_is_amiss_is_counted_and_named(by: str, vice, wrong: int, why: str, raw) -> None:
    plan = Plan(clients=4, messages=3, timeout=0.4)

    seen = WAYS[by]("127.0.0.1", raw(vice), plan)

    assert (4, 4, 0, wrong, 12 - wrong) == (
        seen.made, seen.sent, seen.right, seen.wrong, seen.missing,
    )  # fmt: skip
    assert ((why, 4),) == seen.reasons


@BY
def test_a_server_that_refuses_after_some_connections_leaves_the_rest_refused(by, raw) -> None:
    plan = Plan(clients=8, messages=2, timeout=0.4, hold=0.05)

    seen = WAYS[by]("127.0.0.1", raw(echo, most=3), plan)

    assert seen.right == 6
    assert seen.missing == 10
    assert not seen.clean


@BY
def test_a_server_that_never_accepts_does_not_hang_the_swarm(by: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        seen = WAYS[by]("127.0.0.1", listener.getsockname()[1], Plan(6, 1, timeout=0.3))

    assert (seen.right, seen.missing) == (0, 6)
    assert sum(count for _, count in seen.reasons) == 6


@BY
def test_those_that_are_held_say_their_line_afterwards(by: str, raw) -> None:
    seen = WAYS[by]("127.0.0.1", raw(echo), Plan(clients=70, messages=1, hold=0.05))

    assert seen.clean
    assert seen.made == 70


def test_no_two_messages_are_alike_and_each_has_its_size() -> None:
    said = {message(client, number, 64) for client in range(200) for number in range(20)}

    assert len(said) == 4000
    assert {len(one) for one in said} == {64}
    assert all(one.index(b"\n") == 63 for one in said)
    assert len(message(1, 1, 200_000)) == 200_000


def test_the_command_exits_1_when_replies_are_wrong(crawl, raw) -> None:
    ended = crawl("swarm", f"127.0.0.1:{raw(swap)}", "--clients", "3", "--messages", "2", "--json")

    assert ended.returncode == 1, ended.stderr
    assert '"wrong": 3' in ended.stdout


def test_the_command_exits_3_when_nobody_listens(crawl) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    ended = crawl("swarm", f"127.0.0.1:{port}", "--clients", "3")

    assert ended.returncode == 3, ended.stderr
    assert "connection refused" in ended.stdout


@pytest.mark.parametrize("word", ["nowhere", "host:", ":7", "host:x", "host:70000"])
def test_what_is_no_address_is_wrong_usage(crawl, word: str) -> None:
    assert crawl("swarm", word).returncode == 2


@BY
def test_too_few_descriptors_are_said_with_the_remedy(by: str, raw) -> None:
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40));"
        "sys.argv = ['crawl', *sys.argv[1:]]; from crawler.cli import main; main()"
    )
    command = [sys.executable, "-c", program, "swarm", f"127.0.0.1:{raw(echo)}", "--idle", "60"]

    ended = subprocess.run(
        [*command, "--by", by], capture_output=True, text=True, timeout=9, check=False
    )

    assert ended.returncode == 3, ended.stderr
    assert "ulimit -n" in ended.stderr
    assert "Traceback" not in ended.stderr


@BY
@pytest.mark.parametrize("word", ["--messages=1000000", "--hold=60"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_at_once_with_what_was_counted(by, word, number, code, raw) -> None:
    begun = threading.Event()

    def heard(sock: socket.socket) -> None:
        begun.set()
        echo(sock)

    command = [sys.executable, "-m", "crawler", "swarm", f"127.0.0.1:{raw(heard)}", word]
    with subprocess.Popen(
        [*command, "--by", by, "--clients", "5"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert begun.wait(8)
        process.send_signal(number)
        shown, _ = process.communicate(timeout=8)

    assert process.returncode == code
    assert ("interrupted" in shown) is (number == signal.SIGINT)
