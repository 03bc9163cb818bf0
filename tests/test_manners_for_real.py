"""A server treated as public: how many exchanges it sees at once, and that it may say no."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

AS_PUBLIC = ("--treat-as-public", "127.0.0.0/8")


class Counting:
    """A site that answers after a while, and counts what it has under way.

    Args:
        delay: seconds before an answer.
        most: under way at once; beyond it the answer is 429.
        good: requests that are answered however many there are.
    """

    def __init__(self, delay: float, most: int = 10_000, good: int = 0) -> None:
        self.url = ""
        self.gauge: list[tuple[float, int]] = []  # instant, under way with the one that came
        self.refused = 0
        self._delay, self._most, self._good = delay, most, good
        self._under_way = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._reply(head.split(b" ", 2)[1]))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _reply(self, path: bytes) -> bytes:
        if path == b"/robots.txt":
            return b"HTTP/1.1 404 -\r\nContent-Length: 0\r\n\r\n"
        self._under_way += 1
        self.gauge.append((time.monotonic(), self._under_way))
        too_many = self._under_way > self._most and len(self.gauge) > self._good
        self.refused += too_many
        await asyncio.sleep(self._delay)
        self._under_way -= 1
        status = b"429 -" if too_many else b"200 -"
        return b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def serving(site: Counting) -> Iterator[Counting]:
    ready = threading.Event()
    ending: list[Callable[[], None]] = []

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        ending.append(lambda: (loop.call_soon_threadsafe(stop.set), None)[1])
        async with await asyncio.start_server(site.talk, "127.0.0.1", 0, backlog=1000) as server:
            site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    ready.wait(5)
    try:
        yield site
    finally:
        ending[0]()
        thread.join(5)


def listed(path: Path, site: Counting, count: int) -> str:
    path.write_text("".join(f"{site.url}/{number}\n" for number in range(count)))
    return str(path)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("engine", ["selectors", "gevent"])
def test_speed_is_earned_step_by_step(crawl, tmp_path: Path, engine: str) -> None:
    with serving(Counting(0.1)) as site:
        urls = listed(tmp_path / "urls.txt", site, 300)

        ended = crawl(urls, "-e", engine, "-c", "50", *AS_PUBLIC, "-qq", timeout=20.0)

    assert ended.returncode == 0, ended.stderr
    peaks = [under_way for _, under_way in site.gauge]
    assert peaks[:4] == [1, 2, 3, 4]
    highest = sorted({max(peaks[:n]) for n in range(1, len(peaks) + 1)})
    assert highest[-1] == 50
    # Each step is begun with a round of answers: 4 pages, then 8, 16, 32.
    for step, pages in ((4, 4), (8, 12), (16, 28), (32, 60)):
        assert max(peaks[:pages]) <= step


@pytest.mark.timeout(40)
def test_a_server_that_refuses_what_is_above_ten_is_left_at_ten(crawl, tmp_path: Path) -> None:
    with serving(Counting(0.05, most=10)) as site:
        urls, out = listed(tmp_path / "urls.txt", site, 1200), tmp_path / "out.jsonl"

        ended = crawl(
            urls, "-e", "selectors", "-c", "50", *AS_PUBLIC, "-o", str(out), "-qq", timeout=35.0
        )

    assert ended.returncode == 0, ended.stderr
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(records) == 1200
    assert all(record["ok"] for record in records)
    assert site.refused
    late = [under_way for _, under_way in site.gauge[len(site.gauge) // 2 :]]
    assert max(late) <= 12


@pytest.mark.timeout(40)
def test_however_many_are_refused_at_once_none_is_given_up(crawl, tmp_path: Path) -> None:
    with serving(Counting(0.05, most=10, good=4 + 8 + 16)) as site:
        urls = listed(tmp_path / "urls.txt", site, 100)

        ended = crawl(urls, "-e", "selectors", "-c", "50", *AS_PUBLIC, "-q", timeout=35.0)

    assert ended.returncode == 0, ended.stderr
    assert site.refused > 20


def test_ones_own_host_has_everything_at_once(crawl, tmp_path: Path) -> None:
    with serving(Counting(0.1)) as site:
        urls = listed(tmp_path / "urls.txt", site, 100)

        crawl(urls, "-e", "selectors", "-c", "50", "-qq")

    assert max(under_way for _, under_way in site.gauge[:50]) == 50
