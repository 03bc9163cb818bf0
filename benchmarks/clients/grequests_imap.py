"""grequests.imap with one Session, as its README shows."""

import grequests  # patches the process: first
import requests
from meter import Meter, arguments

given = arguments()
with Meter() as meter:
    session = requests.Session()
    adapter = requests.adapters.HTTPAdapter(pool_connections=50, pool_maxsize=given.concurrency)
    session.mount("http://", adapter)
    asked = (grequests.get(url, session=session, timeout=30) for url in given.urls)
    for response in grequests.imap(asked, size=given.concurrency):
        meter.page(response.status_code, len(response.content))
