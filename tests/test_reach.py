"""Private addresses are fetched from only where a seed names them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from security.alone import alone

from crawler.engines import TABLE, unavailable
from crawler.headers import Headers
from crawler.hops import Links, hop
from crawler.model import Purpose, Request, Response

BLOCKED = "policy.address_blocked"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("engine", TABLE)
def test_nothing_that_a_public_page_says_leads_inside(engine: str, tmp_path: Path) -> None:
    if engine != "gevent" and unavailable(engine):  # the script patches its process for it
        pytest.skip(unavailable(engine))

    found = json.loads(alone(tmp_path, "inside.py", engine))

    assert {code for _, code in found["redirects"]} == {BLOCKED}
    assert len(found["redirects"]) == 35
    assert found["crawl"]["http://inside.seed.test/x"] == BLOCKED
    assert found["crawl"]["http://inside.seed.test/refreshed"] == BLOCKED
    assert found["crawl"]["http://inside.seed.test/mapped"] == BLOCKED
    assert found["rebound"] == [200, BLOCKED]
    assert found["seen"] == 0, "the canary saw a connection"
    assert found["named"] != BLOCKED


def response(url: str, peer: str, **fields: str) -> Response:
    return Response(
        Request(url), 302, "", Headers(tuple(fields.items())), b"", b"", "1.1", peer,
        datetime(2026, 1, 1, tzinfo=UTC), 0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("target", "public_only"),
    [
        ("http://10.0.0.1:81/", False),
        ("http://given.corp.test:81/", False),
        ("http://given.corp.test/", True),
        ("http://wiki.corp.test/", True),
        ("http://10.0.0.2/", True),
        ("http://169.254.169.254/latest/meta-data/", True),
        ("http://127.0.0.1/", True),
    ],
)
def test_a_private_page_redirects_within_its_site(target: str, public_only: bool) -> None:
    page = response("http://10.0.0.1/", "10.0.0.1 80", Location=target)
    given = frozenset({("given.corp.test", 81)})

    assert hop(page, follow=5, proxied=False, pinned=given).public_only is public_only


def test_a_private_site_has_no_sitemap_at_another_address() -> None:
    links = Links(response("http://wiki.corp.test/robots.txt", "10.0.0.1 80"))

    def reaches(url: str) -> bool:
        return not links.to(url, depth=1, purpose=Purpose.SITEMAP).public_only

    assert reaches("http://wiki.corp.test/sitemap.xml")
    assert reaches("http://10.0.0.1/sitemap.xml")
    assert not reaches("http://10.0.0.2/sitemap.xml")
