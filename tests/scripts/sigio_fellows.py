"""Two sigio engines in one thread without any queue: the first to wait takes the SIGIO of both.

Prints the status that each got.
"""

import resource
import socket

from crawler import engines
from crawler.model import Limits, Network, Request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def main():
    resource.setrlimit(resource.RLIMIT_SIGPENDING, (0, 0))
    limits = Limits(timeout=3.0)
    both = [engines.open("sigio", concurrency=1, limits=limits, network=Network()) for _ in "12"]
    peers = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for engine in both:
            engine.start(Request(f"http://127.0.0.1:{listener.getsockname()[1]}/"))
            engine.wait(0.0)
            peers.append(listener.accept()[0])
            peers[-1].recv(4096)
            engine.wait(0.01)  # by now it is in no doubt about anyone
    for peer in peers:
        peer.sendall(OK)
    for engine in both:
        (outcome,) = engine.wait(None)
        print(getattr(outcome, "status", outcome))
        engine.close()


if __name__ == "__main__":
    main()
