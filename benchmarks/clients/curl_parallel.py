"""curl --parallel, the command itself; what it writes of every transfer is checked."""

import tempfile
from pathlib import Path

from meter import arguments, command, reported

given = arguments()
with tempfile.TemporaryDirectory() as name:
    config = Path(name) / "urls"
    # Each URL needs an output of its own, and --parallel-max goes up to 300.
    config.write_text("".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in given.urls))
    words = ["curl", "-q", "-s", "-Z", "--parallel-max", str(min(300, given.concurrency))]
    words += ["-w", "%{http_code} %{size_download}\n", "-K", str(config)]
    words += ["--cacert", given.cacert] if given.cacert else []
    with (Path(name) / "out").open("w+") as out:
        wall, usage, _ = command(*words, stdout=out.fileno())
        out.seek(0)
        lines = [line.split() for line in out]
ok = sum(status == "200" for status, _ in lines)
reported(wall, usage, pages=len(lines), ok=ok, size=sum(int(size) for _, size in lines))
