"""This project's crawl() from a program: the loop alone, without the start of the interpreter."""

from following import digest, is_page, of_urls
from meter import Meter, arguments

from crawler import Response, crawl

given = arguments()
for _ in crawl(given.urls, max_pages=1, engine=given.engine):
    pass  # what is imported late
found = []
with Meter() as meter:
    for outcome in crawl(given.urls, engine=given.engine, concurrency=given.concurrency):
        if isinstance(outcome, Response) and outcome.status == 200 and is_page(outcome.url):
            meter.page(outcome.status, len(outcome.body))
            found.append(outcome.url)
    meter.tell(found=digest(of_urls(found)))
