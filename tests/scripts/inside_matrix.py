"""Every way inside, times every spelling of it: inside_matrix.py FOLDER ENGINE[*PROCESSES]...

In a network of its own, as inside.py, whose resolver and public address it has. Prints as JSON what
became of every cell, what the canary was asked for, and what the proxy was.
"""

import os
import sys

import inside
from inside import PUBLIC

SPELLINGS = (
    *inside.INSIDE,
    "http://localhost./", "http://sub.localhost/", "http://%6c%6f%63alhost/",
    "http://%E2%93%9Bocalhost/", "http://0x7f000001./", "http://[::]/", "http://[fe80::1]/",
    "http://[fec0::1]/", "http://[fd00::1]/", "http://[::ffff:0:7f00:1]/",
    "http://[2001::80ff:fffe]/", "http://[64:ff9b:1::7f00:1]/", "http://[::ffff:10.0.0.1]/",
    "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/", "http://100.64.0.1/",
    "http://169.254.169.254/", "http://2852039166/", "http://0xa9fea9fe/", "http://198.18.0.1/",
    "http://metadata.seed.test/", "http://six.seed.test/",
    "http://[fe80::1%25lo]/", "http://[::1%25lo]/", "http://127.0.0.1%00/",
)  # fmt: skip
inside.NAMES["metadata.seed.test"] = ["169.254.169.254"]
inside.NAMES["six.seed.test"] = []
inside.NAMES["sub.localhost"] = ["127.0.0.1"]
# What is found under these words has an outcome of its own; of sitemaps only the canary tells.
WAYS = ("link", "image", "set", "style", "import", "drawn", "inline", "refresh", "header", "next",
        "hop", "again", "entry")  # fmt: skip
_LOOPBACK = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1"  # records of the answer
_LOOPBACK_6 = b"\xc0\x0c\0\x1c\0\1\0\0\0\0\0\x10" + b"\0" * 15 + b"\1"


def at(number, path):
    """The spelling of that number with a path that tells one cell from all others."""
    url = SPELLINGS[number]
    end = "" if url.endswith(("/", "\\")) else "/"
    return f"{url}{end}{path}-{number}"


def answer(query, asked):
    """As inside.py, but `localhost.` and `six.seed.test` have loopback addresses."""
    end = query.index(b"\0", 12)
    told, kind = inside.answer(query, asked), query[end + 1 : end + 3]
    record = b""
    if query[12:end] == b"\x09localhost" and kind == b"\0\1":
        record = _LOOPBACK
    elif query[12:end].startswith(b"\3six\4seed") and kind == b"\0\x1c":
        record = _LOOPBACK_6
    return told[:6] + b"\0\1" + told[8:] + record if record else told


def linked(kind):
    return "".join(f'<a href="{at(n, kind)}">x</a>' for n in range(len(SPELLINGS)))


def styled(number, path):
    return at(number, path).replace("\\", "\\\\")


def everywhere():
    """A page that refers to every spelling in every way that a page has."""
    everything = range(len(SPELLINGS))
    return linked("link") + '<link rel="stylesheet" href="/sheet">' + "".join(
        f'<a href="/to/{n}">x</a><img src="{at(n, "image")}"><img srcset="{at(n, "set")} 2x">'
        f'<link rel="stylesheet" href="{at(n, "style")}">'
        f"<style>a{{b:url('{styled(n, 'inline')}')}}</style>"
        for n in everything
    )  # fmt: skip


def sheet():
    imports = [f'@import "{styled(n, "import")}";' for n in range(len(SPELLINGS))]
    drawn = [f'a{{b:url("{styled(n, "drawn")}")}}' for n in range(len(SPELLINGS))]
    return "".join(imports + drawn)


REFERRING = {"/links": ("text/html", everywhere), "/sheet": ("text/css", sheet)}


def page(host, path):
    """Status, fields and body of what a public host says."""
    number = int(path.rpartition("/")[2]) if path.rpartition("/")[2].isdigit() else 0
    everything = range(len(SPELLINGS))
    if path == "/robots.txt" and host.startswith("rules-"):
        return 302, {"Location": at(int(host[6:].partition(".")[0]), "robots.txt")}, ""
    if path == "/robots.txt" and host.startswith("maps."):
        named = [f"Sitemap: {at(n, 'named-map')}\n" for n in everything]
        named += [f"Sitemap: http://maps.test/map/{n}\n" for n in everything]
        return 200, {}, "".join(["Sitemap: http://maps.test/entries\n", *named])
    if path == "/robots.txt":
        return 404, {}, ""
    if path == "/entries":
        locations = "".join(f"<url><loc>{at(n, 'entry')}</loc></url>" for n in everything)
        return 200, {}, f"<urlset>{locations}</urlset>"
    if path.startswith("/map/"):
        return 301, {"Location": at(number, "moved-map")}, ""
    if path.startswith("/to/"):
        return (301, 302, 303, 307, 308)[number % 5], {"Location": at(number, "hop")}, ""
    if path.startswith("/again/"):
        return 503, {"Location": at(number, "again"), "Retry-After": "0"}, ""
    if path in REFERRING:
        kind, made = REFERRING[path]
        return 200, {"Content-Type": kind}, made()
    if path.startswith("/refresh/"):
        refresh = f'<meta http-equiv="refresh" content="0; url={at(number, "refresh")}">'
        base = f'<base href="{at(number, "base/")}"><a href="below">x</a>'
        return 200, {"Content-Type": "text/html", "Refresh": f"1; url={at(number, 'header')}",
                     "Link": f"<{at(number, 'next')}>; rel=next"}, refresh + base  # fmt: skip
    return 200, {"Content-Type": "text/html"}, '<a href="/deeper">x</a>' + linked("rest")


def serve(ready):  # noqa: C901  four small servers
    """Resolver, public site, canary and proxy, until the parent ends."""
    import json
    import socket
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    seen, proxied, tries = [], [], {}

    class Crowded(ThreadingHTTPServer):
        request_queue_size = 300
        daemon_threads = True

    class Public(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            if self.path == "/seen":
                self.say(200, {}, json.dumps([seen, proxied]))
                return
            host, path = self.headers["Host"], self.path
            if path.startswith("http://"):
                proxied.append(path)
                host, _, path = path[7:].partition("/")
                path = f"/{path}"
            status, fields, body = page(host, path)
            key = host + path
            tries[key] = tries.get(key, 0) + 1
            if status == 503 and tries[key] > 1:
                status = 302
            self.say(status, fields, body)

        def say(self, status, fields, body):
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
            connection.settimeout(1)
            try:
                seen.append(connection.recv(200).decode("latin-1"))
            except OSError as error:
                seen.append(str(error))
            connection.close()

    def run(target, *args):
        threading.Thread(target=target, args=args, daemon=True).start()

    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((PUBLIC, 53))
    run(resolve, names, set())
    for address, family in (("127.0.0.1", socket.AF_INET), ("127.255.255.254", socket.AF_INET),
                            ("::1", socket.AF_INET6)):  # fmt: skip
        run(watch, socket.create_server((address, 80), family=family))
    run(Crowded(("127.0.0.1", 3128), Public).serve_forever)
    site = Crowded((PUBLIC, 80), Public)
    os.write(ready, b"x")
    site.serve_forever()


def main(folder, names):
    import json
    import urllib.request

    from crawler import crawl
    from crawler.model import Limits, Network
    from crawler.politeness import Politeness
    from crawler.scope import Scope
    from crawler.traps import FINE

    class Everywhere(Scope):
        """A scope that is no help: whatever is linked belongs to the crawl."""

        def ruling(self, request):
            return FINE

    everything = range(len(SPELLINGS))
    seeds = ["http://seed.test/links", "http://maps.test/",
             *(f"http://seed.test/refresh/{n}" for n in everything),
             *(f"http://rules-{n}.test/" for n in everything),
             *(f"http://again-{n}.test/again/{n}" for n in everything)]  # fmt: skip

    def run(engine, seeds, **options):
        options = {"max_depth": 2, **options}
        engine, _, processes = engine.partition("*")
        return {
            outcome.request.url: getattr(outcome, "code", "")
            for outcome in crawl(
                seeds, engine=engine, scope=Everywhere(max_depth=options.pop("max_depth")),
                requisites=True, sitemaps=True, concurrency=16,
                processes=int(processes or 1),
                limits=Limits(retries=1, timeout=4.0, connect=1.0), robots=True,
                politeness=Politeness(concurrency=16, follow=False), **options,
            )
        }  # fmt: skip

    found = {}
    for engine in names:
        found[engine] = run(engine, seeds)
        state = f"{folder}/{engine}.db"
        rebound = f"http://rebind-{engine.replace('+', '-').replace('*', '-')}.test/"
        first = run(engine, [rebound], max_pages=1, state=state)
        # The second run asks anew for its name, which means the loopback by then.
        found[f"{engine} resumed"] = first | run(engine, [rebound], state=state)
        found[f"{engine} proxied"] = run(
            engine, seeds, network=Network(proxy="http://127.0.0.1:3128")
        )
    with urllib.request.urlopen(f"http://{PUBLIC}/seen") as response:
        found["canary"], found["proxy"] = json.loads(response.read())
    found["ways"] = {way: [at(n, way) for n in everything] for way in (*WAYS, "rest")}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    is_up, ready = os.pipe()
    child = os.fork()
    if not child:
        serve(ready)
    os.read(is_up, 1)
    try:
        main(sys.argv[1], sys.argv[2:])
    finally:
        os.kill(child, 9)
