"""Write records up to a mark, some more, and be killed: FILE BEFORE AFTER.

The mark goes to stdout before the death.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sinks.outcomes import response

from crawler import sinks
from crawler.sinks.record import Describer

target, before, after = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sink = sinks.open(target, Describer(engine="e"))
for number in range(1, before + 1):
    sink.write(response(number=number))
    if number % 17 == 0:
        sink.flush()
print(sink.mark(), flush=True)
for number in range(before + 1, before + after + 1):
    sink.write(response(number=number))
    if number % 3 == 0:
        sink.flush()
os.kill(os.getpid(), signal.SIGKILL)
