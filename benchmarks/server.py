"""The servers that are fetched from: nginx with one worker, and the lean one of this folder.

    with served(folder, core=0) as server:           nginx; lean without it
    with lean(1024, core=0, delay=0.1) as server:    lean_server.c; lean.py without a C compiler
        ... server.url, server.hosts ...

All listen on loopback only, on free ports. nginx gets a configuration of its own in a temporary
folder.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
HOSTS = 20  # addresses that look like so many hosts to a client
LEAN = HERE / ".venv" / "bin" / "lean_server"

_NGINX = """
worker_processes 1;
worker_rlimit_nofile 16384;
daemon off;
pid {own}/pid;
error_log {own}/error.log crit;
{user}
events {{ worker_connections 16000; multi_accept on; }}
http {{
    access_log off;
    client_body_temp_path {own}/body; proxy_temp_path {own}/proxy; fastcgi_temp_path {own}/fastcgi;
    uwsgi_temp_path {own}/uwsgi; scgi_temp_path {own}/scgi;
    types {{ text/html html; text/css css; image/svg+xml svg; text/javascript js; }}
    default_type application/octet-stream;
    tcp_nodelay on;
    keepalive_requests 1000000;
    open_file_cache max=4000 inactive=600s;
    open_file_cache_valid 600s;
    root {folder};
    server {{
        {listen}
        location /p/ {{ try_files /page.html =404; }}
    }}
    {more}
}}
"""
_TLS = """
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/key.pem;
    ssl_session_cache shared:tls:10m;
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096;
        location /p/ {{ try_files /page.html =404; }}
    }}
    server {{
        listen 127.0.0.1:{closing} ssl backlog=4096;
        keepalive_timeout 0;
        location /p/ {{ try_files /page.html =404; }}
    }}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """Where it answers, and what it is."""

    url: str
    name: str
    hosts: tuple[str, ...]  # its URLs, one for each address
    tls: str = ""
    tls_closing: str = ""  # one connection for each request

    def urls(self, pages: int) -> list[str]:
        """So many URLs that are all the same page, host by host in turns."""
        count = len(self.hosts)
        return [f"{self.hosts[number % count]}/p/{number}" for number in range(1, pages + 1)]


def nginx() -> str:
    """The path of nginx; "" without one."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or ""


@contextlib.contextmanager
def served(folder: Path, *, core: int, tls: bool = False) -> Iterator[Server]:
    """A server for the files of `folder`, on that processor; without nginx only page.html.

    With `tls` the folder has cert.pem and key.pem.
    """
    if not nginx():
        with lean((folder / "page.html").stat().st_size, core=core) as server:
            yield server
        return
    own = Path(tempfile.mkdtemp(prefix="bench-"))
    own.chmod(0o755)  # a worker of nginx started by root is another user
    try:
        process, server = _start_nginx(own, folder, core, tls=tls)
        with _ended(process):
            yield server
    finally:
        shutil.rmtree(own, ignore_errors=True)


@contextlib.contextmanager
def lean(size: int, *, core: int, delay: float = 0.0) -> Iterator[Server]:
    """The server that costs least: answers of `size` bytes, `delay` seconds after each request."""
    program = [str(LEAN)] if LEAN.exists() else [sys.executable, str(HERE / "lean.py")]
    words = [*program, str(size), f"{delay * 1e3:g}", str(_hosts())]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: pin(core)
    )
    with _ended(process):
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        name = "lean_server.c" if LEAN.exists() else "lean.py"
        yield Server(f"http://127.0.0.1:{port}", name, _urls(int(port)))


@contextlib.contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def pin(core: int) -> None:
    """Keeps this process, and what it starts from now on, on one processor, where there are two.

    It may also open as many files as the system lets it: a connection each, ten thousand of them.
    """
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 in `folder`, made by openssl. Raises OSError without it."""
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30"
    more = ["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=127.0.0.1"]
    more += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*words.split(), *more], cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem"


def _hosts() -> int:
    """How many addresses to listen on: all of 127.0.0.0/8 is ours on Linux alone."""
    return HOSTS if sys.platform == "linux" else 1


def _urls(port: int) -> tuple[str, ...]:
    if _hosts() == 1:
        return (f"http://127.0.0.1:{port}",)
    return tuple(f"http://127.0.1.{host}:{port}" for host in range(1, _hosts() + 1))


def _start_nginx(
    own: Path, folder: Path, core: int, *, tls: bool
) -> tuple[subprocess.Popen[str], Server]:
    with contextlib.ExitStack() as taken:
        free = [taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        port, over_tls, closing = (each.getsockname()[1] for each in free)
    addresses = ["127.0.0.1", *(url.split("/")[2].partition(":")[0] for url in _urls(port))]
    listen = " ".join(f"listen {one}:{port} backlog=4096;" for one in dict.fromkeys(addresses))
    more = _TLS.format(folder=folder.resolve(), port=over_tls, closing=closing) if tls else ""
    user = "user root;" if os.geteuid() == 0 else ""
    (own / "nginx.conf").write_text(
        _NGINX.format(own=own, listen=listen, folder=folder.resolve(), user=user, more=more)
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
            url, name = f"http://127.0.0.1:{port}", version.partition(": ")[2].strip()
            secure = f"https://127.0.0.1:{over_tls}", f"https://127.0.0.1:{closing}"
            return process, Server(url, name, _urls(port), *(secure if tls else ()))
        time.sleep(0.02)
    process.terminate()
    raise SystemExit(f"nginx does not answer: {(own / 'error.log').read_text()}")
