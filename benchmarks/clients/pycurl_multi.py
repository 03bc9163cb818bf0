"""pycurl's CurlMulti as in its example retriever-multi.py: easy handles used again and again."""

from io import BytesIO

import pycurl
from meter import Meter, arguments

given = arguments()

with Meter() as meter:
    multi = pycurl.CurlMulti()
    # There are no more handles than may be under way; idle ones stay, or hosts evict each other.
    multi.setopt(pycurl.M_MAXCONNECTS, 4 * given.concurrency)
    free = []
    for _ in range(given.concurrency):
        easy = pycurl.Curl()
        easy.setopt(pycurl.NOSIGNAL, 1)
        easy.setopt(pycurl.TIMEOUT, 30)
        if given.cacert:
            easy.setopt(pycurl.CAINFO, given.cacert)
        free.append(easy)
    bodies = {}
    waiting = iter(given.urls)
    left = len(given.urls)
    while left:
        while free:
            url = next(waiting, None)
            if url is None:
                break
            easy = free.pop()
            bodies[easy] = BytesIO()
            easy.setopt(pycurl.URL, url)
            easy.setopt(pycurl.WRITEDATA, bodies[easy])
            multi.add_handle(easy)
        while multi.perform()[0] == pycurl.E_CALL_MULTI_PERFORM:
            pass
        while True:
            more, ended, failed = multi.info_read()
            for easy in ended:
                multi.remove_handle(easy)
                meter.page(easy.getinfo(pycurl.RESPONSE_CODE), len(bodies.pop(easy).getvalue()))
                free.append(easy)
            for _easy, _code, message in failed:
                raise SystemExit(message)
            left -= len(ended)
            if not more:
                break
        if not free:
            multi.select(1.0)
