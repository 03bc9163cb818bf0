"""Requests and outcomes as bytes that cross a pipe between two processes of ours.

    length (4 bytes) and then a tuple of plain values, by marshal

marshal and not pickle: it makes values and nothing else, so no byte that a server sent can become a
call. Its form differs from one Python to the next (marshal's documentation); here both ends are the
same interpreter. What the other side knows already does not cross: an outcome leaves its request
behind. Pure. Read beside it: processes.py, _workshop.py.
"""

from __future__ import annotations

import marshal
import struct
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from crawler.errors import FetchError
from crawler.headers import Headers
from crawler.model import Failure, Limits, Network, Request, Response, Timing

if TYPE_CHECKING:
    from crawler.model import Outcome

    Told: TypeAlias = tuple[Any, ...]

LENGTH = struct.Struct(">I")
_RESPONSE, _FAILURE, _BUG = 0, 1, 2
# Not str(value): a member of an enum would say its name.
_PLAIN: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
)


class Bug(Exception):
    """What went wrong in a worker and is no FetchError; its text is the worker's traceback."""


def framed(told: Any) -> bytes:
    """The values as one message."""
    try:
        data = marshal.dumps(told)
    except ValueError:  # something in it is an enum's member, or of another class made of a str
        data = marshal.dumps(_plain(told))
    return LENGTH.pack(len(data)) + data


def unframed(data: bytes | bytearray | memoryview) -> Any:
    """The values of a message whose length was taken off."""
    return marshal.loads(data)  # noqa: S302 - see above: the other end is ours


def of_request(request: Request) -> bytes:
    """The request as a message."""
    return framed(asked_by(request))


def asked_by(request: Request) -> Told:
    """All of the request that an exchange looks at."""
    return (
        request.url,
        request.headers,
        request.method,
        request.body,
        request.number,
        request.attempt,
        request.since,
        request.deadline,
        request.public_only,
    )


def request_of(told: Told) -> Request:
    """The request that crossed: all of it that an exchange looks at."""
    url, headers, method, body, number, attempt, since, deadline, public_only = told
    return Request(
        url,
        headers,
        method=method,
        body=body,
        number=number,
        attempt=attempt,
        since=since,
        deadline=deadline,
        public_only=public_only,
    )


def of_outcome(outcome: Outcome) -> bytes:
    """The outcome as a message, without its request."""
    return framed(told_of(outcome))


def told_of(outcome: Outcome) -> Told:
    """The outcome as plain values, without its request."""
    if isinstance(outcome, Response):
        return _RESPONSE, _of_response(outcome)
    error = outcome.error
    partial = None if error.partial is None else _of_response(error.partial)
    told = (type(error).__name__, str(error), error.code, error.retry, error.stale, partial)
    timing = _of_timing(outcome.timing)
    started = outcome.started.isoformat()
    return _FAILURE, (told, started, outcome.elapsed, outcome.attempts, timing)


def of_bug(text: str) -> bytes:
    """A message that says so."""
    return framed((_BUG, text))


def outcome_of(told: Told, request: Request) -> Outcome:
    """The outcome of that request. Raises Bug when the worker had one."""
    kind, values = told
    if kind == _RESPONSE:
        return _response(values, request)
    if kind == _BUG:
        raise Bug(values)
    (name, message, code, retry, stale, partial), started, elapsed, attempts, timing = values
    error = _CLASSES[name](message, code=code, retry=retry)
    error.stale = stale
    error.partial = None if partial is None else _response(partial, request)
    return Failure(
        request, error, datetime.fromisoformat(started), elapsed, attempts, Timing(*timing)
    )


def of_settings(transport: str, limits: Limits, network: Network) -> bytes:
    """What a worker has to know before its first request."""
    return framed(settings_told(transport, limits, network))


def settings_told(name: str, limits: Limits, network: Network) -> Told:
    """The same as plain values."""
    ca_file = None if network.ca_file is None else str(network.ca_file)
    return (
        name,
        tuple(getattr(limits, name) for name in Limits.__slots__),
        (network.proxy, network.verify, ca_file, network.resolve, network.family),
    )


def settings_of(told: Told) -> tuple[str, Limits, Network]:
    """Transport, limits and network of `of_settings`."""
    from pathlib import Path

    transport, limits, (proxy, verify, ca_file, resolve, family) = told
    path = None if ca_file is None else Path(ca_file)
    return transport, Limits(*limits), Network(proxy, verify, path, resolve, family)


def _plain(value: Any) -> Any:
    """The same of exactly the classes that marshal takes."""
    if isinstance(value, tuple | list):
        return tuple(_plain(inner) for inner in value)
    for kind, plain in _PLAIN:
        if isinstance(value, kind) and not isinstance(value, bool):
            return plain(value)
    return value


def _of_response(response: Response) -> Told:
    # Content is decoded above the engines: the body is still what was sent.
    return (
        response.status,
        response.reason,
        response.headers.fields,
        response.raw,
        response.http_version,
        response.peer,
        response.started.isoformat(),
        response.elapsed,
        _of_timing(response.timing),
        response.reused,
        response.truncated,
        response.warnings,
        response.sent,
        response.wire,
    )


def _response(told: Told, request: Request) -> Response:
    status, reason, fields, raw, version, peer, started, elapsed, timing, *rest = told
    reused, truncated, warnings, sent, wire = rest
    return Response(
        request,
        status,
        reason,
        Headers(fields),
        raw,
        raw,
        version,
        peer,
        datetime.fromisoformat(started),
        elapsed,
        Timing(*timing),
        reused,
        truncated,
        warnings,
        sent,
        wire,
    )


def _of_timing(timing: Timing) -> Told:
    return (
        timing.queue,
        timing.dns,
        timing.connect,
        timing.tls,
        timing.first_byte,
        timing.total,
    )


def _classes(parent: type[FetchError]) -> dict[str, type[FetchError]]:
    found = {parent.__name__: parent}
    for child in parent.__subclasses__():
        found |= _classes(child)
    return found


_CLASSES = _classes(FetchError)
