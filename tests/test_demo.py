"""The demonstration: it ends its site and leaves nothing, however it is ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_site_and_leaves_no_file(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-P", "-m", "crawler", "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT), "TMPDIR": str(tmp_path)},
    )
    with demo:
        assert demo.stdout is not None
        port = int(demo.stdout.readline().split(",")[0].rpartition(":")[2])
        begun = any(line.startswith("$ crawl urls.txt") for line in demo.stdout)

        demo.send_signal(number)
        demo.communicate(timeout=9)

    assert begun
    assert demo.returncode == code
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)
