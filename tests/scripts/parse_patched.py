"""Parses a bomb and a page in a process that gevent has patched, while another greenlet ticks."""

import gevent.monkey


def main() -> None:
    import time
    from datetime import UTC, datetime

    import gevent

    from crawler.model import Headers, Request, Response
    from crawler.parsing import Parsers

    def page(body: bytes) -> Response:
        headers = Headers((("Content-Type", "text/html"),))
        request = Request("http://h.example/")
        return Response(request, 200, "OK", headers, body, body, "1.1", "", datetime.now(UTC), 0.1)

    def tick() -> None:
        while True:
            ticks.append(1)
            time.sleep(0.01)

    ticks: list[int] = []
    ticker = gevent.spawn(tick)
    parsers = Parsers(1, cpu_seconds=0.5)
    parsers.submit(1, page(b"<xmp></xmp>" + b"<div>" * 100_000))
    parsers.submit(2, page(b"<a href=x>"))
    found = {}
    while parsers.pending:
        parsers.wait(5.0)
        found.update(parsers.ready())
    parsers.close()
    ticker.kill()
    print(found[1].warning, *found[2].links, "ticked" if len(ticks) >= 10 else ticks)


gevent.monkey.patch_all()
main()
