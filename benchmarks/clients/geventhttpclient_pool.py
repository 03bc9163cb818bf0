"""geventhttpclient: a client for each host, as its README says; as many workers as connections."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import gevent
from geventhttpclient import HTTPClient
from meter import Meter, arguments

given = arguments()
clients: dict[str, HTTPClient] = {}


def work(urls: Iterator[str]) -> None:
    for url in urls:
        parts = urlsplit(url)
        client = clients.get(parts.netloc)
        if client is None:
            client = HTTPClient.from_url(url, concurrency=given.concurrency)
            clients[parts.netloc] = client
        response = client.get(parts.path)
        body = response.read()
        meter.page(response.status_code, len(body))


with Meter() as meter:
    shared = iter(given.urls)
    gevent.joinall([gevent.spawn(work, shared) for _ in range(given.concurrency)], raise_error=True)
