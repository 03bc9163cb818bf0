"""The line of JSON of a page as most are: whole, asked for once, nothing strange about it.

    encoded(record(page)) == page_line(page, ...)       as JSON, at a third of the cost

A record is a dictionary that any sink can use; a crawl into JSON Lines needs none, so its lines are
written down at once. Texts pass through the encoder of the json module, so they stay ASCII.
Read beside it: record.py, which says what each field means.
"""

from __future__ import annotations

import re
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _text
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.model import Response

_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)


def page_line(
    page: Response, *, digest: str | None, file: str | None, queue: float, engine: str
) -> bytes | None:
    """The line, with its newline; None when the page is not as most are.

    Args:
        page: what is written.
        digest: SHA-256 of the body in hexadecimal.
        file: where the body is kept.
        queue: seconds, rounded to microseconds.
        engine: the name of the engine, as JSON.
    """
    request = page.request
    if page.warnings or request.via or request.carried or not page.ok or not request.url:
        return None
    url = _text(request.url)
    kind = page.headers.get("content-type")
    _, dns, connect, tls, first_byte, total = page.timing
    return (
        f'{{"n":{request.number or "null"},"input":{_text(request.text) if request.text else url},'
        f'"url":{url},"final_url":{url},"status":{page.status},"ok":true,"error":null,'
        f'"error_text":null,"via":[],"attempts":{request.attempt},"bytes":{len(page.raw)},'
        f'"size":{len(page.body)},{_kind(kind)},{_place(page.peer)},'
        f'"http_version":{_text(page.http_version) if page.http_version else "null"},'
        f'"reused":{"true" if page.reused else "false"},"time_queue":{queue},'
        f'"time_dns":{_seconds(dns)},"time_connect":{_seconds(connect)},'
        f'"time_tls":{_seconds(tls)},"time_first_byte":{round(first_byte, 6)},'
        f'"time_total":{round(total or page.elapsed, 6)},"started":"{page.started.isoformat()}",'
        f'"truncated":null,"warnings":[],"sha256":{_text(digest) if digest else "null"},'
        f'"file":{_text(file) if file else "null"},"engine":{engine}}}\n'
    ).encode("ascii")


@lru_cache(maxsize=256)
def charset_of(content_type: str) -> str | None:
    """The charset parameter of a Content-Type, in lower case."""
    match = _CHARSET.search(content_type)
    return match[1].lower() if match else None


@lru_cache(maxsize=256)
def _kind(content_type: str | None) -> str:
    if content_type is None:
        return '"content_type":null,"charset":null'
    charset = charset_of(content_type) if content_type else None
    said = _text(charset) if charset else "null"
    return f'"content_type":{_text(content_type)},"charset":{said}'


@lru_cache(maxsize=1024)
def _place(peer: str) -> str:
    ip, _, port = peer.rpartition(" ")
    return f'"ip":{_text(ip)},"port":{int(port)}' if ip else '"ip":null,"port":null'


def _seconds(value: float) -> float:
    return round(value, 6) if value else 0.0
