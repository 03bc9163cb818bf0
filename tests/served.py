"""A server of one model in a process of its own, and clients that talk to it by plain sockets."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TESTS = Path(__file__).parent
COMMAND = (sys.executable, "-P", "-m", "crawler", "serve")
# What the command runs, without the time that a command line takes to load.
SERVER = (sys.executable, "-P", str(TESTS / "scripts" / "serve_model.py"))
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST


class Served:
    """A server, and what is known of its process.

    Attributes:
        process: it.
        url: where it is, without a slash at its end.
        address: the same for a socket.
    """

    def __init__(self, command: tuple[str, ...], model: str, protocol: str, *options: str) -> None:
        self.process = subprocess.Popen(
            [*command, "--model", model, "--protocol", protocol, "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.url = line.split()[0].rstrip("/")
        self.address = ("127.0.0.1", int(line.split("127.0.0.1:")[1].split()[0].rstrip("/")))

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, 5)

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def ended(self) -> tuple[int, str]:
        """Wait for its end: exit code, and what it said on stderr."""
        _, said = self.process.communicate(timeout=9)
        return self.process.returncode, said

    def children(self) -> list[int]:
        """Its child processes, the dead that were not waited for included."""
        number = self.process.pid
        listed = Path(f"/proc/{number}/task/{number}/children").read_text()
        return [int(child) for child in listed.split()]

    def descriptors(self) -> int:
        """How many it has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def is_refusing(self) -> bool:
        """Whether it has stopped to listen."""
        try:
            self.connect().close()
        except ConnectionError:
            return True
        return False


@contextlib.contextmanager
def served(
    model: str, protocol: str = "http", *options: str, command: tuple[str, ...] = SERVER
) -> Iterator[Served]:
    """A server for as long as the block lasts."""
    server = Served(command, model, protocol, *options)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


def becomes(look: Callable[[], object]) -> bool:
    """Whether that comes true; it gets five seconds, on a busy machine too."""
    end = time.monotonic() + 5
    while not look():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def is_alive(process: int) -> bool:
    """Whether that process runs; one that has ended and was not waited for does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def reset(client: socket.socket) -> None:
    """Go away without a word."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    client.close()


def received(client: socket.socket) -> bytes:
    """Everything until the end."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            data += piece
    return data


def line(client: socket.socket) -> bytes:
    """What comes, up to the end of a line."""
    data = b""
    while not data.endswith(b"\n"):
        piece = client.recv(65536)
        if not piece:
            break
        data += piece
    return data


def get(target: str, *fields: str, version: str = "1.1") -> bytes:
    """The bytes of a request."""
    return "\r\n".join((f"GET {target} HTTP/{version}", "Host: a", *fields, "", "")).encode()
