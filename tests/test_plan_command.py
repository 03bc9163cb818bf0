"""crawl plan: hosts, rules and the shortest time, without fetching a page."""

from __future__ import annotations

import json

import pytest

from crawler import fetch
from crawler.forecast import Forecast, Host
from crawler.serving.fixture import Site


def host(name: str, urls: int, **more) -> Host:
    return Host(f"http://{name}", urls, **more)


@pytest.mark.parametrize(
    ("one", "seconds"),
    [
        (host("a", 600, pause=10.0, latency=0.5), 5990.5),
        (host("a", 100, window=4, latency=0.2), 5.0),
        (host("a", 101, window=4, latency=0.2), 5.2),
        (host("a", 100, disallowed=99, window=4, latency=0.2), 0.2),
        (host("a", 100, unreachable=True, latency=0.2), 0.0),
        (host("a", 0), 0.0),
    ],
)
def test_a_host_needs_what_it_asks_for(one: Host, seconds: float) -> None:
    assert one.seconds == pytest.approx(seconds)


def test_the_slowest_host_sets_the_time_or_all_of_them_together() -> None:
    slow, quick = host("slow", 10, pause=5.0), host("quick", 1000, window=100, latency=0.1)
    many = [host(f"h{number}", 100, window=100, latency=0.1) for number in range(100)]

    one = Forecast((quick, slow), 100)
    assert (one.seconds, one.slowest) == (45.0, slow)
    all_of_them = Forecast(tuple(many), 10)
    assert (all_of_them.seconds, all_of_them.slowest) == (pytest.approx(100.0), None)
    assert Forecast((quick,), 1000, rate=10.0).seconds == pytest.approx(100.0)
    assert Forecast((), 10).seconds == 0.0


def test_the_plan_names_hosts_rules_and_time_and_fetches_no_page(
    site: Site, crawl, tmp_path
) -> None:
    urls = tmp_path / "urls.txt"
    urls.write_text(
        "".join(f"{site.url}/page/{n}\n" for n in range(20))
        + f"{site.url}/private/1\nhttp://bad host/\nhttp://127.0.0.1:1/x\n{site.url}/page/1\n"
    )
    fetch(f"{site.url}/gauge?reset", transport="socket")

    ended = crawl("plan", str(urls))

    assert ended.returncode == 0
    counts = json.loads(fetch(f"{site.url}/gauge", transport="socket").body)
    assert counts["requests"] <= 2  # robots.txt and this look
    lines = ended.stdout.splitlines()
    (row,) = [line for line in lines if line.endswith(f"  {site.url}")]
    assert row.split()[:4] == ["21", "20", "-", "200"]
    assert any("connect.refused" in line and "http://127.0.0.1:1" in line for line in lines)
    assert (
        "22 URLs of 2 hosts, 1 of them not to be fetched; 1 line that stood there before; "
        "1 line that cannot be a URL"
    ) in lines
    assert lines[-1].startswith("at least ")


def test_stdin_is_read_twice_all_the_same(site: Site, crawl) -> None:
    ended = crawl("plan", "-", "--robots", "ignore", input=f"{site.url}/a\n{site.url}/private/1\n")

    assert "2 URLs of 1 host" in ended.stdout


def test_a_dry_run_is_the_plan(site: Site, crawl, tmp_path) -> None:
    urls = tmp_path / "urls.txt"
    urls.write_text(f"{site.url}/page/1\n")

    ended = crawl(str(urls), "--dry-run", "-o", str(tmp_path / "out.jsonl"))

    assert "1 URL of 1 host" in ended.stdout
    assert not (tmp_path / "out.jsonl").exists()
