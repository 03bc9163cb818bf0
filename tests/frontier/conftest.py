"""Every frontier that a test made is closed behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from frontier import frontiers


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while frontiers.OPEN:
        frontiers.OPEN.pop().close()
