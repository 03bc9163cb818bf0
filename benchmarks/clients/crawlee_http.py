"""Crawlee's HttpCrawler with its default client, nothing kept on disk."""

import asyncio
import logging
from datetime import timedelta

from crawlee import ConcurrencySettings, service_locator
from crawlee.crawlers import HttpCrawler, HttpCrawlingContext
from crawlee.storage_clients import MemoryStorageClient
from meter import Meter, arguments


async def main() -> None:
    given = arguments()
    service_locator.set_storage_client(MemoryStorageClient())
    crawler = HttpCrawler(
        concurrency_settings=ConcurrencySettings(
            min_concurrency=given.concurrency,
            desired_concurrency=given.concurrency,
            max_concurrency=given.concurrency,
        ),
        use_session_pool=False,
        max_request_retries=0,
        configure_logging=False,
        statistics_log_format="inline",
        request_handler_timeout=timedelta(seconds=30),
    )

    @crawler.router.default_handler
    async def handle(context: HttpCrawlingContext) -> None:
        meter.page(context.http_response.status_code, len(await context.http_response.read()))

    with Meter() as meter:
        await crawler.run(given.urls)


logging.disable(logging.WARNING)
asyncio.run(main())
