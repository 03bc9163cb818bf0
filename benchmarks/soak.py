"""make soak: the catalogue's hostile servers beside honest ones, for SOAK_MINUTES (10) an engine.

    honest site (a child) ◄── 25 under way ──┐
                                             ├── one engine, in a child: selectors, gevent
    every hostile row (a child) ◄── 25 ──────┘

First a minute with the honest half alone, then both halves. Told are what memory does after a
warm-up, how late the engine's loop is, whether descriptors and greenlets come back, and by how much
the hostile half slows the honest one. Ends with 1 when a goal is missed.

Every row is asked without regard to what it says: what each must come to is for the tests. Ten
thousand connections open at once are a work of their own: ``make bench WORK=myriad``.
"""

from __future__ import annotations

import gc
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from keeping import machine, now, store

PROJECT = Path(__file__).resolve().parent.parent
HALF = 25  # exchanges of each kind under way
ENGINES = ("selectors", "gevent")
PAGE = "/page/1?delay=20"  # so that the honest rate is the network's, not the processor's
LIMITS = {
    "timeout": 3.0, "connect": 1.0, "first_byte": 1.0, "idle": 1.0, "redirect_time": 0.3,
    "rate_window": 1.0, "max_bytes": 2**20, "retries": 0, "total": 6.0,
}  # fmt: skip
MOST_GROWTH = 1.0  # MB for each 10,000 pages
MOST_LAG = 0.1  # seconds, of 99 in 100 turns
MOST_SLOWER = 0.2  # of the honest rate


class Mixed:
    """A source of requests of two kinds, each with so many under way; see `fetching.Line`."""

    def __init__(self, honest: str, hostile: list[str], until: float) -> None:
        from crawler.model import Pause, Request

        self._request, self._pause = Request, Pause
        self._honest, self._hostile = honest, hostile
        self._until = until
        self._again: deque = deque()
        self.under_way = [0, 0]
        self.done = [0, 0]

    def take(self):
        if time.monotonic() >= self._until:
            return None
        if self._again:
            return self._again.popleft()
        for kind, most in ((0, HALF), (1, HALF if self._hostile else 0)):
            if self.under_way[kind] < most:
                self.under_way[kind] += 1
                url = random.choice(self._hostile) if kind else self._honest
                return self._request(url, number=kind)
        return self._pause(0.05)

    def again(self, request, *, after: float = 0.0) -> None:
        self._again.append(request)
        self.under_way[request.number] += 1

    def ended(self, outcome, rest: float) -> None:
        self.under_way[outcome.request.number] -= 1
        self.done[outcome.request.number] += 1

    def may_retry(self, request) -> bool:
        return False


def main() -> int:
    minutes = float(os.environ.get("SOAK_MINUTES", "10"))
    names = sys.argv[1:] or ENGINES
    reports = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            print(f"{name}: {minutes:g} minutes", flush=True)
            reports.append(soaked(name, minutes * 60, folder))
    text = table(reports)
    print(text, end="")
    store({"machine": machine(), "date": now(), "reports": reports}, text, "soak")
    return int("MISSED" in text)


def soaked(engine: str, seconds: float, folder: str) -> dict:
    """What one engine's child reports."""
    command = [sys.executable, "-P", "-m", "crawler", "serve", "--model", "epoll", "--port", "0"]
    honest = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    hostile = subprocess.Popen(
        [sys.executable, __file__, "--origin", folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert honest.stdout is not None
        assert hostile.stdout is not None
        url = next(word for word in honest.stdout.readline().split() if word.startswith("http"))
        job = json.loads(hostile.stdout.readline())
        job |= {"engine": engine, "seconds": seconds, "honest": url.rstrip("/") + PAGE}
        done = subprocess.run(
            [sys.executable, __file__, "--client", engine],
            input=json.dumps(job),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)
    finally:
        for process in (honest, hostile):
            process.terminate()
            process.wait(20)


def origin(folder: str) -> None:
    """Play every row of the catalogue; the first line on stdout says where."""
    sys.path.insert(0, str(PROJECT / "tests"))
    from hostile.catalogue import ROWS
    from hostile.certificates import Certificates
    from hostile.origin import Origin

    certificates = Certificates(Path(folder))
    rows = [row for row in ROWS.values() if not row.proxied and not row.limits]
    with Origin(rows, certificates.contexts) as playing:
        urls = [ask.url or playing.url(row, ask.target) for row in rows for ask in row.asks[:1]]
        resolve = [
            (row.host, playing.port(row), address)
            for row in rows
            if not row.host[0].isdigit()
            for address in row.addresses
        ]
        print(
            json.dumps({"hostile": urls, "ca": str(certificates.ca_file), "resolve": resolve}),
            flush=True,
        )
        while True:
            time.sleep(60)


def client() -> None:
    """Both phases through one engine; prints the report."""
    job = json.load(sys.stdin)
    from crawler import engines
    from crawler.fetching import settled
    from crawler.model import Limits, Network
    from crawler.settling import Fetches

    limits = Limits(**LIMITS)
    network = Network(
        ca_file=Path(job["ca"]), resolve=tuple(tuple(each) for each in job["resolve"])
    )
    engine = engines.open(job["engine"], concurrency=2 * HALF, limits=limits, network=network)
    lag = watched(engine, job["engine"])
    calm = min(60.0, job["seconds"] / 5)
    rates, samples, faults = [], [], 0
    for hostile, seconds in (([], calm), (job["hostile"], job["seconds"] - calm)):
        began = time.monotonic()
        source = Mixed(job["honest"], hostile, began + seconds)
        look_at = began
        fetches = Fetches(source, limits=limits, retry_on=())
        for outcome in settled(engine, fetches, 2 * HALF if hostile else HALF):
            faults += outcome.request.number == 0 and not outcome.ok
            if time.monotonic() >= look_at and hostile:
                look_at += 1.0
                samples.append((sum(source.done), resident()))
        rates.append(source.done[0] / seconds)
    pages = source.done
    engine.close()
    del engine, fetches, source
    gc.collect()
    left = len(list(Path("/proc/self/fd").iterdir()))
    json.dump(
        {
            "engine": job["engine"],
            "honest": pages[0],
            "hostile": pages[1],
            "faults": faults,
            "alone": rates[0],
            "beside": rates[1],
            "growth": growth(samples),
            "resident": samples[-1][1],
            "lag": lag(),
            "descriptors": left,
            "greenlets": greenlets(),
        },
        sys.stdout,
    )


def watched(engine, name: str) -> Callable[[], tuple[float, float]]:
    """Counts how late the loop is; gives the 99th percentile and the most, in seconds."""
    from crawler.stats import Histogram

    lags = Histogram()
    if name.startswith("gevent"):
        import gevent

        def tick() -> None:
            while True:
                began = time.monotonic()
                gevent.sleep(0.005)
                lags.add(max(0.0, time.monotonic() - began - 0.005))

        gevent.spawn(tick)
    else:
        ready, left = engine._ready, [time.monotonic()]

        def looked(timeout: float | None) -> object:
            lags.add(time.monotonic() - left[0])
            found = ready(timeout)
            left[0] = time.monotonic()
            return found

        engine._ready = looked
    return lambda: (lags.percentiles().p99, lags.percentiles().most)


def resident() -> float:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(samples: list[tuple[int, float]]) -> float:
    """MB for each 10,000 pages, after the first quarter of the run."""
    late = samples[len(samples) // 4 :]
    slope, _ = statistics.linear_regression(*zip(*late, strict=True))
    return slope * 10_000 / 1e6


def greenlets() -> int:
    """Greenlets that still are; one is the main one, one gevent's hub, one the ticker."""
    try:
        from greenlet import greenlet
    except ImportError:
        return 0
    return sum(isinstance(each, greenlet) and not each.dead for each in gc.get_objects())


def table(reports: list[dict]) -> str:
    """The figures, each beside its goal."""
    lines = [f"{machine()}, {now()}", ""]
    for said in reports:
        slower = 1 - said["beside"] / said["alone"]
        lines += [
            f"{said['engine']}: {said['honest']:,} honest pages, {said['hostile']:,} hostile ones",
            _line("honest pages that failed", f"{said['faults']}", said["faults"] == 0),
            _line(
                "memory",
                f"{said['growth']:+.2f} MB for 10,000 pages, {said['resident'] / 1e6:.0f} MB",
                said["growth"] < MOST_GROWTH,
            ),
            _line(
                "the loop is late by",
                f"p99 {said['lag'][0] * 1e3:.1f} ms, at most {said['lag'][1] * 1e3:.0f} ms",
                said["lag"][0] < MOST_LAG,
            ),
            _line(
                "honest pages a second",
                f"{said['alone']:.0f} alone, {said['beside']:.0f} beside: {slower:.0%} slower",
                slower < MOST_SLOWER,
            ),
            _line("descriptors left", f"{said['descriptors']}", said["descriptors"] <= 16),
            _line("greenlets left", f"{said['greenlets']}", said["greenlets"] <= 4),
            "",
        ]
    return "\n".join(lines) + "\n"


def _line(what: str, figures: str, is_met: bool) -> str:
    return f"  {what:<26}{figures:<52}{'met' if is_met else 'MISSED'}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--origin"]:
        origin(sys.argv[2])
    elif sys.argv[1:2] == ["--client"]:
        if sys.argv[2] == "gevent":
            from gevent import monkey  # noqa: TID251 - this process is its own program

            monkey.patch_all()
        client()
    else:
        sys.exit(main())
