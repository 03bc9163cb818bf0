"""CN13: a kernel that knows no way to the address, played in a network namespace without links."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
PROJECT = TESTS.parent
ENGINES = (
    "selectors",
    "uring",
    "gevent+requests",
    "gevent+socket",
    "threads+urllib",
    "sequential+socket",
    "generators",
    "greenlets",
    "asyncio",
    "processes+socket",
)
_ALONE = ["unshare", "--map-root-user", "--net"]


def can_be_alone() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_ALONE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_be_alone(), reason="this user may not make network namespaces")
@pytest.mark.parametrize("engine", ENGINES)
def test_an_address_without_a_route_is_unreachable(engine: str) -> None:
    program = [sys.executable, str(TESTS / "scripts" / "fetch_urls.py"), engine, "2"]

    done = subprocess.run(
        [*_ALONE, *program],
        input="http://192.0.2.1/ http://[2001:db8::1]/",
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT)},
        timeout=9,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert {code for _, code, *_ in json.loads(done.stdout)} == {"connect.unreachable"}
