"""Idle connections by who may use them; the last used first, the likeliest to be open still."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.engines._connection import Connection


class Kept:
    """Connections that lie idle. An origin without any takes no memory."""

    def __init__(self) -> None:
        self._all: dict[Connection, None] = {}  # the one that has lain longest is first
        self.by_key: dict[str, list[Connection]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def put(self, connection: Connection) -> int:
        """Keep a connection; how many are kept now."""
        self._all[connection] = None
        same = self.by_key.get(connection.key)
        if same is None:
            self.by_key[connection.key] = [connection]
        else:
            same.append(connection)
        return len(self._all)

    def take(self, key: str) -> Connection | None:
        """The one that was used last of those with the key; it is kept no longer."""
        same = self.by_key.get(key)
        if same is None:
            return None
        connection = same.pop()
        if not same:
            del self.by_key[key]
        del self._all[connection]
        return connection

    def oldest(self) -> Connection:
        """The one that has lain longest; it stays."""
        return next(iter(self._all))

    def remove(self, connection: Connection) -> None:
        """Keep it no longer; one that is not kept does no harm."""
        if connection not in self._all:
            return
        del self._all[connection]
        same = self.by_key[connection.key]
        same.remove(connection)
        if not same:
            del self.by_key[connection.key]

    def older(self, instant: float) -> list[Connection]:
        """Those that may not be used after that monotonic instant."""
        return [connection for connection in self._all if connection.until <= instant]

    def all(self) -> list[Connection]:
        """Every one of them."""
        return list(self._all)
