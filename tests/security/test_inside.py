"""Nothing that the public internet says leads inside: every spelling by every way."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from security.alone import alone
from security.asked import BY_PROXY, LIMITS
from security.witness import page, witness

from crawler import fetch_all, urls
from crawler.addresses import is_private_name
from crawler.engines import unavailable
from crawler.errors import InvalidURL
from crawler.model import Network, Request

BLOCKED = "policy.address_blocked"
# Name, or name and number of processes.
ENGINES = ("selectors", "threads+requests", "generators", "gevent*2")
NAMED = {"inside.seed.test", "both.seed.test", "metadata.seed.test", "six.seed.test"}


def _cells(ways: dict[str, list[str]]) -> dict[str, str]:
    """URL -> the cell it tells of, for all spellings that are URLs."""
    cells = {}
    for way, spellings in ways.items():
        for spelling in spellings:
            with suppress(InvalidURL):
                cells[urls.join("http://seed.test/", spelling)] = f"{spelling} by {way}"
    return cells


def _wrong(found: dict[str, str], cells: dict[str, str], *, proxied: bool = False) -> list[str]:
    """The cells that did not end in a refusal; names can be judged by their proxy alone.

    Links that begin with backslashes are no links: they are never met.
    """
    return [
        f"{cell}: {found.get(url, 'never met')!r}"
        for url, cell in cells.items()
        if found.get(url) != BLOCKED
        and not (proxied and urlsplit(url).hostname in NAMED)
        and not (url not in found and cell.startswith("http:\\"))
    ]


@pytest.mark.timeout(30)
def test_a_connection_kept_by_a_proxy_leads_no_public_page_inside() -> None:
    inside = ("http://10.0.0.1/", "http://localhost/", "http://[::1]/", "http://intranet/")
    wrong = []
    with witness(lambda said: page("inside")) as proxy:
        for engine in BY_PROXY:
            if unavailable(engine):
                continue
            asked = [Request(url) for url in inside]
            asked += [Request(f"{url}linked", public_only=True) for url in inside]
            network = Network(proxy=f"http://127.0.0.1:{proxy.port}")
            outcomes = fetch_all(
                asked, engine=engine, concurrency=1, limits=LIMITS, network=network
            )
            wrong += [
                f"{engine}: {outcome.url}"
                for outcome in outcomes
                if (getattr(outcome, "code", "") == BLOCKED) is not outcome.request.public_only
            ]

        assert not wrong
        assert not [said for said in proxy.said if "linked" in said.target]


@pytest.mark.timeout(60)
def test_no_spelling_and_no_way_leads_inside(tmp_path: Path) -> None:
    told = json.loads(alone(tmp_path, "inside_matrix.py", str(tmp_path), *ENGINES))
    rest = _cells({"rest": told["ways"].pop("rest")})
    cells = _cells(told["ways"])

    assert told["canary"] == []
    assert [target for target in told["proxy"] if is_private_name(urls.origin(target).host)] == []
    assert len(cells) > 500
    for engine in ENGINES:
        assert _wrong(told[engine], cells) == [], engine
        assert _wrong(told[f"{engine} proxied"], cells, proxied=True) == [], engine
        resumed = told[f"{engine} resumed"]
        assert _wrong(resumed, rest) == [], engine
        name = f"http://rebind-{engine.replace('+', '-').replace('*', '-')}.test/"
        assert (resumed[name], resumed[f"{name}deeper"]) == ("", BLOCKED), engine
        rules = {told[engine][f"http://rules-{number}.test/"] for number in range(len(rest))}
        assert rules == {BLOCKED}, engine
