"""The misfortunes of a swarm's clients, in the same words for both ways to run them."""

from __future__ import annotations

import errno

from crawler.errors import LocalError


def is_exhausted(error: OSError) -> bool:
    """Whether our own side ran out: no server is to blame."""
    return error.errno in {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
    }


def too_many(clients: int, made: int, error: Exception) -> LocalError:
    """What to say, and to do, when not all clients can exist."""
    what = getattr(error, "strerror", None) or str(error)
    return LocalError(
        f"{what} after {made} of {clients} connections: fewer --clients, or a higher limit"
        f" (`ulimit -n {clients + 100}`)"
    )


def misfortune(error: OSError, *, connected: bool) -> str:
    """Why a client stopped early."""
    if isinstance(error, TimeoutError):
        return "no reply in time" if connected else "no connection in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "reset by the server"
    return (error.strerror or type(error).__name__).lower()
