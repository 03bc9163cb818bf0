"""A script as one would write it by hand with aiohttp: a list in, a JSON record for each page out.

    python aiohttp_jsonl.py URLS_FILE OUT CONCURRENCY

The records have the fields of `crawl -o out.jsonl`. What aiohttp does not tell, or only through its
tracing (peer, times of the phases), is empty here: the script is faster than one that tells them.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TextIO

import aiohttp


async def fetched(session: aiohttp.ClientSession, number: int, url: str) -> dict[str, Any]:
    """The record of one page, or of why there is none."""
    began = time.perf_counter()
    record: dict[str, Any] = {
        "n": number, "input": url, "url": url, "final_url": url, "status": None, "ok": False,
        "error": None, "error_text": None, "via": [], "attempts": 1, "bytes": 0, "size": 0,
        "content_type": None, "charset": None, "ip": None, "port": None, "http_version": None,
        "reused": False, "time_queue": 0.0, "time_dns": 0.0, "time_connect": 0.0, "time_tls": 0.0,
        "time_first_byte": 0.0, "time_total": 0.0, "started": datetime.now(UTC).isoformat(),
        "truncated": None, "warnings": [], "sha256": None, "file": None, "engine": "aiohttp",
    }  # fmt: skip
    try:
        async with session.get(url) as response:
            body = await response.read()
            record["final_url"] = str(response.url)
            record["via"] = [{"url": str(hop.url)} for hop in response.history]
            record["status"], record["ok"] = response.status, response.status < 400
            record["http_version"] = f"{response.version.major}.{response.version.minor}"
            record["content_type"] = response.headers.get("Content-Type")
            record["charset"] = response.charset
            record["bytes"] = record["size"] = len(body)
            record["sha256"] = sha256(body).hexdigest()
    except (aiohttp.ClientError, TimeoutError) as error:
        record["error"], record["error_text"] = type(error).__name__, str(error)
    record["time_total"] = round(time.perf_counter() - began, 6)
    return record


async def work(
    session: aiohttp.ClientSession, lines: Iterator[tuple[int, str]], out: TextIO
) -> None:
    for number, line in lines:
        url = line.strip()
        if url:
            record = await fetched(session, number, url)
            out.write(json.dumps(record, separators=(",", ":")) + "\n")


async def main() -> None:
    source, target, concurrency = sys.argv[1], sys.argv[2], int(sys.argv[3])
    timeout = aiohttp.ClientTimeout(total=60)
    connector = aiohttp.TCPConnector(limit=concurrency)
    with open(source) as urls, open(target, "w") as out:  # noqa: PTH123
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            lines = enumerate(urls, 1)
            await asyncio.gather(*(work(session, lines, out) for _ in range(concurrency)))


asyncio.run(main())
