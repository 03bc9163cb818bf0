"""Every engine with every transport, from the package's own table: a new line there is tested."""

from __future__ import annotations

import pytest

from crawler.engines import TABLE, unavailable


def every_engine() -> list[str]:
    """Full names, as ``threads+requests`` or ``selectors``; those that take longest come first."""
    return [
        f"{entry.name}+{transport}" if transport else entry.name
        for entry in TABLE.values()
        for transport in entry.transports or ("",)
    ]


def skip_refused(engine: str) -> None:
    """Skip the test of an engine that this kernel refuses, saying why; any other must run."""
    if TABLE[engine.partition("+")[0]].asks and (reason := unavailable(engine)):
        pytest.skip(reason)
