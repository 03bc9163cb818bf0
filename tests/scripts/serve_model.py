"""A server of one model, by the options of `crawl serve` in the order in which the tests give them.

serve_model.py --model NAME --protocol NAME --port N [--connections N] [--grace SECONDS]
"""

from __future__ import annotations

import sys

from crawler.serving import models

values = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
models.GRACE = float(values.get("--grace", models.GRACE))  # before a server's file takes it over
plan = models.Plan(values["--protocol"], int(values.get("--connections", "0")))
models.serve(
    values["--model"],
    "127.0.0.1",
    int(values["--port"]),
    plan,
    lambda host, port: print(f"http://{host}:{port}/", flush=True),
)
