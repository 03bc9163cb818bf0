"""aiohttp at its best: one session, as many workers as connections, one iterator of URLs."""

import asyncio
import ssl
from collections.abc import Iterator

import aiohttp
from meter import Meter, arguments


async def work(session: aiohttp.ClientSession, urls: Iterator[str], meter: Meter) -> None:
    for url in urls:
        async with session.get(url) as response:
            body = await response.read()
            meter.page(response.status, len(body))


async def main() -> None:
    given = arguments()
    trusted = ssl.create_default_context(cafile=given.cacert) if given.cacert else True
    with Meter() as meter:
        connector = aiohttp.TCPConnector(limit=given.concurrency, ssl=trusted)
        async with aiohttp.ClientSession(connector=connector) as session:
            shared = iter(given.urls)
            await asyncio.gather(*(work(session, shared, meter) for _ in range(given.concurrency)))


asyncio.run(main())
