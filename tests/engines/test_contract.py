"""Every engine and transport, against every row of the catalogue that a loopback server can play.

One fresh interpreter for each engine plays all rows at once; each test looks at a family of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from hostile.battery import Played, misses, play
from hostile.catalogue import CRAWL_ROWS, FAMILIES, ROWS
from hostile.certificates import Certificates
from hostile.differences import DIFFERENCES
from hostile.pairs import every_engine, skip_refused
from hostile.verdicts import judge

from crawler import engines

# The three that do one exchange after the other take longest, so they begin first.
ENGINES = every_engine()
AT_ONCE = 8  # engines: most of a battery's time is waiting for deadlines

pytestmark = [
    pytest.mark.timeout(240),  # the first test of an engine waits for all of its rows
    pytest.mark.skipif(sys.platform != "linux", reason="plays the tricks of Linux's TCP"),
]


@pytest.fixture(scope="module")
def battery(
    tmp_path_factory: pytest.TempPathFactory, trap_home: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Played]]:
    certificates = Certificates(tmp_path_factory.mktemp("certificates"))
    wanted = {
        item.callspec.params["engine"]
        for item in request.session.items
        if hasattr(item, "callspec") and "engine" in item.callspec.params
    }
    with ThreadPoolExecutor(AT_ONCE) as pool:
        started: dict[str, Future[Played]] = {
            engine: pool.submit(play, engine, certificates, trap_home)
            for engine in ENGINES
            if engine in wanted
        }
        yield lambda engine: started[engine].result()
        for future in started.values():
            future.cancel()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_outcomes_are_the_catalogues(
    battery: Callable[[str], Played], engine: str, family: str
) -> None:
    skip_refused(engine)
    played = battery(engine)
    assert not played.trouble, played.trouble

    wrong = [
        line
        for row in FAMILIES[family].ROWS
        for line in judge(engine, row.id, misses(row.id, played))
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_request_has_one_outcome_and_every_socket_is_closed(
    battery: Callable[[str], Played], engine: str
) -> None:
    skip_refused(engine)
    played = battery(engine)

    assert not played.trouble, played.trouble
    assert played.outcomes.keys() == ROWS.keys()
    assert played.twice == []
    assert played.sockets == 0


def test_every_engine_of_the_table_is_played() -> None:
    pairs = {
        f"{name}+{transport}" if transport else name
        for name, entry in engines.TABLE.items()
        for transport in entry.transports or ("",)
    }

    assert set(ENGINES) == pairs


def test_a_difference_names_a_row_and_gives_a_reason() -> None:
    for (_, row), (aspect, why) in DIFFERENCES.items():
        assert row in ROWS or row in CRAWL_ROWS
        assert aspect
        assert why
