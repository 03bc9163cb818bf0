"""URLs on stdin, fetched by select while all but some of its 1024 descriptors are taken."""

from __future__ import annotations

import os
import resource
import sys

from crawler import fetch_all

urls = sys.stdin.read().split()
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
# One of every name the engine needs besides connections is open by now or fits below the crowd.
crowd = [os.dup(0) for _ in range(1005)]

outcomes = list(fetch_all(urls, engine="select", concurrency=50))

print(sum(outcome.ok for outcome in outcomes))
