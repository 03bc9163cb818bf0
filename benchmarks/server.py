"""The server that is fetched from: nginx with one worker, or the lean one where there is no nginx.

    with served(folder, core=0) as server:
        ... server.url ...

nginx gets a configuration of its own in a temporary folder and listens on loopback only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NGINX = """
worker_processes 1;
daemon off;
pid {own}/pid;
error_log {own}/error.log crit;
{user}
events {{ worker_connections 4096; multi_accept on; }}
http {{
    access_log off;
    client_body_temp_path {own}/body; proxy_temp_path {own}/proxy; fastcgi_temp_path {own}/fastcgi;
    uwsgi_temp_path {own}/uwsgi; scgi_temp_path {own}/scgi;
    types {{ text/html html; text/css css; image/svg+xml svg; }}
    default_type application/octet-stream;
    tcp_nodelay on;
    keepalive_requests 1000000;
    open_file_cache max=4000 inactive=600s;
    open_file_cache_valid 600s;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {folder};
        location /p/ {{ try_files /page.html =404; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """Where it answers, and what it is."""

    url: str
    name: str


def nginx() -> str:
    """The path of nginx; "" without one."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or ""


@contextlib.contextmanager
def served(folder: Path, *, core: int) -> Iterator[Server]:
    """A server for the files of `folder`, on that processor; without nginx only page.html."""
    own = Path(tempfile.mkdtemp(prefix="bench-"))
    own.chmod(0o755)  # a worker of nginx started by root is another user
    process = None
    try:
        if nginx():
            process, server = _start_nginx(own, folder, core)
        else:
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("lean.py"))],
                stdout=subprocess.PIPE,
                text=True,
                preexec_fn=lambda: pin(core),
            )
            assert process.stdout is not None
            server = Server(process.stdout.readline().strip(), "lean.py")
        yield server
    finally:
        if process is not None:
            process.terminate()
            process.wait(10)
        shutil.rmtree(own, ignore_errors=True)


def pin(core: int) -> None:
    """Keeps this process, and what it starts from now on, on one processor, where there are two."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})


def _start_nginx(own: Path, folder: Path, core: int) -> tuple[subprocess.Popen[str], Server]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    (own / "nginx.conf").write_text(
        _NGINX.format(own=own, port=port, folder=folder.resolve(), user=user)
    )
    version = subprocess.run([nginx(), "-v"], capture_output=True, text=True, check=False).stderr
    # Pinned before it starts, so that its worker is, too.
    process = subprocess.Popen(
        [nginx(), "-e", f"{own}/error.log", "-p", str(own), "-c", f"{own}/nginx.conf"],
        text=True,
        preexec_fn=lambda: pin(core),
    )
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return process, Server(f"http://127.0.0.1:{port}", version.partition(": ")[2].strip())
        time.sleep(0.02)
    process.terminate()
    raise SystemExit(f"nginx does not answer: {(own / 'error.log').read_text()}")
