"""What lean_server.c does, for machines without a C compiler: one epoll loop, one answer.

python benchmarks/lean.py BYTES MILLISECONDS HOSTS        prints its port, serves until it is ended
"""

from __future__ import annotations

import select
import socket
import sys
import time
from collections import deque


class Lean:
    """Answers every request with the same body, so many seconds later."""

    def __init__(self, size: int, delay: float, hosts: int) -> None:
        self._answer = b"HTTP/1.1 200 OK\r\nServer: lean\r\nContent-Type: text/html\r\n"
        self._answer += b"Content-Length: %d\r\n\r\n" % size + b"x" * size
        self._delay = delay
        self._poll = select.epoll()
        self._clients: dict[int, socket.socket] = {}
        self._line: deque[tuple[float, socket.socket]] = deque()
        first = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = first.getsockname()[1]
        more = [f"127.0.1.{host}" for host in range(1, hosts + 1)] if hosts > 1 else []
        self._listeners = {first.fileno(): first}
        for address in more:
            listener = socket.create_server((address, self.port), backlog=4096)
            self._listeners[listener.fileno()] = listener
        for number in self._listeners:
            self._poll.register(number, select.EPOLLIN)

    def serve(self) -> None:
        while True:
            wait = max(0.0, self._line[0][0] - time.monotonic()) if self._line else None
            for number, _ in self._poll.poll(wait):
                if number in self._listeners:
                    self._accept(self._listeners[number])
                else:
                    self._read(self._clients[number])
            while self._line and self._line[0][0] <= time.monotonic():
                self._send(self._line.popleft()[1])

    def _accept(self, listener: socket.socket) -> None:
        client, _ = listener.accept()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients[client.fileno()] = client
        self._poll.register(client, select.EPOLLIN)

    def _read(self, client: socket.socket) -> None:
        try:
            # A client here sends one request, whole, and waits for its answer.
            got = client.recv(65536)
        except OSError:
            got = b""
        if not got:
            self._clients.pop(client.fileno()).close()
        elif self._delay:
            self._line.append((time.monotonic() + self._delay, client))
        else:
            self._send(client)

    def _send(self, client: socket.socket) -> None:
        try:
            client.send(self._answer)
        except OSError:
            return  # gone meanwhile; its end is read by and by


def main() -> None:
    size, milliseconds, hosts = sys.argv[1:]
    lean = Lean(int(size), float(milliseconds) / 1e3, int(hosts))
    print(lean.port, flush=True)
    lean.serve()


if __name__ == "__main__":
    main()
