"""Private addresses are fetched from only where a seed names them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from crawler.engines import TABLE, unavailable
from crawler.headers import Headers
from crawler.hops import Links, hop
from crawler.model import Purpose, Request, Response

TESTS = Path(__file__).parent
PROJECT = TESTS.parent
BLOCKED = "policy.address_blocked"
_ALONE = ["unshare", "--map-root-user", "--net", "--mount", "sh", "-c"]
_SET_UP = """
mount --bind "$0" /etc/resolv.conf && ip link set lo up &&
ip address add 93.184.216.34/32 dev lo && exec "$@"
"""


@cache
def can_be_alone() -> bool:
    if not all(map(shutil.which, ("unshare", "ip", "mount"))):
        return False
    command = [*_ALONE, _SET_UP, "/etc/hosts", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.timeout(60)
@pytest.mark.parametrize("engine", TABLE)
def test_nothing_that_a_public_page_says_leads_inside(engine: str, tmp_path: Path) -> None:
    if not can_be_alone():
        pytest.skip("this user may not make network and mount namespaces")
    if engine != "gevent" and unavailable(engine):  # the script patches its process for it
        pytest.skip(unavailable(engine))
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 93.184.216.34\n")
    program = [sys.executable, str(TESTS / "scripts" / "inside.py"), engine]

    done = subprocess.run(
        [*_ALONE, _SET_UP, str(resolver), *program],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT)},
        timeout=50,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
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
