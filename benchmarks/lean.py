"""The server for machines without nginx: one epoll loop that answers every request with 1 KB.

python benchmarks/lean.py        prints its URL, serves until it is ended
"""

from __future__ import annotations

import select
import socket

PAGE = 1024  # bytes
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: lean\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
    % PAGE
) + b"x" * PAGE


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                client, _address = listener.accept()
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[client.fileno()] = client
                poll.register(client, select.EPOLLIN)
                continue
            try:
                # A client here sends one request, whole, and waits for its answer.
                if clients[number].recv(65536):
                    clients[number].send(_ANSWER)
                    continue
            except OSError:
                pass
            clients.pop(number).close()


if __name__ == "__main__":
    main()
