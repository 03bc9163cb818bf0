"""A site of pages that link to each other, for crawls: in a thread, and it remembers who asked."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Pages:
    """A site of the pages given: path -> (status, header fields, body)."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], str]] = {}
        self.asked: Counter[str] = Counter()
        self.fields: dict[str, dict[str, str]] = {}
        self.url = ""

    def page(self, path: str, body: str = "", status: int = 200, **fields: str) -> None:
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        self.pages[path] = (status, {"Content-Type": "text/html", **named}, body)

    def linked(self, path: str, *links: str) -> None:
        self.page(path, "".join(f'<a href="{link}">x</a>' for link in links))

    def site_of(self, count: int) -> None:
        """A tree of pages, ten to each, and links back."""
        for number in range(count):
            below = [f"/p/{10 * number + k}" for k in range(1, 11) if 10 * number + k < count]
            self.linked(f"/p/{number}", *below, f"/p/{number * 7 % count}")


@contextmanager
def serving() -> Iterator[Pages]:
    pages = Pages()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            pages.asked[self.path] += 1
            pages.fields[self.path] = dict(self.headers.items())
            status, fields, body = pages.pages.get(self.path, (404, {}, "no such page"))
            tag = fields.get("ETag")
            if tag and self.headers.get("If-None-Match") == tag:
                status, body = 304, ""
            content = body.encode()
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if status != 304:
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    class Server(ThreadingHTTPServer):
        request_queue_size = 100
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None: ...

    with Server(("127.0.0.1", 0), Handler) as server:
        pages.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield pages
        finally:
            server.shutdown()
            thread.join()
