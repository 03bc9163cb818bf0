"""This project's own fetch_all, with an engine that needs no patch."""

from pathlib import Path

from meter import Meter, arguments

from crawler import Network, Response, fetch_all

given = arguments()
network = Network(ca_file=Path(given.cacert)) if given.cacert else Network()
for _ in fetch_all(given.urls[:1], engine=given.engine, concurrency=1, network=network):
    pass  # the engine imports what it imports late
with Meter() as meter:
    fetched = fetch_all(
        given.urls, engine=given.engine, concurrency=given.concurrency, network=network
    )
    for outcome in fetched:
        if isinstance(outcome, Response):
            meter.page(outcome.status, len(outcome.body))
