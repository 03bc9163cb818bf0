"""A server of every model, one for all tests of a file that leave it running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from served import COMMAND, Served, becomes, served

from crawler.serving.models import TABLE


def _until_the_end(model: str, protocol: str) -> Iterator[Served]:
    with served(model, protocol, command=COMMAND) as server:
        yield server

        assert becomes(lambda: server.children() == []), "somebody was not waited for"
        server.signal()
        assert server.ended() == (0, "")


@pytest.fixture(scope="module", params=TABLE)
def http(request: pytest.FixtureRequest) -> Iterator[Served]:
    yield from _until_the_end(request.param, "http")


@pytest.fixture(scope="module", params=TABLE)
def echo(request: pytest.FixtureRequest) -> Iterator[Served]:
    yield from _until_the_end(request.param, "echo")
