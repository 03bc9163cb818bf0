"""Fetches a URL twenty times by three processes, with descriptors for one: how it went."""

import logging
import os
import resource
import sys

from crawler.model import Limits, Network, Request
from crawler.sharding import Looks
from crawler.shards import Shards

MOST = 64  # enough for a process that has none of ours
LEFT = 3  # two for each process while it lives

if __name__ == "__main__":
    logging.basicConfig()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST, hard))
    while os.dup(0) < MOST - LEFT - 1:
        pass
    shards = Shards("selectors", 3, 6, Limits(), Network(), Looks())
    for number in range(20):
        shards.start(Request(f"{sys.argv[1]}?n={number}"))
    pages = []
    while len(pages) < 20:
        pages += shards.wait(None)
    count = len(shards._by_descriptor)
    print(f"{count} process, {sum(page.ok for page in pages)} pages")
    shards.close()
