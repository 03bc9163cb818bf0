"""requests in a pool of threads, a Session for each, as its manual has it for several threads."""

import threading
from concurrent.futures import ThreadPoolExecutor

import requests
from meter import Meter, arguments

given = arguments()
own = threading.local()


def get(url: str) -> tuple[int, int]:
    if not hasattr(own, "session"):
        own.session = requests.Session()
        own.session.mount("http://", requests.adapters.HTTPAdapter(pool_connections=50))
    response = own.session.get(url, timeout=30)
    return response.status_code, len(response.content)


with Meter() as meter, ThreadPoolExecutor(given.concurrency) as pool:
    for status, size in pool.map(get, given.urls):
        meter.page(status, size)
