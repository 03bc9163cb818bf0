"""wrk, the limit: it reads answers and keeps nothing. It asks the first URL's host for a second.

How many pages it brings is up to it; what they hold it does not say, only how many answers were
above 399. Its bytes include the heads, so they are not checked.
"""

import re
import tempfile

from meter import arguments, command, reported

given = arguments()
with tempfile.TemporaryFile("w+") as out:
    words = ["wrk", "-t1", f"-c{given.concurrency}", "-d1s", given.urls[0]]
    wall, usage, _ = command(*words, stdout=out.fileno())
    out.seek(0)
    told = out.read()
pages = int(re.search(r"(\d+) requests in", told)[1])
wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", told)
bad = int(wrong[1]) if wrong else 0
bad += sum(map(int, broken.groups())) if broken else 0
reported(wall, usage, pages=pages, ok=pages - bad, size=0)
