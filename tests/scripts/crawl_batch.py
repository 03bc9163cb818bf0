"""Plays the rows that take a crawl: crawl_batch.py ENGINE FAMILY...; prints what came of them.

In a network of its own (tests/security/alone.py). The sites are served by a child process. Rows
crawl beside each other, each with an engine of its own.
"""

import os
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
    import tempfile

    from hostile.catalogue import CRAWLED

    rows = [row for family in families for row in CRAWLED[family].ROWS]
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
    with ThreadPoolExecutor(AT_ONCE) as pool:
        facts = dict(zip((row.id for row in rows), pool.map(player.facts, rows), strict=True))
    sys.stdout.write(json.dumps({"facts": facts, **read_log()}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
    sys.stdout.flush()
    os._exit(0)  # crawls that rest are left alone
