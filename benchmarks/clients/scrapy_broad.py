"""Scrapy, tuned as its manual says for broad crawls, all that is not fetching switched off."""

import scrapy
from meter import Meter, arguments
from scrapy.crawler import CrawlerProcess

given = arguments()


class Pages(scrapy.Spider):
    name = "pages"
    custom_settings = {  # noqa: RUF012  # Scrapy's own form
        "CONCURRENT_REQUESTS": given.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": given.concurrency,
        "SCHEDULER_PRIORITY_QUEUE": "scrapy.pqueues.DownloaderAwarePriorityQueue",
        "DOWNLOAD_DELAY": 0,
        "RANDOMIZE_DOWNLOAD_DELAY": False,
        "AUTOTHROTTLE_ENABLED": False,
        "COOKIES_ENABLED": False,
        "RETRY_ENABLED": False,
        "REDIRECT_ENABLED": False,
        "AJAXCRAWL_ENABLED": False,
        "COMPRESSION_ENABLED": False,
        "HTTPCACHE_ENABLED": False,
        "ROBOTSTXT_OBEY": False,
        "TELNETCONSOLE_ENABLED": False,
        "LOGSTATS_INTERVAL": 0,
        "LOG_LEVEL": "ERROR",
        "DNSCACHE_ENABLED": True,
        "REFERER_ENABLED": False,
    }

    async def start(self):
        for url in given.urls:
            yield scrapy.Request(url, dont_filter=True)

    def parse(self, response):
        meter.page(response.status, len(response.body))


process = CrawlerProcess()
process.crawl(Pages)
with Meter() as meter:
    process.start()
