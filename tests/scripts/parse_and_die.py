"""Starts a parse worker, says its number, and is gone without closing anything."""

import os
import signal
from datetime import UTC, datetime

from crawler.model import Headers, Request, Response
from crawler.parsing import Parsers

parsers = Parsers(1)
now = datetime.now(UTC)
request = Request("http://h.example/")
parsers.submit(1, Response(request, 200, "OK", Headers(), b"", b"", "1.1", "", now, 0.1))
while parsers.pending:
    parsers.wait(1.0)
    parsers.ready()
print(parsers._pool._workers[0].pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
