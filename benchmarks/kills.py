"""kill -9, fifty times in one crawl: nothing is lost, and no record is there twice: `make kills`.

    python benchmarks/kills.py [KILLS [PAGES]]

A site of 20 000 pages that links hold together is crawled at concurrency 50 with a state, JSON
Lines and WARC; the command is killed at random moments and given again. Checked at the end, for
each engine: the pages are those of the site, each with one record in each output; the site served
at most 50 pages a second time per kill; every record of the archive is whole.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path

CONCURRENCY = 50
ENGINES = ("selectors", "gevent")


def links(number: int, pages: int) -> list[int]:
    """A tree of pages, ten below each, and a link across."""
    below = [10 * number + k for k in range(1, 11) if 10 * number + k < pages]
    return [*below, (7 * number + 3) % pages]


async def serve(pages: int) -> None:
    served: Counter[str] = Counter()

    def reply(path: str) -> bytes:
        found = re.fullmatch(r"/p/(\d+)", path)
        if path == "/twice":
            status, body = 200, json.dumps(sum(n - 1 for n in served.values())).encode()
        elif found and int(found[1]) < pages:
            served[path] += 1
            text = "".join(f'<a href="/p/{n}">x</a>' for n in links(int(found[1]), pages))
            status, body = 200, f"<title>{path}</title>{text}".encode()
        else:
            status, body = 404, b"no such page"
        head = f"HTTP/1.1 {status} -\r\nContent-Type: text/html\r\nContent-Length: {len(body)}"
        return head.encode() + b"\r\n\r\n" + body

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(reply(head.split(b" ", 2)[1].decode()))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def crawled(engine: str, kills: int, pages: int, folder: Path) -> bool:
    """One crawl; whether it kept every promise."""
    with subprocess.Popen(
        [sys.executable, __file__, "serve", str(pages)], stdout=subprocess.PIPE, text=True
    ) as site:
        assert site.stdout is not None
        url = f"http://127.0.0.1:{site.stdout.readline().strip()}"
        out, archive = folder / "pages.jsonl", folder / "pages.warc.gz"
        command = [
            sys.executable, "-m", "crawler", f"{url}/p/0", "--follow", "--max-per-host", "0",
            "--depth", "100", "-c", str(CONCURRENCY), "-e", engine,
            "--state", str(folder / "crawl.db"), "-o", str(out), "-o", str(archive), "-qq",
        ]  # fmt: skip
        done, began, dice = 0, time.monotonic(), random.Random(engine)
        while True:
            with subprocess.Popen(command, stderr=subprocess.PIPE) as child:
                try:
                    last = done >= kills
                    _, said = child.communicate(timeout=None if last else dice.uniform(0.42, 0.7))
                    break
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
                    done += 1
        seconds = time.monotonic() - began
        with urllib.request.urlopen(f"{url}/twice") as reply:
            twice = int(reply.read())
        site.kill()
    records = Counter(json.loads(line)["url"] for line in out.read_text().splitlines())
    wanted = {f"{url}/p/{number}" for number in range(pages)}
    tool = shutil.which("warcio", path=str(Path(sys.executable).parent)) or "warcio"
    checked = subprocess.run([tool, "check", str(archive)], capture_output=True, check=False)
    listed = subprocess.run(
        [tool, "index", "-f", "warc-type,warc-target-uri", str(archive)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    kept = Counter(
        entry["warc-target-uri"]
        for entry in map(json.loads, listed.stdout.splitlines())
        if entry.get("warc-type") in {"response", "revisit"} and "/p/" in entry["warc-target-uri"]
    )
    good = {
        "ended well": child.returncode == 0,
        "every page once in JSON Lines": records == Counter(wanted),
        "every page once in the archive": kept == Counter(wanted),
        "the archive is whole": checked.returncode == 0,
        f"at most {CONCURRENCY} again per kill": twice <= CONCURRENCY * done,
    }
    print(
        f"{engine}: {done} kills, {len(records):,} pages, {sum(records.values()):,} records,"
        f" {sum(kept.values()):,} in the archive, {twice:,} fetched again"
        f" ({twice / max(1, done):.1f} per kill), {seconds:.0f} s",
        flush=True,
    )
    for promise, is_kept in good.items():
        print(f"  {'yes' if is_kept else 'NO '}  {promise}")
    if child.returncode:
        print(said.decode()[-500:])
    return all(good.values())


def main(kills: int = 50, pages: int = 20_000) -> int:
    good = True
    for engine in ENGINES:
        with tempfile.TemporaryDirectory() as folder:
            good = crawled(engine, kills, pages, Path(folder)) and good
    return int(not good)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(int(sys.argv[2])))
    else:
        sys.exit(main(*map(int, sys.argv[1:])))
