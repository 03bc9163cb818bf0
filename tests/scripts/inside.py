"""Public pages that lead inside, in a network of their own: inside.py ENGINE.

The names are those of a resolver here, and 93.184.216.34 is an address of lo; so the pages are
public to all that looks at addresses. A canary listens on the loopback addresses. Prints, as JSON,
the code of every URL, and how many connections the canary saw.
"""

import os
import sys

PUBLIC = "93.184.216.34"
INSIDE = (
    "http://127.0.0.1/", "http://127.1/", "http://127.0.1/", "http://0/", "http://0.0.0.0/",
    "http://2130706433/", "http://0x7f000001/", "http://017700000001/", "http://0x7f.1/",
    "http://0177.0.0.1/", "http://0177.0.0.01/", "http://0x7f.0x0.0x0.0x1/", "http://127.0.0.1./",
    "http://127.000.000.001/", "http://127.255.255.254/", "http://%31%32%37.0.0.1/",
    "http://%E2%91%A0%E2%91%A1%E2%91%A6.0.0.1/", "http://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1/",
    "http://127%E3%80%820%E3%80%820%E3%80%821/", "http:\\\\127.0.0.1\\", "//127.0.0.1/",
    "http://user:password@127.0.0.1/", "http://seed.test@127.0.0.1/", "http://127.0.0.1:80/",
    "http://[::1]/", "http://[0:0:0:0:0:0:0:1]/", "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/", "http://localhost/", "http://LOCALHOST/x",
    "http://inside.seed.test/", "http://both.seed.test/",
)  # fmt: skip
NAMES = {"inside.seed.test": ["127.0.0.1"], "both.seed.test": [PUBLIC, "127.0.0.1"]}


def answer(query, asked):
    """What the resolver says: `rebind.test` is public once, and inside from then on."""
    end = query.index(b"\0", 12)
    labels, at = [], 12
    while at < end:
        labels.append(query[at + 1 : at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    name, kind = ".".join(labels), query[end + 1 : end + 3]
    addresses = []
    if kind == b"\0\1" and not name.startswith("localhost"):
        addresses = NAMES.get(name, [PUBLIC])
        if name.startswith("rebind"):
            addresses = ["127.0.0.1"] if name in asked else [PUBLIC]
            asked.add(name)
    told = b"".join(
        b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + bytes(map(int, address.split(".")))
        for address in addresses
    )
    head = query[:2] + b"\x81\x80\0\1" + len(addresses).to_bytes(2, "big") + b"\0\0\0\0"
    return head + query[12 : end + 5] + told


def page(path):
    """Status, fields and body of a public page."""
    if path.startswith("/to/"):
        return 302, {"Location": INSIDE[int(path[4:])]}, ""
    if path == "/robots.txt":
        return 200, {}, "".join(
            f"Sitemap: http://{host}/sitemap.xml\n"
            for host in ("127.0.0.1", "[::1]", "inside.seed.test", "seed.test")
        )  # fmt: skip
    if path == "/sitemap.xml":
        return 200, {}, "<urlset><url><loc>http://inside.seed.test/mapped</loc></url></urlset>"
    links = "".join(f'<a href="{url}x">x</a>' for url in INSIDE)
    refresh = '<meta http-equiv="refresh" content="0; url=http://inside.seed.test/refreshed">'
    return 200, {"Content-Type": "text/html"}, refresh + links


def serve(ready):  # noqa: C901  three small servers
    """Resolver, public site and canary, until the parent ends."""
    import socket
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    seen = []

    class Public(BaseHTTPRequestHandler):
        def do_GET(self):
            status, fields, body = page(self.path)
            if self.headers["Host"].startswith("away.") and self.path == "/robots.txt":
                status, fields = 302, {"Location": "http://127.0.0.1/robots.txt"}
            if self.path == "/seen":
                body = str(len(seen))
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_): ...

    def resolve(sock, asked):
        while True:
            query, peer = sock.recvfrom(2048)
            sock.sendto(answer(query, asked), peer)

    def watch(listener):
        while True:
            connection, _ = listener.accept()
            seen.append(1)
            connection.close()

    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((PUBLIC, 53))
    threading.Thread(target=resolve, args=(names, set()), daemon=True).start()
    for address, family in (("127.0.0.1", socket.AF_INET), ("127.255.255.254", socket.AF_INET),
                            ("::1", socket.AF_INET6)):  # fmt: skip
        canary = socket.create_server((address, 80), family=family)
        threading.Thread(target=watch, args=(canary,), daemon=True).start()
    site = ThreadingHTTPServer((PUBLIC, 80), Public)
    os.write(ready, b"x")
    site.serve_forever()


def main(engine):
    import json
    import urllib.request

    from crawler import crawl, fetch_all
    from crawler.hops import Links
    from crawler.model import Limits
    from crawler.politeness import Politeness

    def codes(outcomes):
        return {outcome.request.url: getattr(outcome, "code", "") for outcome in outcomes}

    limits = Limits(retries=0, timeout=5.0)
    found = {}
    seeds = [f"http://seed.test/to/{number}" for number in range(len(INSIDE))]
    hops = fetch_all(seeds, engine=engine, concurrency=8, limits=limits)
    found["redirects"] = sorted(
        (outcome.request.via[:1], getattr(outcome, "code", "")) for outcome in hops
    )
    manners = Politeness(concurrency=8, follow=False)
    found["crawl"] = codes(
        crawl(
            ["http://seed.test/", "http://away.test/", "http://rebind.test/", *seeds],
            engine=engine,
            concurrency=8,
            scope="domain",
            sitemaps=True,
            limits=limits,
            politeness=manners,
        )
    )
    (before,) = fetch_all(["http://rebind2.test/"], engine=engine, limits=limits)
    link = Links(before).to("http://rebind2.test/", depth=1)
    found["rebound"] = [before.status, *codes(fetch_all([link], engine=engine)).values()]
    with urllib.request.urlopen(f"http://{PUBLIC}/seen") as response:
        found["seen"] = int(response.read())
    (named,) = fetch_all(["http://inside.seed.test/"], engine=engine, limits=limits)
    found["named"] = getattr(named, "code", "")
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    is_up, ready = os.pipe()
    child = os.fork()
    if not child:
        serve(ready)
    os.read(is_up, 1)
    try:
        if sys.argv[1] == "gevent":
            from gevent import monkey

            monkey.patch_all()
        main(sys.argv[1])
    finally:
        os.kill(child, 9)
