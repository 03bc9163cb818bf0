"""Plays the rows that take a crawl: crawl_batch.py ENGINE MODULE...; prints what came of them.

In a network of its own (tests/security/alone.py). The sites are served by a child process. Rows
crawl beside each other, each with an engine of its own; those that are about time come first, for
others keep the processor busy.
"""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent
sys.path.insert(0, str(TESTS))

AT_ONCE = 16  # rows: most of their time is waiting


def serve(rows, folder):
    """The sites in a child process; its process id, once all listen."""
    from hostile.certificates import context_for
    from hostile.public_sites import serve_forever

    context = context_for([row.host for row in rows], folder)
    is_up, ready = os.pipe()
    child = os.fork()
    if not child:
        serve_forever(rows, context, ready)
    os.read(is_up, 1)
    return child


def main(engine, families):
    import importlib
    import tempfile

    # Else the crawls would take every silence for the network's.
    subprocess.run(["ip", "route", "add", "default", "dev", "lo"], check=True)
    subprocess.run(["ip", "route", "add", "unreachable", "198.51.100.0/24"], check=True)
    rows = [row for family in families for row in importlib.import_module(f"hostile.{family}").ROWS]
    with tempfile.TemporaryDirectory() as folder:
        child = serve(rows, Path(folder))
        try:
            if engine.startswith("gevent"):
                from gevent import monkey

                monkey.patch_all()
            play(engine, rows, Path(folder))
        finally:
            os.kill(child, 9)


def play(engine, rows, folder):
    import json
    from concurrent.futures import ThreadPoolExecutor

    from hostile.crawl_play import Player
    from hostile.public_sites import read_log

    player = Player(engine, folder)
    facts = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for some in ([row for row in rows if row.is_about_time],
                     [row for row in rows if not row.is_about_time]):  # fmt: skip
            facts |= zip((row.id for row in some), pool.map(player.facts, some), strict=True)
    sys.stdout.write(json.dumps({"facts": facts, **read_log()}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
    sys.stdout.flush()
    os._exit(0)  # crawls that rest are left alone
