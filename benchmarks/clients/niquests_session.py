"""niquests' AsyncSession, as many workers as connections."""

import asyncio
from collections.abc import Iterator

import niquests
from meter import Meter, arguments


async def work(session: niquests.AsyncSession, urls: Iterator[str], meter: Meter) -> None:
    for url in urls:
        response = await session.get(url)
        meter.page(response.status_code, len(response.content))


async def main() -> None:
    given = arguments()
    with Meter() as meter:
        wide = {"pool_connections": 50, "pool_maxsize": given.concurrency}
        async with niquests.AsyncSession(disable_http2=True, disable_http3=True, **wide) as session:
            session.trust_env = False
            shared = iter(given.urls)
            await asyncio.gather(*(work(session, shared, meter) for _ in range(given.concurrency)))


asyncio.run(main())
