"""Programs in a network of their own, where 93.184.216.34 is an address of this machine.

What looks at addresses takes it for public, and the resolver asked there is whoever listens on it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
PROJECT = TESTS.parent
_ALONE = ["unshare", "--map-root-user", "--net", "--mount", "sh", "-c"]
_SET_UP = """
mount --bind "$0" /etc/resolv.conf && ip link set lo up &&
ip address add 93.184.216.34/32 dev lo && exec "$@"
"""


@cache
def _can_be_alone() -> bool:
    if not all(map(shutil.which, ("unshare", "ip", "mount"))):
        return False
    command = [*_ALONE, _SET_UP, "/etc/hosts", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def alone(folder: Path, script: str, *args: str) -> str:
    """What a program of tests/scripts printed; the test is skipped where that cannot be done."""
    if not _can_be_alone():
        pytest.skip("this user may not make network and mount namespaces")
    resolver = folder / "resolv.conf"
    resolver.write_text("nameserver 93.184.216.34\n")
    program = [sys.executable, str(TESTS / "scripts" / script), *args]
    done = subprocess.run(
        [*_ALONE, _SET_UP, str(resolver), *program],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT)},
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
