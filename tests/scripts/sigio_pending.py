"""Closes sigio engines that have signals in their queues; prints what of their signals is left.

sigio_pending.py ORDER        of closing: "01" or "10"
"""

import signal
import socket
import sys

from crawler import engines
from crawler.model import Limits, Network, Request


def main(order):
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    peers, opened = [], []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(2):
            engine = engines.open("sigio", concurrency=1, limits=Limits(), network=Network())
            opened.append(engine)
            engine.start(Request(f"http://127.0.0.1:{listener.getsockname()[1]}/"))
            engine.wait(0.0)
            peers.append(listener.accept()[0])
    for peer in peers:
        peer.recv(4096)
        peer.sendall(b"HTTP/1.1 200 OK\r\n")
    print("pending", len(signal.sigpending()))
    for number in order:
        opened[int(number)].close()
    print("pending", len(signal.sigpending()))
    print("blocked", len(signal.pthread_sigmask(signal.SIG_BLOCK, ()) - before))


if __name__ == "__main__":
    main(sys.argv[1])
