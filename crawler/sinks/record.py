"""One outcome as one flat record: the same fields whatever the format it is written in.

Names follow curl's ``%{json}`` and httpx's ``-json`` where those agree. Every record has every
field; null where there was nothing. Times are durations in seconds that do not overlap, so they may
be added: `time_queue` runs from the line being read to the start of the exchange that ended it, and
so holds the wait for the host and earlier redirects and retries.

    record()   ours, then what was selected from the page, then what the input line carried
    row()      the same for a table, whose columns are known before the first record: `fields`

What a line carries stands beside our fields under its own name; ``input.NAME`` where we have a
field of that name. A table has a column for each name that is known in advance (the heading of a
CSV input), else one column, `carried`, with the JSON text.
"""

from __future__ import annotations

import html
import json
import math
import re
import time
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

from crawler.model import NO_TIMING, Failure, Response, Skip
from crawler.sinks._page_line import charset_of, page_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Protocol

    from crawler.model import Final, Request, Timing

    class Selection(Protocol):
        """What is taken from pages besides."""

        @property
        def names(self) -> Sequence[str]:
            """Of the fields, in order."""
            ...

        def of(self, response: Response, /) -> Mapping[str, Field]:
            """The fields of one page; never raises for the page's sake."""
            ...


# What JSON can say; inner lists and objects are not looked into.
Field: TypeAlias = (
    "str | int | float | bool | list[str] | list[dict[str, str]] | dict[str, object] | None"
)
Record: TypeAlias = "dict[str, Field]"

FIELDS = (
    "n", "input", "url", "final_url", "status", "ok", "error", "error_text", "via", "attempts",
    "bytes", "size", "content_type", "charset", "ip", "port", "http_version", "reused",
    "time_queue", "time_dns", "time_connect", "time_tls", "time_first_byte", "time_total",
    "started", "truncated", "warnings", "sha256", "file", "engine",
)  # fmt: skip
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,4096})", re.IGNORECASE)
_TITLE_WITHIN = 64 * 1024  # characters
_TITLE_MOST = 300  # characters
CARRIED = "carried"
ON_REQUEST = ("title", "depth", "parent")  # only where named: they cost a look, or say little


class Describer:
    """Makes records; every sink of a run shares one, so that an outcome is described once.

    Args:
        engine: the name that goes into `engine`.
        fields: names and order; all of `FIELDS` when empty, and then what lines carried.
        keep: stores a body under its hash and gives the name of its file.
        selection: what is taken from pages; its fields come last unless `fields` names them.
        columns: names that lines carry, where they are known before the first line.
        clock: a monotonic clock, in seconds.

    Attributes:
        fields: of a row, in order.

    Raises:
        ValueError: a field does not exist, or a name is given to two fields.
    """

    def __init__(
        self,
        *,
        engine: str,
        fields: Iterable[str] = (),
        keep: Callable[[bytes, str], str] | None = None,
        selection: Selection | None = None,
        columns: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        chosen = tuple(fields)
        self._selection = selection
        self._selected = tuple(selection.names) if selection is not None else ()
        self._ours = frozenset({*FIELDS, *ON_REQUEST, CARRIED, *self._selected})
        self._columns = tuple(dict.fromkeys(self._beside(name) for name in columns))
        _refuse_twice(self._selected)
        self._refuse_unknown(chosen)
        told = self._columns or (CARRIED,)
        names = chosen or FIELDS
        names = (*names, *(name for name in self._selected if name not in names))
        names = names if chosen else (*names, CARRIED)
        self.fields = tuple(dict.fromkeys(_expanded(names, told)))
        self._engine = engine
        self._keep = keep
        self._clock = clock
        self._names = names if chosen else ()  # of a record; empty where it has all
        self._hashed = keep is not None or "sha256" in self.fields
        self._asked = tuple(
            name for name in ON_REQUEST if name in chosen and name not in self._selected
        )
        self._last: tuple[Final, Record] | None = None
        self._written: tuple[Final, bytes] | None = None
        self._is_plain = not (chosen or self._asked or self._selection or self._columns)
        self._engine_text = json.dumps(engine)

    def line(self, outcome: Final) -> bytes:
        """The record of `outcome` as one line of JSON, ASCII only, with its newline."""
        if self._written is not None and self._written[0] is outcome:
            return self._written[1]
        line: bytes | None = None
        if self._is_plain and isinstance(outcome, Response) and self._last_is_not(outcome):
            line = self._page_line(outcome)
        if line is None:
            line = encoded(self.record(outcome))
        self._written = (outcome, line)
        return line

    def record(self, outcome: Final) -> Record:
        """The record of `outcome`; the same one again for the same outcome."""
        if self._last is not None and self._last[0] is outcome:
            return self._last[1]
        record = self._describe(outcome)
        if self._asked or self._selection is not None:
            record.update(self._looked_up(outcome))
        carried: Record = dict.fromkeys(self._columns)
        if outcome.request.carried:
            carried.update((self._beside(key), value) for key, value in _told(outcome.request))
        if self._names:
            record = _picked(self._names, record, carried)
        elif carried:
            record.update(carried)
        self._last = (outcome, record)
        return record

    def row(self, outcome: Final) -> list[Field]:
        """The values of `fields`."""
        record = self.record(outcome)
        get = record.get
        return [
            get(name) if name != CARRIED else outcome.request.carried or None
            for name in self.fields
        ]

    def _beside(self, name: str) -> str:
        """What a name that a line carries is called beside our fields."""
        taken = name.lower() in self._ours or name in self._ours or name.startswith("input.")
        return f"input.{name}" if taken else name

    def _refuse_unknown(self, chosen: tuple[str, ...]) -> None:
        known = {*self._ours, *self._columns}
        for name in chosen:
            if name not in known:
                import difflib

                close = difflib.get_close_matches(name, known, n=1)
                nearest = f"; did you mean {close[0]!r}?" if close else ""
                there = ", ".join(sorted(known))
                raise ValueError(
                    f"no such field: {name!r}{nearest} (there are {there}; what lines of the input"
                    " say beside their URL is carried)"
                )

    def _looked_up(self, outcome: Final) -> Record:
        """The fields that are not in every record."""
        page = outcome if isinstance(outcome, Response) else None
        found: Record = {}
        for name in self._asked:
            found[name] = _ON_REQUEST[name](outcome)
        if self._selection is not None:
            found.update(dict.fromkeys(self._selected))
            if page is not None:
                found.update(self._selection.of(page))
        return found

    def _describe(self, outcome: Final) -> Record:
        request = outcome.request
        timing, total, started = _clocked(outcome)
        digest: str | None = None
        file: str | None = None
        reply: Response | None = None
        attempts = 0
        if isinstance(outcome, Response):
            reply = outcome
            attempts = request.attempt
            if self._hashed and not outcome.truncated:
                digest, file = self._kept(outcome.body)
        elif isinstance(outcome, Failure):
            reply = outcome.error.partial
            attempts = outcome.attempts
        error, error_text = fault(outcome)
        first = request.via[0] if request.via else request.url
        status, size, decoded, content_type, ip, port, version, reused, truncated, warnings = (
            _reply(reply) if reply is not None else _NO_REPLY
        )
        return {
            "n": request.number or None,
            "input": request.text or first,
            "url": first or None,
            "final_url": request.url or None,
            "status": status,
            "ok": not error,
            "error": error or None,
            "error_text": error_text or None,
            "via": [{"url": url} for url in request.via] if request.via else [],
            "attempts": attempts,
            "bytes": size,
            "size": decoded,
            "content_type": content_type,
            "charset": charset_of(content_type) if content_type else None,
            "ip": ip,
            "port": port,
            "http_version": version,
            "reused": reused,
            "time_queue": round(timing.queue, 6) or self._queue(outcome, total),
            "time_dns": round(timing.dns, 6),
            "time_connect": round(timing.connect, 6),
            "time_tls": round(timing.tls, 6),
            "time_first_byte": round(timing.first_byte, 6),
            "time_total": round(total, 6),
            "started": started,
            "truncated": truncated,
            "warnings": warnings,
            "sha256": digest,
            "file": file,
            "engine": self._engine,
        }

    def _page_line(self, page: Response) -> bytes | None:
        if page.truncated:
            return None
        digest, file = self._kept(page.body) if self._hashed else (None, None)
        queue = round(page.timing.queue, 6)
        queue = queue or self._queue(page, page.timing.total or page.elapsed)
        return page_line(page, digest=digest, file=file, queue=queue, engine=self._engine_text)

    def _last_is_not(self, outcome: Final) -> bool:
        """Whether no record of it was made yet."""
        return self._last is None or self._last[0] is not outcome

    def _kept(self, body: bytes) -> tuple[str, str | None]:
        digest = sha256(body).hexdigest()
        return digest, self._keep(body, digest) if self._keep is not None and body else None

    def _queue(self, outcome: Final, total: float) -> float:
        since = 0.0 if isinstance(outcome, Skip) else outcome.request.since
        return round(max(0.0, self._clock() - since - total), 6) if since else 0.0


def fault(outcome: Final) -> tuple[str, str]:
    """Code and sentence of what went wrong, both empty for a whole page from 200 to 399."""
    if isinstance(outcome, Skip):
        return outcome.code, outcome.reason
    if not isinstance(outcome, Response):
        return outcome.error.code, str(outcome.error)
    if outcome.ok:
        return "", ""
    if outcome.truncated:
        return "body.truncated", f"the body was cut short ({outcome.truncated})"
    return f"http.{outcome.status}", f"{outcome.status} {outcome.reason}".rstrip()


def encoded(record: Record) -> bytes:
    """The record as one line of JSON, ASCII only, with its newline."""
    return _encode(record).encode("ascii") + b"\n"


_Reply: TypeAlias = (
    "tuple[int | None, int, int, str | None, str | None, int | None, str | None, bool, "
    "str | None, list[str]]"
)
_NO_REPLY: _Reply = (None, 0, 0, None, None, None, None, False, None, [])
_encode = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode


def _clocked(outcome: Final) -> tuple[Timing, float, str | None]:
    """The phases of the last exchange, the whole of it, and when it began."""
    if isinstance(outcome, Skip):
        return NO_TIMING, 0.0, None
    timing = outcome.timing
    return timing, timing.total or outcome.elapsed, outcome.started.isoformat()


def _reply(reply: Response) -> _Reply:
    ip, _, port = reply.peer.rpartition(" ")
    return (
        reply.status,
        len(reply.raw),
        len(reply.body),
        reply.headers.get("content-type"),
        ip or None,
        int(port) if ip else None,
        reply.http_version or None,
        reply.reused,
        reply.truncated or None,
        list(reply.warnings),
    )


def _title(outcome: Final) -> str | None:
    """The text of the first <title> within the first 64 KiB, white space collapsed."""
    response = outcome.error.partial if isinstance(outcome, Failure) else outcome
    if not isinstance(response, Response):
        return None
    match = _TITLE.search(response.text[:_TITLE_WITHIN])
    return " ".join(html.unescape(match[1]).split())[:_TITLE_MOST] if match else None


def _depth(outcome: Final) -> int:
    return outcome.request.depth


def _parent(outcome: Final) -> str | None:
    return outcome.request.parent


_ON_REQUEST: dict[str, Callable[[Final], Field]] = {
    "title": _title,
    "depth": _depth,
    "parent": _parent,
}


def _told(request: Request) -> Iterable[tuple[str, Field]]:
    """What the line said beside the URL; all of it as one text where JSON cannot be read."""
    try:
        found = json.loads(request.carried, parse_constant=str, parse_float=_number)
    except (ValueError, RecursionError):
        found = None
    return found.items() if isinstance(found, dict) else ((CARRIED, request.carried),)


def _number(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


def _picked(names: Iterable[str], record: Record, carried: Record) -> Record:
    picked: Record = {}
    for name in names:
        if name == CARRIED:
            picked.update(carried)
        else:
            picked[name] = record[name] if name in record else carried[name]
    return picked


def _expanded(names: Iterable[str], told: tuple[str, ...]) -> Iterator[str]:
    """The names, with the columns of what lines carry in the place of `carried`."""
    for name in names:
        if name == CARRIED:
            yield from told
        else:
            yield name


def _refuse_twice(names: tuple[str, ...]) -> None:
    for name in names:
        if name in {*FIELDS, CARRIED} or names.count(name) > 1:
            raise ValueError(f"there is a field {name!r} already: choose another name")
