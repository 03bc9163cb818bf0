"""However it is told to stop, and whoever is there then: a server ends silently, and whole."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

import pytest
from served import COMMAND, becomes, get, is_alive, line, received, reset, served

from crawler.serving.models import TABLE

MODEL = pytest.mark.parametrize("model", TABLE)
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@BOTH
@MODEL
def test_a_signal_right_after_the_first_line_ends_it_well(model: str, number: int) -> None:
    with served(model) as server:
        server.signal(number)

        assert server.ended() == (0, "")


@MODEL
def test_the_command_says_where_it_listens_and_ends_well(model: str) -> None:
    with served(model, command=COMMAND) as server:
        server.signal(signal.SIGINT)

        assert server.ended() == (0, "")


@MODEL
def test_a_signal_that_another_thread_gets_ends_a_server_that_waits(model: str, child) -> None:
    done = child("stopped_in_its_wait.py", model)

    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "")


@BOTH
@MODEL
def test_the_answers_under_way_end_and_who_is_not_being_answered_is_dropped(
    model: str, number: int
) -> None:
    with served(model) as server, contextlib.ExitStack() as clients:
        silent, kept, half, hung, busy, piped = (
            clients.enter_context(server.connect()) for _ in range(6)
        )
        kept.sendall(get("/page/1"))
        assert b"This is page 1." in kept.recv(65536)
        half.sendall(get("/page/1")[:20])
        hung.sendall(get("/hang"))
        busy.sendall(get("/drip/3?every=60"))
        piped.sendall(get("/drip/3?every=60") + get("/page/2"))
        assert busy.recv(65536)
        assert piped.recv(65536)
        children = server.children()

        server.signal(number)
        assert becomes(server.is_refusing)
        busy.sendall(get("/page/3"))  # too late

        assert server.ended() == (0, "")
        assert received(busy).count(b".") >= 2
        assert b"This is page 2." in received(piped)
        assert [received(client) for client in (silent, kept, half, hung)] == [b""] * 4
        assert not any(is_alive(child) for child in children)


@MODEL
def test_a_large_answer_under_way_reaches_a_slow_reader_whole(model: str) -> None:
    with served(model) as server, server.connect() as client:
        client.sendall(get("/size/8000000"))
        begun = client.recv(1000)

        server.signal()
        assert becomes(server.is_refusing)

        assert len((begun + received(client)).partition(b"\r\n\r\n")[2]) == 8_000_000
        assert server.ended() == (0, "")


@MODEL
def test_when_the_grace_is_over_those_who_are_left_are_dropped(model: str) -> None:
    with served(model, "http", "--grace", "0.2") as server, contextlib.ExitStack() as stack:
        waits, deaf, hung = clients = [stack.enter_context(server.connect()) for _ in range(3)]
        for client, target in ((waits, "/delay/60000"), (deaf, "/size/99000000"), (hung, "/hang")):
            client.sendall(get("/page/1") + get(target))
        for client in clients:
            assert client.recv(1)
        children = server.children()

        server.signal()

        assert server.ended() == (0, "")
        assert not any(is_alive(child) for child in children)


@MODEL
def test_clients_that_go_on_talking_or_go_away_while_it_stops_do_not_disturb_it(model: str) -> None:
    with served(model, "echo") as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(12)]
        for client in clients:
            client.sendall(b"hello\n")
            assert line(client) == b"hello\n"

        def talk() -> None:
            with contextlib.suppress(OSError):
                for number in range(1_000_000):
                    clients[number % 6].sendall(b"and another thing\n")

        talking = threading.Thread(target=talk)
        talking.start()
        server.signal()
        for client in clients[6:9]:
            reset(client)
        for client in clients[9:]:
            client.close()

        assert server.ended() == (0, "")
        talking.join()


@MODEL
def test_once_it_stops_new_clients_are_refused_and_a_second_signal_ends_it(model: str) -> None:
    with served(model) as server, server.connect() as busy, server.connect() as hung:
        busy.sendall(get("/page/1") + get("/delay/60000"))
        hung.sendall(get("/page/1") + get("/hang"))
        assert busy.recv(1)
        assert hung.recv(1)
        children = server.children()
        server.signal(signal.SIGINT)
        assert becomes(server.is_refusing)
        assert server.process.poll() is None, "an answer is under way"

        server.signal(signal.SIGTERM)

        assert server.ended() == (143, "")
        assert becomes(lambda: not any(is_alive(child) for child in children))


@MODEL
def test_a_signal_ends_a_server_that_is_full(model: str) -> None:
    with served(model, "echo", "--connections", "2") as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(6)]
        for client in clients[:2]:
            client.sendall(b"hello\n")
            assert line(client) == b"hello\n"

        server.signal()

        assert server.ended() == (0, "")


def test_a_process_that_ended_is_waited_for_when_no_other_client_comes() -> None:
    with served("process", "echo") as server:
        for go in (reset, lambda client: client.close()):
            client = server.connect()
            client.sendall(b"hello\n")
            assert line(client) == b"hello\n"
            assert len(server.children()) == 1

            go(client)

            assert becomes(lambda: server.children() == [])


def test_ctrl_c_that_reaches_the_children_too_is_left_to_the_parent() -> None:
    with served("process") as server, server.connect() as busy:
        busy.sendall(get("/drip/3?every=60"))
        assert busy.recv(65536)
        (child,) = server.children()

        for process in (child, server.process.pid):
            os.kill(process, signal.SIGINT)

        assert received(busy).endswith(b"..")
        assert server.ended() == (0, "")
