"""Scrapy, following links within a host, tuned as its manual says, one JSON record per page."""

import tempfile
from pathlib import Path

import scrapy
from following import digest, is_page, of_records
from meter import Meter, arguments
from scrapy.crawler import CrawlerProcess
from scrapy.linkextractors import LinkExtractor

given = arguments()
start, concurrency = given.urls[0], given.concurrency
folder = tempfile.TemporaryDirectory()
out = Path(folder.name) / "out.jsonl"
host = start.split("/")[2].partition(":")[0]


class Pages(scrapy.Spider):
    name = "pages"
    allowed_domains = [host]  # noqa: RUF012  # Scrapy's own form
    start_urls = [start]  # noqa: RUF012
    links = LinkExtractor()
    custom_settings = {  # noqa: RUF012
        "CONCURRENT_REQUESTS": concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
        "DOWNLOAD_DELAY": 0,
        "AUTOTHROTTLE_ENABLED": False,
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "LOGSTATS_INTERVAL": 0,
        "LOG_LEVEL": "ERROR",
        "ROBOTSTXT_OBEY": True,
        "FEEDS": {str(out): {"format": "jsonlines", "overwrite": True}},
    }

    def parse(self, response):
        if is_page(response.url):
            meter.page(response.status, len(response.body))
        yield {"url": response.url, "status": response.status, "size": len(response.body)}
        if isinstance(response, scrapy.http.HtmlResponse):
            for link in self.links.extract_links(response):
                yield scrapy.Request(link.url)


process = CrawlerProcess()
process.crawl(Pages)
with Meter() as meter:
    process.start()
    meter.tell(found=digest(of_records(out)))
folder.cleanup()
