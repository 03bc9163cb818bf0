"""An echo server that takes the options of `crawl serve`: a thread or a process for each client."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading

model = sys.argv[sys.argv.index("--model") + 1]
if model not in {"thread", "process", "select"}:
    print("warming up", file=sys.stderr)
    sys.exit(f"crawl: no {model} here")


def echo(sock: socket.socket) -> None:
    with contextlib.suppress(OSError), sock:
        while data := sock.recv(65536):
            sum(range(20_000))  # some work, so that there is time to count
            sock.sendall(b"?" + data[1:] if model == "select" else data)


def reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


signal.signal(signal.SIGCHLD, reap)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
    print(f"127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        sock, _ = listener.accept()
        if model != "process":
            threading.Thread(target=echo, args=(sock,), daemon=True).start()
        elif os.fork() == 0:
            listener.close()
            echo(sock)
            os._exit(0)
        else:
            sock.close()
