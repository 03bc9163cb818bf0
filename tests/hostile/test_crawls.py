"""What takes a crawl, over three engines; what takes a resolver, over all of them.

robots.txt, throttling, traps, HTML and scope are above the engines: one loop, one of threads and
gevent say enough. One interpreter for each engine, in a network of its own, plays all rows at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from hostile.catalogue import CRAWLED
from hostile.crawl_battery import Crawled, misses, play
from hostile.pairs import every_engine, skip_refused
from hostile.verdicts import judge

CRAWLERS = ("selectors", "threads+socket", "gevent+requests")
ENGINES = (*CRAWLERS, *(engine for engine in every_engine() if engine not in CRAWLERS))
PLAYED = [
    (engine, family)
    for engine in ENGINES
    for family in CRAWLED
    if engine in CRAWLERS or family == "names"
]
AT_ONCE = 4  # engines

pytestmark = [
    pytest.mark.timeout(120),  # the first test of an engine waits for all of its rows
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's namespaces"),
]


@pytest.fixture(scope="module")
def battery(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Crawled]]:
    wanted: dict[str, set[str]] = {}
    for item in request.session.items:
        if hasattr(item, "callspec") and {"engine", "family"} <= item.callspec.params.keys():
            params = item.callspec.params
            if params["family"] in CRAWLED:
                wanted.setdefault(params["engine"], set()).add(params["family"])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        started: dict[str, Future[Crawled]] = {
            engine: pool.submit(play, engine, tmp_path_factory.mktemp("alone"), *wanted[engine])
            for engine in sorted(wanted, key=ENGINES.index)
        }
        yield lambda engine: started[engine].result()
        for future in started.values():
            future.cancel()


@pytest.mark.parametrize(("engine", "family"), PLAYED)
def test_what_comes_of_a_crawl_is_the_catalogues(
    battery: Callable[[str], Crawled], engine: str, family: str
) -> None:
    skip_refused(engine)
    crawled = battery(engine)

    wrong = [
        line
        for row in CRAWLED[family].ROWS
        for line in judge(f"{engine}, crawls", row.id, misses(row, crawled), of=engine)
    ]

    assert not wrong, "\n".join(wrong)
    assert crawled.trespassers == 0, "a private address was connected to"
