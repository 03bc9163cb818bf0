"""Go's net/http: go_client.go, built before the rounds; see there."""

import sys
import tempfile
from pathlib import Path

from meter import arguments, command, reported

given = arguments()
program = str(Path(__file__).parent.parent / ".venv" / "bin" / "go_client")
with tempfile.TemporaryFile("w+") as out:
    wall, usage, _ = command(program, *sys.argv[1:], stdout=out.fileno())
    out.seek(0)
    pages, ok, size = map(int, out.read().split())
reported(wall, usage, pages=pages, ok=ok, size=size)
