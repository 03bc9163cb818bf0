"""The process that parses pages: the other end of parsing.py's pipes.

    stdin: settings, then page, page, ...  ─►  stdout: what was found, for each, in the same order

Run as ``python -P -m crawler.parse_worker``. A page may take so many seconds of processor time,
then the kernel ends this process (setitimer(2): SIGPROF ends who does not handle it); no parser has
to cooperate. Memory is bounded for the process as a whole (setrlimit(2), RLIMIT_AS). It ends when
its standard input does, so it never outlives the crawl. Messages are a length and then plain values
by marshal, which can make nothing but values: both ends are the same interpreter.
"""

from __future__ import annotations

import marshal
import os
import resource
import signal
import struct
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crawler import selecting
from crawler.extract import MAX_TEXT, Found, extract
from crawler.model import Headers, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from crawler.selecting import Selector, Value

    Told: TypeAlias = tuple[Any, ...]
    Work: TypeAlias = Callable[[Response, str], Told]

LENGTH = struct.Struct(">I")
_CHUNK = 1024 * 1024
_MOST_BYTES = 4 * (MAX_TEXT + 1)  # of a body that cross: no character has more than four
_NEVER = datetime.fromtimestamp(0, UTC)


def main() -> None:
    """Parse what comes until no more comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the crawl to decide about
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    settings = _message()
    if settings is None:
        return
    seconds, memory, name, *arguments = settings
    work = WORK[name](*arguments)
    # What is imported by the first page is no page's work.
    work(response_of(("http://a/", (("content-type", "text/html"),), b"<p>", "")), "")
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    while (told := _message()) is not None:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        answer = framed(work(response_of(told), told[-1]))
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        _send(answer)


def _extraction(requisites: bool, parser: str, agent: str) -> Work:
    def work(response: Response, mode: str) -> Told:
        return of_found(
            extract(response, requisites=requisites, parser=mode or parser, agent=agent)
        )

    return work


def _selection(texts: Iterable[str], with_text: bool) -> Work:
    chosen = selecting.selectors(texts)

    def work(response: Response, _mode: str) -> Told:
        return values_of(response, chosen, with_text=with_text)

    return work


WORK: dict[str, Callable[..., Work]] = {"extract": _extraction, "fields": _selection}


def framed(told: Told) -> bytes:
    """The values as one message."""
    data = marshal.dumps(told)
    return LENGTH.pack(len(data)) + data


def of_found(found: Found) -> Told:
    """What was found, as plain values."""
    return tuple(getattr(found, name) for name in Found.__slots__)


def found_of(told: Told | None, reason: str = "") -> Found:
    """The same as `of_found` was given; nothing but the reason where nothing came."""
    if told is None:
        return Found(warning=reason)
    return replace(Found(*told), warning=reason) if reason else Found(*told)


def values_of(
    response: Response, chosen: Iterable[Selector], *, with_text: bool
) -> tuple[Value, ...]:
    """The values of the selectors, in order, and the page's text."""
    page = selecting.page(response)
    if page is None:
        return no_values(chosen, with_text=with_text)
    values = tuple([one.of(page) for one in chosen])
    return (*values, selecting.text_of(page)) if with_text else values


def no_values(chosen: Iterable[Selector], *, with_text: bool) -> tuple[Value, ...]:
    """The same of a page that has none of them."""
    values: tuple[Value, ...] = tuple([[] if one.is_list else None for one in chosen])
    return (*values, "") if with_text else values


def of_response(response: Response, mode: str = "") -> Told:
    """All of a response that is looked at here, and how it is to be worked on."""
    wanted = ("content-type", "link", "refresh", "x-robots-tag")
    headers = response.headers
    fields = tuple([(name, value) for name in wanted for value in headers.all(name)])
    return (str.__str__(response.url), fields, response.body[:_MOST_BYTES], mode)


def response_of(told: Told) -> Response:
    """A response that says the same to `extract`."""
    url, fields, body, _ = told
    return Response(Request(url), 200, "", Headers(fields), body, body, "1.1", "", _NEVER, 0.0)


def _message() -> Told | None:
    """The next message; None at the end."""
    head = _exactly(LENGTH.size)
    body = None if head is None else _exactly(LENGTH.unpack(head)[0])
    if body is None:
        return None
    told: Told = marshal.loads(body)  # noqa: S302 - the other end is ours
    return told


def _exactly(size: int) -> bytes | None:
    pieces = []
    while size:
        piece = os.read(0, min(size, _CHUNK))
        if not piece:
            return None
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _send(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    import contextlib

    with contextlib.suppress(BrokenPipeError):
        main()
