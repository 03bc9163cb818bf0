"""Every engine with every transport, from the package's own table: a new line there is tested."""

from __future__ import annotations

from crawler.engines import TABLE


def every_engine() -> list[str]:
    """Full names, as ``threads+requests`` or ``selectors``; those that take longest come first."""
    return [
        f"{entry.name}+{transport}" if transport else entry.name
        for entry in TABLE.values()
        for transport in entry.transports or ("",)
    ]
