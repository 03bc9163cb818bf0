"""What people write: a gevent Pool and one requests Session, both as their manuals show them."""

from gevent import monkey  # noqa: TID251  # a program of its own may patch itself

monkey.patch_all()

import requests  # noqa: E402  # after the patch
from gevent.pool import Pool  # noqa: E402
from meter import Meter, arguments  # noqa: E402

given = arguments()


def get(url: str) -> tuple[int, int]:
    response = session.get(url, timeout=30)
    return response.status_code, len(response.content)


with Meter() as meter:
    session = requests.Session()
    adapter = requests.adapters.HTTPAdapter(pool_connections=50, pool_maxsize=given.concurrency)
    session.mount("http://", adapter)
    for status, size in Pool(given.concurrency).imap_unordered(get, given.urls):
        meter.page(status, size)
