"""crawl: links, scope, robots, sitemaps, state, through the public interface and a real site."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from linked import Pages, serving

from crawler import EngineUnavailable, Failure, Response, Skip, crawl
from crawler.errors import SinkError
from crawler.frontier.memory import Memory
from crawler.model import Request
from crawler.scope import Scope

ENGINES = ("selectors", "threads+socket", "asyncio")


@pytest.fixture
def pages() -> Iterator[Pages]:
    with serving() as running:
        yield running


def paths(pages: Pages, outcomes: list) -> set[str]:
    return {outcome.url.removeprefix(pages.url) for outcome in outcomes}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_page_that_links_reach_is_fetched_once(pages: Pages, engine: str) -> None:
    pages.site_of(150)

    outcomes = list(crawl([f"{pages.url}/p/0"], engine=engine))

    assert paths(pages, outcomes) == {f"/p/{number}" for number in range(150)}
    assert all(outcome.ok for outcome in outcomes)
    assert set(pages.asked.values()) == {1}
    assert pages.asked["/robots.txt"] == 1


def test_pages_come_breadth_first_with_depth_and_parent(pages: Pages) -> None:
    pages.site_of(120)

    outcomes = list(crawl([f"{pages.url}/p/0"], concurrency=1))

    depths = [outcome.request.depth for outcome in outcomes]
    assert depths == sorted(depths)
    assert depths[-1] == 3
    by_path = {outcome.url.removeprefix(pages.url): outcome.request for outcome in outcomes}
    assert by_path["/p/11"].parent == f"{pages.url}/p/1"


@pytest.mark.parametrize(("depth", "count"), [(0, 1), (1, 11), (2, 111), (None, 120)])
def test_depth_is_links_from_a_seed(pages: Pages, depth: int | None, count: int) -> None:
    pages.site_of(120)

    assert len(list(crawl([f"{pages.url}/p/0"], max_depth=depth))) == count


def test_no_more_pages_begin_than_allowed(pages: Pages) -> None:
    pages.site_of(120)

    assert len(list(crawl([f"{pages.url}/p/0"], max_pages=30))) == 30
    assert sum(pages.asked.values()) == 31  # and robots.txt


def test_other_origins_are_left_alone(pages: Pages) -> None:
    with serving() as other:
        pages.linked("/", "/a", f"{other.url}/", "mailto:x@y", "//user:pass@127.0.0.1:1/")
        pages.page("/a")

        outcomes = list(crawl([f"{pages.url}/"]))

        assert paths(pages, outcomes) == {"/", "/a"}
        assert not other.asked


def test_a_scope_of_ones_own(pages: Pages) -> None:
    pages.linked("/", "/keep/1", "/drop/1", "/keep/drop")
    pages.page("/keep/1")
    scope = Scope(include=["/keep/"], exclude=["drop$"])

    outcomes = list(crawl([f"{pages.url}/"], scope=scope))

    assert paths(pages, outcomes) == {"/", "/keep/1"}


def test_rules_of_the_host_are_obeyed_for_pages_and_for_redirects(pages: Pages) -> None:
    pages.page("/robots.txt", "User-agent: *\nDisallow: /secret")
    pages.linked("/", "/secret/1", "/away", "/open")
    pages.page("/away", status=302, Location="/secret/2")
    pages.page("/open")

    outcomes = list(crawl([f"{pages.url}/"]))

    skipped = {outcome.url: outcome for outcome in outcomes if isinstance(outcome, Skip)}
    assert {each.code for each in skipped.values()} == {"robots.disallowed"}
    assert len(skipped) == 2
    assert skipped[f"{pages.url}/secret/1"].reason == "Disallow: /secret"
    assert not any(path.startswith("/secret") for path in pages.asked)


def test_rules_may_be_ignored(pages: Pages) -> None:
    pages.page("/robots.txt", "User-agent: *\nDisallow: /")
    pages.page("/", '<meta name="robots" content="nofollow"><a href="/a">x</a>')
    pages.page("/a")

    assert len(list(crawl([f"{pages.url}/"], robots=False))) == 2
    assert "/robots.txt" not in pages.asked


def test_what_says_nofollow_is_not_followed(pages: Pages) -> None:
    pages.linked("/", "/meta", "/field")
    pages.page("/meta", '<meta name="robots" content="nofollow"><a href="/no/1">x</a>')
    pages.page("/field", '<a href="/no/2">x</a>', X_Robots_Tag="none")

    assert paths(pages, list(crawl([f"{pages.url}/"]))) == {"/", "/meta", "/field"}


def test_sitemaps_are_read_index_and_all(pages: Pages) -> None:
    pages.page("/robots.txt", "Sitemap: /index.xml\n", Content_Type="text/plain")
    index = "".join(f"<sitemap><loc>/s{n}.xml</loc></sitemap>" for n in range(3))
    pages.page("/index.xml", f"<sitemapindex>{index}</sitemapindex>")
    for number in range(3):
        locations = "".join(f"<url><loc>/m/{number}/{k}</loc></url>" for k in range(5))
        pages.page(f"/s{number}.xml", f"<urlset>{locations}</urlset>")
    for path in [f"/m/{number}/{k}" for number in range(3) for k in range(5)]:
        pages.page(path)
    pages.page("/")

    outcomes = list(crawl([f"{pages.url}/"], follow=False, sitemaps=True))

    assert len(outcomes) == 16
    assert all(outcome.ok for outcome in outcomes)


def test_what_pages_need_to_be_shown_is_part_of_them(pages: Pages) -> None:
    pages.page("/", '<a href="/a">x</a><img src="/i.png"><link rel=stylesheet href="/s.css">')
    pages.page("/a", '<script src="/j.js"></script><a href="/too-deep">x</a>')
    for path in ("/i.png", "/s.css", "/j.js"):
        pages.page(path)

    outcomes = list(crawl([f"{pages.url}/"], max_depth=1, requisites=True))
    alone = list(crawl([f"{pages.url}/"], follow=False, requisites=True))

    assert paths(pages, outcomes) == {"/", "/a", "/i.png", "/s.css", "/j.js"}
    assert paths(pages, alone) == {"/", "/i.png", "/s.css"}


def test_a_sitemap_of_sitemaps_without_end_ends(pages: Pages) -> None:
    pages.page("/robots.txt", "Sitemap: /s/1.xml\n", Content_Type="text/plain")
    for number in range(1, 50):
        body = f"<sitemapindex><sitemap><loc>/s/{number + 1}.xml</loc></sitemap></sitemapindex>"
        pages.page(f"/s/{number}.xml", body)
    pages.page("/")

    assert len(list(crawl([f"{pages.url}/"], sitemaps=True))) == 1
    assert sum(count for path, count in pages.asked.items() if path.startswith("/s/")) == 3


def test_a_redirect_to_a_page_that_is_known_is_a_duplicate(pages: Pages) -> None:
    pages.linked("/", "/a", "/b")
    pages.page("/a")
    pages.page("/b", status=301, Location="/a")

    outcomes = list(crawl([f"{pages.url}/"]))

    (skip,) = [outcome for outcome in outcomes if isinstance(outcome, Skip)]
    assert (skip.code, skip.request.via) == ("url.duplicate", (f"{pages.url}/b",))
    assert pages.asked["/a"] == 1


def test_a_redirect_of_a_seed_widens_the_crawl(pages: Pages) -> None:
    with serving() as other:
        pages.page("/", status=301, Location=f"{other.url}/home")
        other.linked("/home", "/next")
        other.page("/next")

        outcomes = list(crawl([f"{pages.url}/"]))

        assert {outcome.url for outcome in outcomes} == {f"{other.url}/home", f"{other.url}/next"}


def test_credentials_stay_with_their_origin(pages: Pages) -> None:
    with serving() as other:
        pages.linked("/", "/a", f"{other.url}/b")
        pages.page("/a")
        other.page("/b")
        seed = pages.url.replace("//", "//me:secret@") + "/"

        outcomes = list(crawl([seed], scope="host"))

        assert len(outcomes) == 3
        assert "Authorization" in pages.fields["/"]
        assert "Authorization" in pages.fields["/a"]
        for asked in (pages.fields["/robots.txt"], other.fields["/b"], other.fields["/robots.txt"]):
            assert "Authorization" not in asked


def test_our_name_is_sent_with_everything(pages: Pages) -> None:
    pages.linked("/", "/a")
    pages.page("/a")

    list(crawl([f"{pages.url}/"], user_agent="examplebot/1 (+http://a/)"))

    assert {fields["User-Agent"] for fields in pages.fields.values()} == {
        "examplebot/1 (+http://a/)"
    }


def test_bad_seeds_are_outcomes(pages: Pages) -> None:
    pages.page("/")

    outcomes = list(crawl([f"{pages.url}/", "http://bad host/", f"{pages.url}/"]))

    codes = sorted(getattr(outcome, "code", "") for outcome in outcomes)
    assert codes == ["", "url.duplicate", "url.invalid"]


def test_arguments_are_checked_before_anything_is_done() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        crawl([], concurrency=0)
    with pytest.raises(ValueError, match="no kind of scope"):
        crawl([], scope="galaxy")
    with pytest.raises(EngineUnavailable):
        crawl([], engine="nothing")


def test_what_was_yielded_is_durable_and_the_rest_comes_later(pages: Pages, tmp_path: Path) -> None:
    pages.site_of(120)
    out = tmp_path / "pages.jsonl"
    how = {"state": tmp_path / "crawl.db", "outputs": [out]}
    seen: list[str] = []

    for outcome in crawl([f"{pages.url}/p/0"], **how):
        seen.append(outcome.url)
        if len(seen) == 40:
            break
    seen += [outcome.url for outcome in crawl([f"{pages.url}/p/0"], **how)]

    written = [json.loads(line)["url"] for line in out.read_text().splitlines()]
    assert len(written) == len(set(written)) == 120
    # Of the turn in which it stopped, the program did not look at everything.
    assert set(seen) <= set(written)
    assert list(crawl([f"{pages.url}/p/0"], **how)) == []


def test_an_output_that_fails_ends_the_crawl_and_keeps_the_state(
    pages: Pages, tmp_path: Path
) -> None:
    pages.site_of(60)
    state = tmp_path / "crawl.db"

    class Full:
        taken = 0

        def write(self, outcome: object) -> None:
            self.taken += 1
            if self.taken > 20:
                raise SinkError("full")

        def close(self) -> None: ...

    with pytest.raises(SinkError, match="full"):
        list(crawl([f"{pages.url}/p/0"], state=state, sinks=[Full()]))
    done = sqlite3.connect(state).execute("SELECT count(*) FROM urls WHERE state = 1").fetchone()[0]
    rest = list(crawl([f"{pages.url}/p/0"], state=state))

    assert done <= 20
    assert done + len(rest) == 60


def test_a_hostile_page_does_not_stop_the_crawl(pages: Pages) -> None:
    pages.linked("/", "/deep", "/many", "/odd", "/fine")
    pages.page("/deep", "<xmp></xmp>" + "<div>" * 200_000)
    pages.linked("/many", *(f"/x/{number}" for number in range(6000)))
    pages.page("/odd", "<a href='http://[::1'>x</a><a href='\x00'>y</a><base href='file:///'>")
    pages.page("/fine", '<a href="/last">x</a>')
    pages.page("/last")

    outcomes = list(crawl([f"{pages.url}/"], max_pages=60))

    assert {"/deep", "/many", "/odd", "/fine"} <= paths(pages, outcomes)
    assert not any(isinstance(outcome, Failure) for outcome in outcomes)


def test_the_same_body_under_several_names_is_flagged(pages: Pages) -> None:
    pages.linked("/", *(f"/gone/{number}" for number in range(5)))
    for number in range(5):
        pages.page(f"/gone/{number}", "<title>404 Not Found</title>")

    outcomes = list(crawl([f"{pages.url}/"]))

    flagged = [o for o in outcomes if isinstance(o, Response) and "warn.soft_404" in o.warnings]
    assert len(flagged) >= 2


def test_pages_may_be_parsed_by_other_processes(pages: Pages, tmp_path: Path) -> None:
    from crawler.crawling import crawled
    from crawler.frontier.memory import Memory
    from crawler.model import Request
    from crawler.pace import Pace
    from crawler.plan import Plan
    from crawler.politeness import Politeness
    from crawler.stopping import Stop

    class Nothing:
        def write(self, final: object) -> None: ...
        def marks(self) -> dict[str, str]:
            return {}

        def sync(self) -> None: ...

    from crawler.crawling import discovery_of

    pages.site_of(60)
    plan = Plan(links=True, parsers=2, concurrency=5)
    frontier = Memory(lambda _: Pace(Politeness(concurrency=5), is_public=False))
    discovery = discovery_of(plan, frontier, Scope())
    seeds = [Request(f"{pages.url}/p/0")]

    outcomes = list(crawled(seeds, plan, frontier, Nothing(), Stop(), discovery=discovery))

    assert len(outcomes) == 60
    assert re.fullmatch(r"http://127.*", outcomes[0].url)


def test_a_page_that_was_parsed_here_in_part_says_so(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise BlockingIOError("no process is left")

    monkeypatch.setattr("os.posix_spawn", refuse)
    pages.page("/", "<a href=/a>x</a>" + " " * 2_200_000 + "<a href=/b>x</a>")
    pages.page("/a")

    found = list(crawl([pages.url]))

    assert paths(pages, found) == {"/", "/a"}
    assert {page.url: page.warnings for page in found}[f"{pages.url}/"] == ("parse.too_large",)


def test_what_the_frontier_has_is_not_handed_to_it_again(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"/{number}" for number in range(30)]
    for name in ("/", *names):
        pages.linked(name, "/", *names, "//elsewhere.example/")
    handed: list[str] = []
    add = Memory.add

    def counted(self: Memory, request: Request, /) -> bool:
        handed.append(request.url)
        return add(self, request)

    monkeypatch.setattr(Memory, "add", counted)
    outcomes = list(crawl([f"{pages.url}/"]))

    assert paths(pages, outcomes) == {"/", *names}
    assert len(handed) == len(set(handed)) + 1 == 32  # the seed once as a seed and once as a link
