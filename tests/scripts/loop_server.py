"""Accepts N connections, answers each with its path's number once all have asked."""

from __future__ import annotations

import selectors
import socket
import sys


def main() -> None:
    number = int(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0), backlog=number)
    print(listener.getsockname()[1], flush=True)
    asked: list[tuple[socket.socket, bytes]] = []
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        while len(asked) < number:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    selector.register(connection, selectors.EVENT_READ)
                elif isinstance(key.fileobj, socket.socket):
                    body = key.fileobj.recv(65536).split(b" ")[1][1:]
                    asked.append((key.fileobj, body))
    for connection, body in asked:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    listener.accept()


if __name__ == "__main__":
    main()
