"""Fetches as a job in JSON, here or in a child that gevent patched: the same code makes both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from crawler import crawl, engines, fetch_all
from crawler.model import Limits, Network, Request
from crawler.politeness import Politeness
from crawler.scope import Scope
from crawler.traps import FINE, Ruling

TESTS = Path(__file__).parent.parent
# The engines with exchanges of their own, and each transport once.
BY_PROXY = (
    "threads+requests", "threads+urllib", "threads+socket", "processes+socket", "generators",
    "greenlets+socket", "asyncio", "selectors", "uring",
)  # fmt: skip
LIMITS = Limits(retries=0, timeout=8.0, connect=5.0)


class Everywhere(Scope):
    """A scope that is no help: whatever is linked belongs to the crawl."""

    def ruling(self, request: Request) -> Ruling:
        return FINE


def network_of(job: dict[str, Any]) -> Network:
    """How the job's connections are made."""
    told = job.get("network", {})
    ca_file = told.get("ca_file")
    return Network(
        proxy=told.get("proxy", ""),
        ca_file=Path(ca_file) if ca_file else None,
        resolve=tuple((host, port, address) for host, port, address in told.get("resolve", ())),
    )


def codes(job: dict[str, Any]) -> dict[str, str]:
    """The code of every outcome, by the URL that was asked for first; "" for a response."""
    requests = [
        Request(url, tuple((name, value) for name, value in fields), method=method,
                body=body.encode())
        for url, fields, method, body in job["requests"]
    ]  # fmt: skip
    engine, processes = job["engine"], job.get("processes", 1)
    network = network_of(job)
    if job.get("crawl"):
        outcomes = crawl(
            requests, scope=Everywhere(max_depth=3) if job.get("everywhere") else "domain",
            robots=False, engine=engine, concurrency=8, limits=LIMITS, network=network,
            politeness=Politeness(concurrency=8, follow=False), processes=processes,
            cookies=job.get("cookies", False),
        )  # fmt: skip
    else:
        outcomes = fetch_all(
            requests, engine=engine, concurrency=8, limits=LIMITS, network=network,
            processes=processes,
        )  # fmt: skip
    return {
        (outcome.request.via or (outcome.request.url,))[0]: getattr(outcome, "code", "")
        for outcome in outcomes
    }


def played(job: dict[str, Any]) -> dict[str, str]:
    """`codes`, in a process of its own where the engine needs the patch."""
    # With several processes it is they that gevent patches.
    if job.get("processes", 1) > 1 or not engines.needs_patch(job["engine"]):
        return codes(job)
    paths = os.pathsep.join((str(TESTS), str(TESTS.parent)))
    done = subprocess.run(
        [sys.executable, str(TESTS / "scripts" / "fetch_asked.py")],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ | {"PYTHONPATH": paths},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, str] = json.loads(done.stdout)
    return told
