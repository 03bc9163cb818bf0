"""One outcome as one flat record: the same fields whatever the format it is written in.

Names follow curl's ``%{json}`` and httpx's ``-json`` where those agree. Every record has every
field; null where there was nothing. Times are durations in seconds that do not overlap, so they may
be added: `time_queue` runs from the line being read to the start of the exchange that ended it, and
so holds the wait for the host and earlier redirects and retries.
"""

from __future__ import annotations

import html
import json
import re
import time
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

from crawler.model import NO_TIMING, Response, Skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from crawler.model import Final, Timing

Field: TypeAlias = "str | int | float | bool | list[str] | list[dict[str, str]] | None"
Record: TypeAlias = "dict[str, Field]"

FIELDS = (
    "n", "input", "url", "final_url", "status", "ok", "error", "error_text", "via", "attempts",
    "bytes", "size", "content_type", "charset", "ip", "port", "http_version", "reused",
    "time_queue", "time_dns", "time_connect", "time_tls", "time_first_byte", "time_total",
    "started", "truncated", "warnings", "sha256", "file", "engine",
)  # fmt: skip
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,4096})", re.IGNORECASE)
_TITLE_WITHIN = 64 * 1024  # characters
_TITLE_MOST = 300  # characters
ON_REQUEST = ("title",)  # costs a look into the body, so it must be named


class Describer:
    """Makes records; every sink of a run shares one, so that an outcome is described once.

    Args:
        engine: the name that goes into `engine`.
        fields: names and order; all of `FIELDS` when empty.
        keep: stores a body under its hash and gives the name of its file.
        clock: a monotonic clock, in seconds.

    Raises:
        ValueError: a field does not exist.
    """

    def __init__(
        self,
        *,
        engine: str,
        fields: Iterable[str] = (),
        keep: Callable[[bytes, str], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.fields = tuple(fields) or FIELDS
        known = {*FIELDS, *ON_REQUEST}
        unknown = [name for name in self.fields if name not in known]
        if unknown:
            raise ValueError(
                f"no such field: {unknown[0]!r} (there are {', '.join(sorted(known))})"
            )
        self._engine = engine
        self._keep = keep
        self._clock = clock
        self._all = self.fields == FIELDS
        self._hashed = keep is not None or "sha256" in self.fields
        self._titled = "title" in self.fields
        self._last: tuple[Final, Record] | None = None

    def record(self, outcome: Final) -> Record:
        """The record of `outcome`; the same one again for the same outcome."""
        if self._last is not None and self._last[0] is outcome:
            return self._last[1]
        record = self._describe(outcome)
        if not self._all:
            record = {name: record[name] for name in self.fields}
        self._last = (outcome, record)
        return record

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
        elif not isinstance(outcome, Skip):
            reply = outcome.error.partial
            attempts = outcome.attempts
        error, error_text = fault(outcome)
        first = request.via[0] if request.via else request.url
        status, size, decoded, content_type, ip, port, version, reused, truncated, warnings = (
            _reply(reply) if reply is not None else _NO_REPLY
        )
        record: Record = {
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
            "charset": _charset(content_type) if content_type else None,
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
        if self._titled:
            record["title"] = _title(reply) if reply is not None else None
        return record

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


@lru_cache(maxsize=256)
def _charset(content_type: str) -> str | None:
    """The charset parameter of a Content-Type, in lower case."""
    match = _CHARSET.search(content_type)
    return match[1].lower() if match else None


def _title(response: Response) -> str | None:
    """The text of the first <title> within the first 64 KiB, white space collapsed."""
    match = _TITLE.search(response.text[:_TITLE_WITHIN])
    return " ".join(html.unescape(match[1]).split())[:_TITLE_MOST] if match else None
