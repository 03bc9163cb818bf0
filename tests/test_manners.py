"""What every host had to bear, shown."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

from crawler.manners import Borne, record, records, table
from crawler.pace import Pace
from crawler.politeness import Answer, Manners, Politeness

PLAIN = Manners(
    exchanges=10, peak=4, gap=0.25, throttled=0, asked=0, early=0, rested=0.0, parked=0,
    window=4, crawl_delay=0.0, is_public=True, is_dead=False,
)  # fmt: skip


def host(name: str, **changes: object) -> Borne:
    return Borne(f"https://{name}", replace(PLAIN, **changes))  # type: ignore[arg-type]


def test_twenty_hosts_are_shown_and_the_others_counted() -> None:
    lines = table(host(f"h{n}.example") for n in range(1025))

    assert len(lines) == 22
    assert lines[-1] == "and 1,005 more"


def test_twenty_hosts_are_all() -> None:
    assert len(table(host(f"h{n}.example") for n in range(20))) == 21


def test_without_hosts_there_is_no_table() -> None:
    assert table([]) == []


def test_the_hosts_with_trouble_come_first() -> None:
    hosts = [
        host("busy", exchanges=9000),
        host("throttles", throttled=3),
        host("dead", is_dead=True, parked=10),
        host("calm", exchanges=1),
        host("parked", parked=2),
    ]

    first = [line.split()[0] for line in table(hosts)[1:]]

    assert first == [
        "https://dead", "https://parked", "https://throttles", "https://busy", "https://calm"
    ]  # fmt: skip


def test_the_columns_stand_under_each_other() -> None:
    lines = table([host("a"), host("a-much-longer-name.example", gap=math.inf, is_public=False)])

    assert len({len(line) for line in lines}) == 1
    assert "own" in lines[1] + lines[2]


def test_a_host_cannot_write_to_the_terminal() -> None:
    lines = table([host("a\x1b[2J" + "b" * 300)])

    assert "\x1b" not in lines[1]
    assert len(lines[1]) < 160


def test_a_record_has_all_and_is_json_for_every_host() -> None:
    at = datetime(2026, 11, 23, 14, 2, 11, tzinfo=UTC)
    hosts = [Borne("https://a", PLAIN, at), *(host(f"h{n}", gap=math.inf) for n in range(40))]

    lines = [json.loads(line) for line in records(hosts)]

    assert len(lines) == 41
    assert lines[0] == {
        "origin": "https://a", "exchanges": 10, "peak": 4, "gap": 0.25, "throttled": 0, "asked": 0,
        "early": 0, "rested": 0.0, "parked": 0, "window": 4, "crawl_delay": 0.0, "is_public": True,
        "is_dead": False, "obeyed": True, "robots": "2026-11-23T14:02:11+00:00",
    }  # fmt: skip
    assert lines[1]["gap"] is None
    assert lines[1]["robots"] is None


def test_an_exchange_during_a_rest_is_shown_and_called_what_it_is() -> None:
    pace = Pace(Politeness(), is_public=True)
    pace.start(0.0)
    pace.end(Answer.THROTTLED, 0.0, retry_after=10.0)
    pace.start(5.0)
    borne = Borne("https://a", pace.manners())

    assert record(borne)["obeyed"] is False
    assert "1 early" in table([borne])[1]
