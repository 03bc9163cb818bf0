"""httpx.AsyncClient, one for all, limits as wide as the concurrency."""

import asyncio
from collections.abc import Iterator

import httpx
from meter import Meter, arguments


async def work(client: httpx.AsyncClient, urls: Iterator[str], meter: Meter) -> None:
    for url in urls:
        response = await client.get(url)
        meter.page(response.status_code, len(response.content))


async def main() -> None:
    given = arguments()
    wide = httpx.Limits(max_connections=given.concurrency, max_keepalive_connections=None)
    with Meter() as meter:
        async with httpx.AsyncClient(limits=wide, timeout=30, trust_env=False) as client:
            shared = iter(given.urls)
            await asyncio.gather(*(work(client, shared, meter) for _ in range(given.concurrency)))


asyncio.run(main())
